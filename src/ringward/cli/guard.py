"""``ringward guard``: decide what enters the kernel: learn, monitor, enforce."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from ringward.cli import guard_status
from ringward.cli import options as common
from ringward.cli.errors import BAD_ANSWER, INCOMPLETE, CannotRunError, UsageError
from ringward.cli.live import Ends, run
from ringward.cli.parser import Parser
from ringward.cli.progress import ProgressLine, bar
from ringward.cli.stream import Stream, output, say, show_screen, summary
from ringward.events.registry import GROUPS, select
from ringward.guard import pins, programs, ready
from ringward.guard.holder import EVENTS, Holder
from ringward.guard.policy import PolicyError
from ringward.guard.session import ASIDE, Session
from ringward.kmod.config import load_config
from ringward.kmod.errors import KmodError
from ringward.kmod.resolve import Resolver
from ringward.kmod.tree import Tree
from ringward.output.text import safe
from ringward.output.views import TableView
from ringward.sensor import _native, procfs
from ringward.sensor.clock import NS, now
from ringward.sensor.info import SensorError
from ringward.trust import rows
from ringward.trust.entry import Pending
from ringward.trust.resolve_rules import load_policy
from ringward.trust.rule_files import DIRECTORY, RulesError, read_rules
from ringward.trust.rules import Mode, Operation, Policy
from ringward.trust.store import PATH, Store, StoreError, open_store

WORD = "ringward.guard=off"
"""On the kernel's command line: no guard is started, and what is pinned is gone after a boot."""
_MODES = {"learn": Mode.LEARN, "monitor": Mode.MONITOR, "enforce": Mode.ENFORCE}
_OPERATIONS = {operation.value: operation for operation in EVENTS}
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

