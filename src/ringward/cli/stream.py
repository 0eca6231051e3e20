"""What `watch` and `replay` do with a stream: write it, record it, sum it up."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from ringward.cli import terminal
from ringward.cli.errors import CannotRunError
from ringward.events import Event
from ringward.output.recording import Recorder
from ringward.output.screen import screen
from ringward.output.views import TableView, View
from ringward.output.writer import OutputError, Writer
from ringward.sensor.info import SensorInfo, Totals

_BOLD, _WARN, _RESET = "\x1b[1m", "\x1b[33m", "\x1b[0m"


class Stream:
    """Shows events, and records them when a recorder is given.

    Args:
        view: how they are shown.
        writer: where.
        recorder: makes the recording.
        record: where it goes.

    """

    def __init__(
        self, view: View, writer: Writer, recorder: Recorder | None = None, record: Writer | None = None
    ) -> None:
        self.view = view
        self.unread = False
        """Nobody reads the output any more."""
        self._writer = writer
        self._recorder = recorder
        self._record = record
        if recorder and record:
            record.write(recorder.begin())

    def feed(self, events: list[Event], now: int) -> None:
        """Take in a batch at `now`, nanoseconds since boot.

        Raises:
            OutputError: it could not be written.

        """
        if self._recorder and self._record and events:
            self._record.write(self._recorder.encode(events))
        self._write(self.view.feed(events, now))

    def finish(self) -> None:
        """Show what still waits.

        Raises:
            OutputError: it could not be written.

        """
        self._write(self.view.finish())

    def resize(self) -> None:
        """Fit the table to the terminal's new width, and name the columns again."""
        if isinstance(self.view, TableView):
            self.view.table.resize(terminal.width(self._writer.fd))
            self.show_header()

    def show_header(self) -> None:
        """Write the names of the columns, if there are columns."""
        if isinstance(self.view, TableView):
            self._write(f"{self.view.table.header()}\n".encode())

    def _write(self, data: bytes | bytearray) -> None:
        if not data or self.unread:
            return
        try:
            self._writer.write(data)
        except BrokenPipeError:
            self.unread = True

    def end_record(self, totals: Totals) -> None:
        """Write the last line of the recording, which says that it is whole."""
        if self._recorder and self._record:
            self._record.write(self._recorder.end(totals))


@contextmanager
def output(file: str | None, default: int) -> Iterator[Writer]:
    """Open the output: `file`, which is emptied first, else the descriptor `default`.

    Raises:
        CannotRunError: it cannot be opened, or, later, not be written.

    """
    fd = default
    if file is not None:
        try:
            fd = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o666)
        except OSError as error:
            raise CannotRunError(f"cannot open {file} for output: {error.strerror}") from None
    try:
        yield Writer(fd, file or {1: "standard output", 2: "standard error"}.get(fd, str(fd)))
    except OutputError as error:
        raise CannotRunError(error.strerror) from None
    finally:
        if file is not None:
            os.close(fd)


@contextmanager
def record(file: str | None, *, force: bool) -> Iterator[Writer | None]:
    """Open a recording, which only its owner can read: it has the command lines of everyone.

    Raises:
        CannotRunError: it cannot be opened, or there is something in it already and `force` is not given.

    """
    if file is None:
        yield None
        return
    try:
        fd = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise CannotRunError(f"cannot open {file} for the recording: {error.strerror}") from None
    try:
        found = os.fstat(fd)
        if stat.S_ISREG(found.st_mode):
            if found.st_size and not force:
                raise CannotRunError(
                    f"cannot record to {file}: there is something in it; name another file, or add --force"
                )
            os.ftruncate(fd, 0)
        yield Writer(fd, file)
    finally:
        os.close(fd)


def show_screen(
    writer: Writer, info: SensorInfo, selected: Iterable[str], notes: Iterable[str], *, recorded: bool = False
) -> None:
    """Write the first screen, and `notes` after it."""
    lines = screen(info, frozenset(selected), terminal.width(writer.fd), recorded=recorded)
    notes = list(notes)
    if terminal.colour(writer.fd):
        lines = [
            f"{_BOLD}{line}{_RESET}" if not number else f"{_WARN}{line}{_RESET}" if _is_lack(line) else line
            for number, line in enumerate(lines)
        ]
        notes = [f"{_BOLD}{note}{_RESET}" for note in notes]
    writer.lines([*lines, *notes])


def _is_lack(line: str) -> bool:
    return line.lstrip().startswith(("degraded ", "missing ", "partly "))


def summary(view: View, totals: Totals) -> str:
    """Return the last line: how many events `view` has shown, and how many were filtered and lost."""
    events = "event" if view.shown == 1 else "events"
    steps = f" (and {view.folded} steps of them)" if view.folded else ""
    unread = f" ({totals.unjudged} of them because what decides could not be read)" if totals.unjudged else ""
    left_out = f", {totals.limited} left out by --rate or --sample" if totals.limited else ""
    proofs = view.left_out if isinstance(view, TableView) else 0
    own = f", {proofs} by which the guard proves itself left out (-v shows them)" if proofs else ""
    lost = f"{totals.lost} lost"
    if totals.lost_uncounted:
        lost = f"{lost} and an unknown number more" if totals.lost else "an unknown number lost"
    return f"{view.shown} {events} shown{steps}, {totals.filtered} filtered{unread}, {lost}{left_out}{own}"


def say(text: str) -> None:
    """Write a line to standard error; that nobody reads it is no fault."""
    try:
        print(text, file=sys.stderr, flush=True)
    except OSError:
        return
