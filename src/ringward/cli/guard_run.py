"""``ringward guard --mode``: starts the guard, and shows what it tells until the end."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from ringward.cli import options as common
from ringward.cli.errors import BAD_ANSWER, INCOMPLETE, CannotRunError, UsageError
from ringward.cli.guard_reactions import Reactions
from ringward.cli.live import Ends, Signals, run
from ringward.cli.progress import ProgressLine, bar
from ringward.cli.stream import Stream, output, say, show_screen, summary
from ringward.events.registry import GROUPS, select
from ringward.guard import launch, programs, programs_status, ready, unit
from ringward.guard.holder import EVENTS, Holder
from ringward.guard.protect import is_private, own_files
from ringward.guard.session import ASIDE, Session
from ringward.guard.source import Source
from ringward.guard.starts import Starts
from ringward.kmod.config import load_config
from ringward.kmod.errors import KmodError
from ringward.kmod.resolve import Resolver
from ringward.kmod.tree import Tree
from ringward.output.system_log import Priority, SystemLog
from ringward.output.text import safe
from ringward.output.views import TableView
from ringward.sensor import procfs
from ringward.sensor.clock import NS, now
from ringward.trust.rules import Mode, Operation, Policy


def main(options: argparse.Namespace, modes: Mapping[Operation, Mode], closed: frozenset[Operation], trial: int) -> int:
    """Guard until the end; return the exit status.

    Args:
        options: of the command.
        modes: of the operations.
        closed: operations in which what nothing allows is denied.
        trial: seconds after which enforcing becomes monitoring; 0: never.

    Raises:
        StoreError, RulesError, PolicyError, SensorError, BpfError: there can be no guard.

    """
    events, named = common.choose([], options.expressions, select(["guard"]))
    known = {*EVENTS.values(), *ASIDE, *GROUPS["stream"]}
    if options.programs:
        known.add(programs.EVENT)
    elif programs.EVENT not in named:
        events = tuple(name for name in events if name != programs.EVENT)
    if not set(events) <= known:
        raise UsageError(f"-e: the guard tells of {', '.join(sorted(known))}; for others: ringward watch")
    source = Source(options.database, options.rules, modes, closed)
    try:
        if source.warning:
            say(f"ringward guard: WARNING: {safe(source.warning)}")
        policy, digests = source.policy()
        for rule in source.idle:
            say(f"ringward guard: rule {safe(rule)}: no digest in the database is what it wants")
        enforce = Mode.ENFORCE in modes.values()
        if enforce and Operation.MODULES in modes and _would_block(policy):
            return BAD_ANSWER
        with ExitStack() as stack:
            holder = judge = None
            if modes:
                holder = Holder(tuple(modes), enforce=enforce, stays=options.on_end == "continue")
                stack.callback(holder.close)
                holder.attach()
                if Operation.SELF in modes:
                    _protect(options, holder)
                holder.decide_by(policy, digests, policy.modes, now() + trial * NS if trial else 0)
            if options.programs:
                judge = programs.begin(programs.trusted(digests), shared=holder.maps if holder else None)
                stack.callback(judge.close)
                _tell_of_programs(options, judge)
                stack.callback(programs_status.forget)
            return _watch(options, Parts(holder, judge, source), events, named)
    finally:
        source.close()


def _tell_of_programs(options: argparse.Namespace, judge: programs.Judge) -> None:
    how = judge.elsewhere.attachments if judge.elsewhere else {}
    ids = [program for one in how.values() for program in one.programs]
    try:
        programs_status.tell(options.mode, ids, judge.weaker)
    except OSError as error:
        say(f"ringward guard: --status cannot tell of programs: {programs_status.NOTE}: {error.strerror}")


def _protect(options: argparse.Namespace, holder: Holder) -> None:
    """Keep the database, the rules, Ringward and what was asked for from others."""
    database = Path(options.database)
    wanted = own_files(database, Path(options.rules), launch.PACKAGE, map(Path, options.protect))
    for path, reason in holder.protect(wanted).items():
        say(f"ringward guard: {safe(path)} is not protected: {reason}")
    if not is_private(database):
        say(
            f"ringward guard: {safe(options.database)} shares its directory: the database is protected, but not from a"
            " journal that is put beside it"
        )


class Parts(NamedTuple):
    """What the guard consists of; at least one of the first two is there."""

    holder: Holder | None
    judge: programs.Judge | None
    source: Source


def _watch(options: argparse.Namespace, parts: Parts, events: tuple[str, ...], named: frozenset[str]) -> int:
    """Prove the hooks, take over, and show verdicts until the end."""
    holder, judge, source = parts
    only = common.make_filter(options, events)
    log = SystemLog()
    starts = Starts(judge, learns=options.mode == "learn") if judge else None
    reactions = Reactions(source, holder, log, say, starts)
    # From here on a signal ends it by way of the loop: what was read of the ring before is shown and kept.
    with output(options.file, sys.stdout.fileno()) as writer, Signals() as signals:
        view = common.make_view(options, writer.fd, events, named)
        session = Session(holder, events, reactions.take, only, judge)
        try:
            if options.mode == "enforce":
                session.prove()
            if holder:
                holder.take_over({"database": options.database, "rules": options.rules})
                for name, reason in holder.held_failures.items():
                    say(f"ringward guard: {safe(name)} cannot be held: {reason}; its removal is judged by its name")
            _tell_ready()
            greeting = _greeting(options, holder, judge)
            reactions.write(greeting, Priority.NOTICE)
            view.expect(set(events) & session.told)
            stream = Stream(view, writer)
            if isinstance(view, TableView) and not options.quiet:
                show_screen(writer, session.info, events, [greeting])
            elif not options.quiet:
                say(f"ringward guard: {greeting}")
            stream.show_header()
            run(session, stream, Ends(options.duration, frozenset()), None, signals)
        finally:
            session.close()
            reactions.end()
            reactions.write(f"its process ends; the kernel part will {options.on_end}", Priority.NOTICE)
            log.close()
        totals = session.totals
        if not totals.is_complete or (not options.quiet and not stream.unread):
            say(summary(view, totals))
        weaker = (holder and holder.missing) or (judge and judge.weaker)
        return INCOMPLETE if weaker or not totals.is_complete else 0


def _tell_ready() -> None:
    try:
        unit.tell_ready(os.environ)
    except OSError as error:
        say(f"ringward guard: systemd cannot be told that it decides: {error.strerror}")


def _greeting(options: argparse.Namespace, holder: Holder | None, judge: programs.Judge | None) -> str:
    found = [_of_modules(options, holder)] if holder else []
    if judge:
        found.append(f"mode {options.mode}: starts of programs are told as long as this process runs, never denied")
    if judge and judge.weaker:
        found.append(
            "programs are judged by user space, after their start: later and weaker, because " + safe(judge.weaker)
        )
    return "; ".join(found)


def _of_modules(options: argparse.Namespace, holder: Holder) -> str:
    weaker = [name for name, one in holder.attachments.items() if one.rung == "fmod_ret" and name in EVENTS.values()]
    how = f"; weaker, without BPF LSM: {', '.join(weaker)}" if weaker else ""
    trial = f" for {options.trial}, then monitor, unless: ringward guard --confirm" if options.trial else ""
    return f"mode {options.mode}{trial}; when this process ends the kernel part will {options.on_end}{how}"


def _would_block(policy: Policy) -> bool:
    """Say which modules of this machine would not pass; return whether there are any."""
    blocked = _blocked(policy)
    for line in ready.report(blocked):
        say(f"ringward guard: {safe(line)}")
    if blocked:
        say(
            f"ringward guard: enforce is refused: {len(blocked)} modules that this machine loads would not pass;"
            " trust them (ringward trust init, ringward trust approve), or use --mode monitor"
        )
    return bool(blocked)


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
