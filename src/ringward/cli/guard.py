"""``ringward guard``: decide what enters the kernel: learn, monitor, enforce."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from ringward.cli import guard_run, guard_status
from ringward.cli import options as common
from ringward.cli.errors import CannotRunError, UsageError
from ringward.cli.parser import Parser
from ringward.cli.stream import say
from ringward.guard import launch, pins, programs_status, status, unit
from ringward.guard.holder import EVENTS
from ringward.guard.policy import PolicyError
from ringward.output.text import safe
from ringward.sensor import _native
from ringward.sensor.info import SensorError
from ringward.trust.rule_files import DIRECTORY, RulesError
from ringward.trust.rules import Mode, Operation
from ringward.trust.store import PATH, StoreError

WORD = "ringward.guard=off"
"""On the kernel's command line: no guard is started, and what is pinned is gone after a boot."""
_FSTAB = Path("/etc/fstab")
_END_SECONDS = 30
"""How long the kernel may take to end programs that nothing holds; an emulated machine needs some."""
_MODES = {"learn": Mode.LEARN, "monitor": Mode.MONITOR, "enforce": Mode.ENFORCE}
_OPERATIONS = {operation.value: operation for operation in EVENTS}
_DEFAULT = [name for name, operation in _OPERATIONS.items() if operation is not Operation.SELF]
"""Not `self`: it keeps from administrators too what they edit by hand."""
_DESCRIPTION = """\
Judge kernel modules by the trust database and the rules, and the kernel's
requests and removals of modules by the rules: in the kernel, before anything
happens.

  learn     what is unknown passes, and waits for `ringward trust approve`
  monitor   nothing is denied; what would be is told
  enforce   it is denied, and told
"""
_EPILOG = """\
Rules come from *.toml below the rules' directory. An operation of --closed
denies what no rule allows; modules are always so.

enforce first checks that every module that is loaded now, or that this machine
loads at boot, would pass, and refuses with the list where one would not.

By default the kernel part ends with the process. With --on-end continue it goes
on deciding; the next start takes over without a gap, --off ends it. With
ringward.guard=off on the kernel's command line no guard starts.

Who is refused reads why on the terminal. Denials are in the system's log, and
what nothing vouches for waits for `ringward trust approve`, which needs no
restart: changes of the database and the rules are followed.

exit status: 0 done; 1 enforce was refused, or --status: nothing decides;
2 usage; 3 events were lost, or something is not judged as asked; 4 it could not
run
"""


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the command's arguments."""
    parser = Parser("ringward guard", _DESCRIPTION, _EPILOG)
    parser.usage = "ringward guard --mode learn|monitor|enforce [options] | --status | --confirm | --off"
    what = parser.add_argument_group("what is done")
    what.add_argument("--mode", choices=tuple(_MODES), help="how strict")
    what.add_argument("--status", action="store_true", help="what decides now")
    what.add_argument("--confirm", action="store_true", help="let what --try has begun go on")
    what.add_argument("--off", action="store_true", help="end what goes on deciding without a process")
    what.add_argument(
        "--print-unit",
        action="store_true",
        help="print a unit of systemd that starts it at boot with these options, and start nothing",
    )
    policy = parser.add_argument_group("by what")
    policy.add_argument(
        "--for",
        dest="operations",
        default=",".join(_DEFAULT),
        metavar="OPERATION[,...]",
        help=f"what is judged: {', '.join(_OPERATIONS)} (default: all but self); none, with --programs",
    )
    policy.add_argument(
        "--programs", action="store_true", help="tell of each start of a program that is not known; none is denied"
    )
    policy.add_argument(
        "--closed",
        default="",
        metavar="OPERATION[,...]",
        help="autoload, unload: deny what no rule allows (default: neither)",
    )
    policy.add_argument("--database", metavar="FILE", default=PATH, help=f"default: {PATH}")
    policy.add_argument("--rules", metavar="DIR", default=DIRECTORY, help=f"default: {DIRECTORY}")
    policy.add_argument(
        "--on-end",
        choices=("release", "continue"),
        default="release",
        help="what the kernel part does when this process ends (default: release)",
    )
    policy.add_argument(
        "--protect",
        action="append",
        default=[],
        metavar="FILE",
        help="a program that is trusted: its file is protected as Ringward's own are (with --for self)",
    )
    policy.add_argument("--try", dest="trial", metavar="TIME", help="enforce for so long (90s, 5m, 1h), then monitor")
    common.add_arguments(parser)
    parser.add_argument("--duration", type=float, metavar="SECONDS", help="end after so long")
    return parser


