"""``ringward replay``: a recording, shown as it would have been live."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from ringward.cli import options as common
from ringward.cli.errors import INCOMPLETE, CannotRunError, UsageError
from ringward.cli.parser import Parser
from ringward.cli.stream import Stream, output, say, show_screen, summary
from ringward.events import BY_NAME, Event
from ringward.events.filter import Filter
from ringward.events.registry import CALLS
from ringward.output.recording import CutError, Recording, RecordingError, batches
from ringward.output.views import TableView
from ringward.sensor.info import Totals

BATCH = 256
"""Events that are written at once."""
SHIPPED = Path(__file__).with_name("recordings") / "autoload.jsonl"
"""A short recording of a real kernel, to see what Ringward shows."""

_DESCRIPTION = """\
Show a recording that `ringward watch --record FILE` has made, with the filters
and outputs of watch. It needs no privilege: any machine will do.
"""
_EPILOG = f"""\
Exit status: 0 done; 2 usage; 3 the recording was cut, or events were lost when
it was made; 4 it is not a recording that this Ringward reads.

Without FILE it shows a short recording of a real kernel that is shipped:
{SHIPPED}
"""


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the command's arguments."""
    parser = Parser("ringward replay", _DESCRIPTION, _EPILOG)
    parser.add_argument(
        "recording", nargs="?", default=str(SHIPPED), metavar="FILE", help="a recording; - is standard input"
    )
    parser.add_argument("events", nargs="*", metavar="EVENT|GROUP", help="default: everything in it")
    common.add_arguments(parser)
    return parser


def main(argv: list[str]) -> int:
    """Run ``ringward replay argv``; return its exit status."""
    options = make_parser().parse_intermixed_args(argv)
    common.check(options)
    events, named = common.choose(options.events, options.expressions, (*BY_NAME, *CALLS))
    only = common.make_filter(options, events)
    if options.file and options.file == options.recording:
        raise UsageError(f"-o {options.file} would overwrite the recording")
    with _source(options.recording) as (source, name), output(options.file, sys.stdout.fileno()) as writer:
        view = common.make_view(options, writer.fd, events, named)
        try:
            recording = Recording(source, name)
        except RecordingError as error:
            raise CannotRunError(str(error)) from None
        view.expect(set(events) & set(recording.header.sensor.attached))
        if isinstance(view, TableView) and not options.quiet:
            show_screen(writer, recording.header.sensor, events, [], recorded=True)
        stream = Stream(view, writer)
        stream.show_header()
        return _show(recording, stream, only, quiet=options.quiet)


@contextmanager
def _source(file: str) -> Iterator[tuple[IO[bytes], str]]:
    if file == "-":
        yield sys.stdin.buffer, "standard input"
        return
    try:
        source = open(file, "rb")  # noqa: SIM115, PTH123 - the file is closed below
    except OSError as error:
        raise CannotRunError(f"cannot open {file}: {error.strerror}") from None
    with source:
        yield source, file


class _Seen:
    """Passes events on and counts what is not shown."""

    def __init__(self, only: Filter) -> None:
        self._only = only
        self.totals = Totals()

    def wanted(self, events: list[Event]) -> list[Event]:
        found = []
        for event in events:
            if event.event == "events_lost":
                self.totals.lose(event.args.count)
            verdict = self._only.judge(event)
            if verdict:
                found.append(event)
            else:
                self.totals.filtered += 1
                self.totals.unjudged += verdict is None
        return found


def _show(recording: Recording, stream: Stream, only: Filter, *, quiet: bool) -> int:
    seen = _Seen(only)
    fault: CutError | RecordingError | None = None
    try:
        for batch in batches(recording.events(), BATCH):
            stream.feed(seen.wanted(batch), max((event.ktime for event in batch), default=0))
            if stream.view.full or stream.unread:
                break
    except (CutError, RecordingError) as error:
        fault = error
    except KeyboardInterrupt:
        say("")
    stream.finish()
    if stream.unread:
        return 0
    totals = seen.totals
    if recording.footer:
        # The events of the losses may have been filtered out when it was made.
        totals.lost = max(totals.lost, recording.footer.lost)
        totals.lost_uncounted = max(totals.lost_uncounted, recording.footer.lost_uncounted)
    if not quiet or not totals.is_complete or fault:
        say(summary(stream.view, totals))
    if isinstance(fault, RecordingError):
        raise CannotRunError(str(fault))
    if fault:
        say(f"ringward replay: {fault}")
    return INCOMPLETE if fault or not totals.is_complete else 0
