"""``ringward watch``: every module load and program start, live."""

from __future__ import annotations

import argparse
import dataclasses
import os
import sys
from collections.abc import Iterable

from ringward.cli import options as common
from ringward.cli.child import Child, StartError
from ringward.cli.errors import INCOMPLETE, CannotRunError, UsageError
from ringward.cli.limits import limits_of
from ringward.cli.live import Ends, run
from ringward.cli.parser import Parser
from ringward.cli.proofs import Proofs
from ringward.cli.stream import Stream, output, record, say, show_screen, summary
from ringward.events.filter import Filter
from ringward.events.hooks import RUNGS
from ringward.events.registry import BY_NAME, CALLS, UnknownNameError, select
from ringward.events.syscall_kinds import HEAD
from ringward.events.syscall_table import by_event
from ringward.output.recording import Recorder
from ringward.output.screen import lacks
from ringward.output.views import CountView, JsonView, TableView
from ringward.output.writer import OutputError, Writer
from ringward.sensor import procfs, tracefs
from ringward.sensor.info import SensorError, SensorInfo
from ringward.sensor.limits import Limit
from ringward.sensor.sensor import LineReader, Sensor

_WAYS = tuple(rung for rung in RUNGS if rung != "sensor")
_DESCRIPTION = """\
Show every module load and program start as it happens: who, with which
arguments, which bytes, and whether it worked.

With `-- COMMAND ARG...`, run COMMAND and show only what it and its descendants
cause, and the loads that the kernel starts for them. Like strace: the output
goes to standard error unless -o names a file, and the exit status is COMMAND's.
"""
_EPILOG = """\
In the table: ~ the text is cut; ! user memory and the kernel's copy differed;
? something could not be read. -v tells what.

Ctrl-C ends it with one line: events shown, filtered, lost. Exit status: 0 done;
2 usage; 3 events were lost, or the sensor is degraded; 4 it could not run. With
a COMMAND its own: 126 not executable, 127 not found, 128+N ended by signal N.

examples:
  ringward watch                                 modules and programs
  ringward watch modules --failed                loads that were refused
  ringward watch -e finit_module --arg 'file.path=/tmp/*'
  ringward watch openat --arg 'filename=/etc/*'  any system call, by its name
  ringward watch calls -c -- make                a summary, kept in the kernel
  ringward watch -v -- modprobe dummy            what a command loads, in full
  ringward watch --record boot.jsonl --duration 60
"""


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the command's arguments."""
    parser = Parser("ringward watch", _DESCRIPTION, _EPILOG)
    parser.usage = "ringward watch [EVENT|GROUP ...] [options] [-- COMMAND ARG...]"
    parser.add_argument(
        "events",
        nargs="*",
        metavar="EVENT|GROUP",
        help="an event, a system call, or a group: modules, programs, calls, all; default: modules programs",
    )
    common.add_arguments(parser)
    more = parser.add_argument_group("live")
    more.add_argument("--duration", type=float, metavar="SECONDS", help="end after so long")
    more.add_argument("--record", metavar="FILE", help="write a recording for `ringward replay`")
    more.add_argument("--force", action="store_true", help="--record overwrites FILE")
    more.add_argument(
        "-s",
        "--bytes",
        type=int,
        default=0,
        metavar="N",
        help=f"of system calls: the first N bytes of buffers, at most {HEAD}; default: none",
    )
    more.add_argument(
        "--rate",
        action="append",
        default=[],
        metavar="EVENT=N",
        help="of an event at most N a second; what is left out is counted",
    )
    more.add_argument(
        "--sample", action="append", default=[], metavar="EVENT=1/N", help="of an event one of N; the same"
    )
    more.add_argument("--hook", metavar="RUNG", help=f"attach by this way where an event has it: {', '.join(_WAYS)}")
    return parser