def main(argv: list[str]) -> int:
    """Run ``ringward guard argv``; return its exit status."""
    options = make_parser().parse_args(argv)
    if [bool(options.mode), options.status, options.confirm, options.off].count(True) != 1:
        raise UsageError("give one of --mode, --status, --confirm and --off")
    if options.print_unit:
        return _print_unit(options, argv)
    if options.status:
        return guard_status.main(options)
    try:
        if options.off:
            return _off()
        return guard_status.confirm() if options.confirm else _start(options)
    except (StoreError, RulesError, PolicyError, SensorError) as error:
        raise CannotRunError(str(error)) from error
    except OSError as error:
        raise CannotRunError(f"cannot guard: {error}; is it run as root?") from error
    except _native.BpfError as error:
        raise CannotRunError(f"cannot {error.args[2]}: {error.args[1]}; see: ringward doctor") from error


def _start(options: argparse.Namespace) -> int:
    common.check(options)
    alone = options.programs and options.operations == "none"
    operations = () if alone else _named(options.operations, "--for")
    closed = frozenset({Operation.MODULES, *_named(options.closed, "--closed")})
    trial = seconds(options.trial) if options.trial else 0
    if trial and options.mode != "enforce":
        raise UsageError("--try is for --mode enforce: the others deny nothing")
    if WORD in Path("/proc/cmdline").read_text("utf-8", "backslashreplace").split():
        raise CannotRunError(f"no guard is started: {WORD} is on the kernel's command line")
    before = status.read()
    if before and before.active and before.alive:
        raise CannotRunError(f"process {before.pid} guards already: end it first; see: ringward guard --status")
    # A damaged note is written anew.
    with suppress(ValueError):
        starts = programs_status.read() if options.programs else None
        if starts and starts.active:
            raise CannotRunError(f"process {starts.pid} judges programs already; see: ringward guard --status")
    modes = dict.fromkeys(operations, _MODES[options.mode])
    return guard_run.main(options, modes, closed, trial)


def _print_unit(options: argparse.Namespace, argv: list[str]) -> int:
    if not options.mode:
        raise UsageError("--print-unit is for --mode")
    # Isolated: neither an environment nor a current directory says what is imported.
    command = [sys.executable, "-I", "-m", "ringward", "guard", *(word for word in argv if word != "--print-unit")]
    places = (options.database, options.rules, options.file, sys.executable, sys.prefix, str(launch.PACKAGE))
    needs = {"/usr", *(os.path.realpath(place) for place in places if place)}
    try:
        mounts = unit.own_mounts(_FSTAB.read_text("utf-8", "replace") if _FSTAB.exists() else "", needs)
        print(unit.text(command, needs, mounts), end="")
    except OSError as error:
        raise CannotRunError(f"cannot look for file systems of their own: {_FSTAB}: {error.strerror}") from error
    except ValueError as error:
        raise UsageError(str(error)) from error
    if mounts:
        say(
            f"ringward guard: WARNING: it needs {safe(', '.join(mounts))}, and starts when that is mounted:"
            " modules for devices are loaded before, and not judged"
        )
    return 0


def _off() -> int:
    before = status.read()
    if before and before.active and before.alive:
        say(f"ringward guard: process {before.pid} goes on: it decides until it ends")
    if not pins.FOLDER.exists():
        say("ringward guard: nothing is pinned")
        return 0
    try:
        pins.remove(pins.FOLDER)
    except OSError as error:
        raise CannotRunError(f"cannot remove {pins.FOLDER}: {error.strerror}; is it run as root?") from None
    if before and not before.alive and not status.wait_until_gone(before.programs, _END_SECONDS):
        raise CannotRunError(
            f"the pins are removed, and {_END_SECONDS} s later programs of the guard still decide: something else holds"
            " them; see: bpftool link list"
        )
    return 0


def _named(text: str, option: str) -> tuple[Operation, ...]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    for name in names:
        if name not in _OPERATIONS:
            raise UsageError(f"{option}: there is no '{name}'; there are: {', '.join(_OPERATIONS)}")
    if not names and option == "--for":
        raise UsageError("--for names nothing to judge")
    return tuple(_OPERATIONS[name] for name in dict.fromkeys(names))


_UNITS: Mapping[str, int] = {"s": 1, "m": 60, "h": 3600}


def seconds(text: str) -> int:
    """Return a time of ``--try``, seconds.

    Raises:
        UsageError: it is none.

    """
    number, unit = text[:-1], text[-1:]
    if unit not in _UNITS or not (number.isascii() and number.isdigit()) or not int(number):
        raise UsageError(f"--try needs a time as 90s, 5m or 1h, not '{text}'")
    return int(number) * _UNITS[unit]
