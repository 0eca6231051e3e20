"""What `watch` and `replay` have in common: which events, which of them, and how they are shown."""

from __future__ import annotations

import argparse
import difflib
import os
import pwd
import shutil
from collections.abc import Iterable

from ringward.cli import terminal
from ringward.cli.errors import UsageError
from ringward.events.filter import Filter, check_arg
from ringward.events.registry import BY_NAME, CALLS, GROUPS, UnknownNameError, select
from ringward.events.syscall_table import expand
from ringward.output.table import Table
from ringward.output.template import Template, TemplateError
from ringward.output.views import CountView, JsonView, TableView, TemplateView, View

# strace(1): kinds of -e that are not about which calls are shown.
_STRACE_ONLY = frozenset(
    {"signal", "signals", "s", "status", "quiet", "silent", "q", "inject", "fault", "read", "write"}
    | {"abbrev", "a", "verbose", "v", "raw", "x", "kvm", "decode-fds", "decode-pids", "secontext", "trace-fds"}
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options that both commands have."""
    which = parser.add_argument_group(
        "which events",
        "Several of one kind: any of them; several kinds: all of them. An event is not\n"
        "shown when what decides could not be read; the last line counts these.",
    )
    which.add_argument(
        "-e",
        dest="expressions",
        action="append",
        default=[],
        metavar="EVENT[,EVENT]",
        help="events or groups, as in strace: -e trace=finit_module, -e 'trace=!process_exit'",
    )
    which.add_argument("--comm", action="append", default=[], metavar="GLOB", help="name of the task")
    which.add_argument(
        "-p",
        "--pid",
        action="append",
        default=[],
        metavar="PID[,PID]",
        help="process, of the first pid namespace; for a thread, watch takes its process",
    )
    which.add_argument("-f", dest="follow", action="store_true", help="with -p: its descendants too")
    which.add_argument("--uid", action="append", default=[], metavar="UID|NAME", help="real user id")
    which.add_argument("--exe", action="append", default=[], metavar="GLOB", help="path of the executable")
    which.add_argument(
        "--arg",
        action="append",
        default=[],
        metavar="NAME=GLOB",
        help="an argument of the event: name=dummy, file.path='/tmp/*'",
    )
    which.add_argument("-Z", "--failed", action="store_true", help="only what returned an error")
    which.add_argument("--container", default="", metavar="ID", help="start of the container's id")
    which.add_argument("--count", type=int, metavar="N", help="end after N events")
    how = parser.add_argument_group("how they are shown")
    how.add_argument("--output", choices=("table", "jsonl"), help="default: table on a terminal, else jsonl")
    how.add_argument("--json", action="store_const", const="jsonl", dest="output", help="short for --output jsonl")
    how.add_argument(
        "--template", metavar="TEXT", help="a line an event: '{time} {process.comm:15} {args.name}'; null is -"
    )
    how.add_argument("-c", dest="counts", action="store_true", help="only a summary: calls, errors, time, percentiles")
    how.add_argument("-o", dest="file", metavar="FILE", help="write to FILE")
    how.add_argument("-v", "--verbose", action="store_true", help="all steps of a load, all arguments, all reasons")
    how.add_argument("-q", "--quiet", action="store_true", help="no first screen, no summary")


def check(options: argparse.Namespace, *, command: bool = False) -> None:
    """Check what the parser cannot.

    Args:
        options: of the parser.
        command: whether there is one to follow.

    Raises:
        UsageError: options that exclude each other, or a value out of range.

    """
    if options.count is not None and options.count < 1:
        raise UsageError("--count needs a number from 1 on")
    if options.template is not None and (options.output or options.counts):
        raise UsageError("--template is a form of its own: leave out --output and -c")
    if options.counts and options.output == "jsonl":
        raise UsageError("-c prints a table: leave out --output jsonl")
    if options.follow and not (command or options.pid):
        raise UsageError("-f needs -p PID, or in watch a command behind --")


def expressions(texts: Iterable[str]) -> tuple[list[str], set[str], bool]:
    """Return the names that ``-e`` wants, those that it excludes, and whether it said ``none``.

    Raises:
        UsageError: a kind of expression that only strace has.

    """
    wanted: list[str] = []
    excluded: set[str] = set()
    nothing = False
    for text in texts:
        kind, equals, rest = text.partition("=")
        if equals and kind in _STRACE_ONLY:
            raise UsageError(f"-e {kind}= is strace's; Ringward knows -e trace=EVENT[,EVENT]")
        value = rest if equals and kind in ("trace", "t") else text
        names = [name.strip().removeprefix("%") for name in value.removeprefix("!").split(",") if name.strip()]
        if value.startswith("!"):
            excluded.update(name for found in names for name in GROUPS.get(found) or expand(found) or (found,))
        elif names == ["none"]:
            nothing = True
        else:
            wanted += names
    return wanted, excluded, nothing


def choose(names: list[str], texts: list[str], default: tuple[str, ...]) -> tuple[tuple[str, ...], frozenset[str]]:
    """Return the events that are asked for, and those of them that were named one by one.

    Args:
        names: of events and groups.
        texts: of ``-e``.
        default: events when none are named.

    Raises:
        UsageError: an unknown name, or nothing is left.

    """
    wanted, excluded, nothing = expressions(texts)
    asked = [*names, *wanted]
    try:
        select(excluded)  # for its check of the names
        chosen = select(asked) if asked else select(["stream"]) if nothing else default
    except UnknownNameError as error:
        program = next((name for name in names if name not in BY_NAME and name not in GROUPS and name not in CALLS), "")
        if shutil.which(program):
            raise UsageError(f"{error}\nto run a command: ringward watch -- {' '.join(names)}") from None
        raise UsageError(str(error)) from None
    chosen = tuple(name for name in chosen if name not in excluded)
    if not set(chosen) - set(GROUPS["stream"]) and not nothing and "stream" not in asked:
        raise UsageError("no event is left of those that were asked for")
    return chosen, frozenset(asked) & {*BY_NAME, *CALLS}


def make_filter(options: argparse.Namespace, events: tuple[str, ...]) -> Filter:
    """Return the filter that the options ask for.

    Raises:
        UsageError: a value that cannot be; the message gives the nearest names.

    """
    args = []
    for text in options.arg:
        name, equals, glob = text.partition("=")
        if not equals:
            raise UsageError(f"--arg needs NAME=GLOB, not '{text}'")
        try:
            check_arg(name, events)
        except UnknownNameError as error:
            raise UsageError(f"--arg: {error}") from None
        args.append((name, glob))
    pids = frozenset(_pid(text) for given in options.pid for text in given.split(","))
    return Filter(
        events=frozenset(events),
        comms=tuple(options.comm),
        pids=pids,
        follow=options.follow,
        uids=frozenset(_uid(text) for text in options.uid),
        exes=tuple(options.exe),
        args=tuple(args),
        failed=options.failed,
        container=options.container,
    )


def _pid(text: str) -> int:
    text = text.strip()
    if not (text.isascii() and text.isdigit() and int(text) > 0):
        raise UsageError(f"-p needs a process id, not '{text}'")
    return int(text)


def _uid(text: str) -> int:
    if text.isascii() and text.isdigit():
        return int(text)
    try:
        return pwd.getpwnam(text).pw_uid
    except KeyError:
        near = difflib.get_close_matches(text, [entry.pw_name for entry in pwd.getpwall()], 3, 0.5)
        hint = f"; did you mean {', '.join(near)}?" if near else "; a number is taken as it is"
        raise UsageError(f"--uid: no user named '{text}' on this machine{hint}") from None


def make_view(options: argparse.Namespace, fd: int, events: tuple[str, ...], named: frozenset[str]) -> View:
    """Return what shows the events on `fd`.

    Raises:
        UsageError: a template with an unknown field.

    """
    if options.template is not None:
        try:
            return TemplateView(Template(options.template, events), options.count)
        except TemplateError as error:
            raise UsageError(f"--template: {error}") from None
    if options.counts:
        return CountView(options.count)
    if (options.output or ("table" if os.isatty(fd) else "jsonl")) == "jsonl":
        return JsonView(options.count)
    table = Table(terminal.width(fd), terminal.colour(fd), terminal.utf8(fd), options.verbose)
    return TableView(table, named, options.count)