def main(argv: list[str]) -> int:
    """Run ``ringward watch argv``; return its exit status."""
    command: list[str] = []
    if "--" in argv:
        at = argv.index("--")
        argv, command = argv[:at], argv[at + 1 :]
        if not command:
            raise UsageError("there is no command behind --")
    options = make_parser().parse_intermixed_args(argv)
    _check(options, command)
    events, named = common.choose(options.events, options.expressions, select([]))
    _check_calls(named)
    limits = limits_of(options.rate, options.sample, events)
    only = _whole_processes(common.make_filter(options, events), quiet=options.quiet)
    ends = Ends(options.duration, only.pids)
    with (
        record(options.record, force=options.force) as kept,
        output(options.file, sys.stderr.fileno() if command else sys.stdout.fileno()) as writer,
    ):
        view = common.make_view(options, writer.fd, events, named)
        if isinstance(view, TableView) and not options.verbose and not only.pids:
            view.leave_out = Proofs()
        # Before more is loaded: until it is let go, the child is a copy of this process.
        child = Child(command) if command else None
        lines = view if isinstance(view, JsonView) and view.is_whole and not kept else None
        sensor = _open(events, only, limits, options, child, lines)
        info = sensor.info
        try:
            stream = Stream(view, writer, Recorder(info) if kept else None, kept)
            if isinstance(view, CountView):
                view.kept = lambda: (sensor.counts(), sensor.not_returned())
            view.expect(set(events) & set(info.attached))
            _greet(info, stream, writer, options, events, waits=child is None)
            status = run(sensor, stream, ends, child)
        except StartError as error:
            say(f"ringward watch: {error}")
            return error.status
        except OutputError:
            sensor.close()
            if child:
                child.wait()
            raise
        finally:
            sensor.close()
        totals = sensor.totals
        if not totals.is_complete or (not options.quiet and not stream.unread):
            say(summary(view, totals))
        return status if status is not None else INCOMPLETE if not totals.is_complete or info.degraded else 0


def _check(options: argparse.Namespace, command: list[str]) -> None:
    common.check(options, command=bool(command))
    if options.hook is not None and options.hook not in _WAYS:
        raise UsageError(str(UnknownNameError("way to attach", options.hook, _WAYS)))
    if options.duration is not None and not options.duration > 0:
        raise UsageError("--duration needs a number of seconds above 0")
    if not 0 <= options.bytes <= HEAD:
        raise UsageError(f"--bytes needs a number from 0 to {HEAD}")
    if options.counts and (options.rate or options.sample):
        raise UsageError("-c counts every call, and slows no reader: leave out --rate and --sample")
    if command and options.pid:
        raise UsageError("-p and a command exclude each other: what is to be followed?")
    if options.file and options.record and os.path.realpath(options.file) == os.path.realpath(options.record):
        raise UsageError("-o and --record name the same file")


def _check_calls(named: Iterable[str]) -> None:
    """Check that this kernel has the system calls that were asked for by name, where it tells which it has."""
    there = tracefs.names()
    calls = [name for name in named if name not in BY_NAME]
    missing = [name for name in calls if there is not None and not there & {one.entry for one in by_event()[name]}]
    # Of a 32-bit call alone, tracefs says nothing.
    missing = [name for name in missing if any(one.abi == "64-bit" for one in by_event()[name])]
    if missing:
        known = [name for name in CALLS if there and there & {one.entry for one in by_event()[name]}]
        raise UsageError(f"this kernel has no such system call: {UnknownNameError('system call', missing[0], known)}")


def _whole_processes(only: Filter, *, quiet: bool) -> Filter:
    """Return a filter of processes: a program starts and ends as one, whichever of its threads does it."""
    groups = {pid: procfs.thread_group(pid) or pid for pid in only.pids}
    for pid, group in groups.items():
        if group != pid and not quiet:
            say(f"ringward watch: {pid} is a thread of process {group}, which is watched whole")
    return dataclasses.replace(only, pids=frozenset(groups.values()))


def _open(
    events: tuple[str, ...],
    only: Filter,
    limits: dict[str, Limit],
    options: argparse.Namespace,
    child: Child | None,
    lines: LineReader | None,
) -> Sensor:
    follow = child.pid if child else next(iter(only.pids)) if only.follow and len(only.pids) == 1 else None
    if follow is not None:
        # The sensor knows descent better than a filter can: the kernel keeps it as processes start.
        only = dataclasses.replace(only, pids=frozenset(), follow=False)
    # What is to be recorded, or ends the command, must be told one by one.
    counting = options.counts and not options.record and options.count is None
    sensor = Sensor(
        events,
        only=only,
        hook=options.hook,
        follow=follow,
        head=options.bytes,
        counting=counting,
        limits=limits,
        lines=lines,
    )
    try:
        sensor.open()
    except SensorError as error:
        if child:
            child.abandon()
        raise CannotRunError(f"{error}; to see what it shows: ringward replay") from None
    return sensor


def _greet(
    info: SensorInfo,
    stream: Stream,
    writer: Writer,
    options: argparse.Namespace,
    events: tuple[str, ...],
    *,
    waits: bool,
) -> None:
    """Say what is watched: all of it before a table that waits, else only what is missing."""
    table = isinstance(stream.view, TableView)
    if table and waits and not options.quiet:
        # Where modules cannot be counted there may be none to load.
        command = "modprobe dummy" if info.modules else "true"
        show_screen(writer, info, events, [f"waiting; try: ringward watch -- {command}"])
    elif not options.quiet:
        for line in lacks(info, events):
            say(f"ringward watch: {line}")
    stream.show_header()