exit status: 0 done; 1 enforce was refused, or --status: nothing decides;
2 usage; 3 events were lost, or something is not judged as asked; 4 it could not
run
"""


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the command's arguments."""
    parser = Parser("ringward guard", _DESCRIPTION, _EPILOG)
    parser.usage = "ringward guard --mode learn|monitor|enforce [options] | --status | --off"
    what = parser.add_argument_group("what is done")
    what.add_argument("--mode", choices=tuple(_MODES), help="how strict")
    what.add_argument("--status", action="store_true", help="what decides now")
    what.add_argument("--off", action="store_true", help="end what goes on deciding without a process")
    policy = parser.add_argument_group("by what")
    policy.add_argument(
        "--for",
        dest="operations",
        default=",".join(_OPERATIONS),
        metavar="OPERATION[,...]",
        help=f"what is judged: {', '.join(_OPERATIONS)} (default: all); none, with --programs",
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
    policy.add_argument("--try", dest="trial", metavar="TIME", help="enforce for so long (90s, 5m, 1h), then monitor")
    common.add_arguments(parser)
    parser.add_argument("--duration", type=float, metavar="SECONDS", help="end after so long")
    return parser


def main(argv: list[str]) -> int:
    """Run ``ringward guard argv``; return its exit status."""
    options = make_parser().parse_args(argv)
    if [bool(options.mode), options.status, options.off].count(True) != 1:
        raise UsageError("give one of --mode, --status and --off")
    if options.status:
        return guard_status.main(options)
    if options.off:
        return _off()
    common.check(options)
    alone = options.programs and options.operations == "none"
    operations = () if alone else _named(options.operations, "--for")
    closed = frozenset({Operation.MODULES, *_named(options.closed, "--closed")})
    trial = seconds(options.trial) if options.trial else 0
    if trial and options.mode != "enforce":
        raise UsageError("--try is for --mode enforce: the others deny nothing")
    if WORD in _text("/proc/cmdline").split():
        raise CannotRunError(f"no guard is started: {WORD} is on the kernel's command line")
    modes = dict.fromkeys(operations, _MODES[options.mode])
    try:
        with open_store(options.database, write=options.mode == "learn") as store:
            if store.warning:
                say(f"ringward guard: WARNING: {safe(store.warning)}")
            policy, idle = load_policy(store.connection, read_rules(options.rules), modes, closed)
            for rule in idle:
                say(f"ringward guard: rule {rule}: no digest in the database is what it wants")
            return _guard(options, store, policy, trial)
    except (StoreError, RulesError, PolicyError, SensorError) as error:
        raise CannotRunError(str(error)) from error
    except _native.BpfError as error:
        number, text, what, _log = error.args
        raise CannotRunError(f"cannot {what}: {text} ({number}); see: ringward doctor") from error


def _guard(options: argparse.Namespace, store: Store, policy: Policy, trial: int) -> int:
    enforce = options.mode == "enforce"
    if enforce and Operation.MODULES in policy.modes:
        blocked = _blocked(policy)
        if blocked:
            for line in ready.report(blocked):
                say(f"ringward guard: {safe(line)}")
            say(
                f"ringward guard: enforce is refused: {len(blocked)} modules that this machine loads would not pass;"
                " trust them (ringward trust init, ringward trust approve), or use --mode monitor"
            )
            return BAD_ANSWER
    if not policy.modes:
        return _with_programs(options, None, store, policy)
    holder = Holder(tuple(policy.modes), enforce=enforce, stays=options.on_end == "continue")
    try:
        holder.attach()
        holder.decide_by(policy, policy.known, policy.modes, now() + trial * NS if trial else 0)  # type: ignore[arg-type]
        holder.take_over({"database": options.database, "rules": options.rules})
        for name, reason in holder.held_failures.items():
            say(f"ringward guard: {safe(name)} cannot be held: {reason}; its removal is judged by its name alone")
        return _with_programs(options, holder, store, policy)
    finally:
        holder.close()


def _with_programs(options: argparse.Namespace, holder: Holder | None, store: Store, policy: Policy) -> int:
    """Judge starts of programs too, when that is asked for."""
    if not options.programs:
        return _watch(options, holder, store, None)
    known = programs.trusted(policy.known)  # type: ignore[arg-type]
    judged = programs.begin(known, shared=holder.maps if holder else None)
    if judged.weaker:
        say(
            "ringward guard: programs are judged by user space, after their start: later and weaker, because "
            f"{safe(judged.weaker)}"
        )
    try:
        return _watch(options, holder, store, judged)
    finally:
        judged.close()


def _watch(options: argparse.Namespace, holder: Holder | None, store: Store, judged: programs.Judge | None) -> int:
    """Show verdicts until the end."""
    events, named = common.choose([], options.expressions, select(["guard"]))
    if judged is None and programs.EVENT not in named:
        events = tuple(name for name in events if name != programs.EVENT)
    known = {*EVENTS.values(), *ASIDE, *GROUPS["stream"], *([programs.EVENT] if judged else [])}
    if not set(events) <= known:
        raise UsageError(f"-e: the guard tells of {', '.join(sorted(known))}; for others: ringward watch")
    only = common.make_filter(options, events)

    def learned(new: list[Pending]) -> None:
        if options.mode == "learn":
            with store.change() as connection:
                rows.wait(connection, new)

    with output(options.file, sys.stdout.fileno()) as writer:
        view = common.make_view(options, writer.fd, events, named)
        session = Session(holder, events, learned, only, judged)
        try:
            view.expect(set(events) & session.told)
            stream = Stream(view, writer)
            if isinstance(view, TableView) and not options.quiet:
                show_screen(writer, session.info, events, [_greeting(options, holder, judged)])
            stream.show_header()
            run(session, stream, Ends(options.duration, frozenset()), None)
        finally:
            session.close()
        lost = session.totals.lost
        if lost or (not options.quiet and not stream.unread):
            say(summary(view, session.totals.filtered, lost, session.totals.unjudged))
        missing = holder is not None and holder.missing
        return INCOMPLETE if lost or missing or (judged and judged.weaker) else 0


def _greeting(options: argparse.Namespace, holder: Holder | None, judged: programs.Judge | None) -> str:
    also = "starts of programs are told as long as this process runs, and never denied" if judged else ""
    if holder is None:
        return also
    weaker = [name for name, one in holder.attachments.items() if one.rung == "fmod_ret" and name in EVENTS.values()]
    how = f"; weaker, without BPF LSM: {', '.join(weaker)}" if weaker else ""
    text = f"mode {options.mode}; when this process ends the kernel part will {options.on_end}{how}"
    return f"{text}; {also}" if also else text


def _blocked(policy: Policy) -> list[ready.Blocked]:
    tree = Tree("", os.uname().release)
    try:
        resolver = Resolver(tree, load_config(None, root="", module_dir=tree.real(tree.directory)))
        names = ready.needed(procfs.loaded_modules(), ready.boot_lists(), ready.device_aliases())
        line = ProgressLine()
        try:
            check = ready.Check(policy, resolver)
            return check.blocked(names, lambda done: line.show(f"{bar(done, len(names))}  modules of this machine"))
        finally:
            line.end()
    except KmodError as error:
        raise CannotRunError(f"cannot look at the modules of this machine: {error}; run depmod") from error


def _off() -> int:
    if not pins.FOLDER.exists():
        say("ringward guard: nothing is pinned")
        return 0
    try:
        pins.remove(pins.FOLDER)
    except OSError as error:
        raise CannotRunError(f"cannot remove {pins.FOLDER}: {error.strerror}; is it run as root?") from None
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


def _text(path: str) -> str:
    return Path(path).read_text("utf-8", "backslashreplace")
