"""``ringward guard --mode``: starts the guard, and shows what it tells until the end."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from ringward.cli import options as common
from ringward.cli.errors import BAD_ANSWER, INCOMPLETE, CannotRunError, UsageError
from ringward.cli.guard_reactions import Reactions
from ringward.cli.live import Ends, run
from ringward.cli.progress import ProgressLine, bar
from ringward.cli.stream import Stream, output, say, show_screen, summary
from ringward.events.registry import GROUPS, select
from ringward.guard import launch, ready
from ringward.guard.holder import EVENTS, Holder
from ringward.guard.protect import is_private, own_files
from ringward.guard.session import ASIDE, Session
from ringward.guard.source import Source
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
        holder = Holder(tuple(modes), enforce=enforce, stays=options.on_end == "continue")
        try:
            holder.attach()
            if Operation.SELF in modes:
                _protect(options, holder)
            holder.decide_by(policy, digests, policy.modes, now() + trial * NS if trial else 0)
            return _watch(options, holder, source, events, named)
        finally:
            holder.close()
    finally:
        source.close()


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


def _watch(
    options: argparse.Namespace, holder: Holder, source: Source, events: tuple[str, ...], named: frozenset[str]
) -> int:
    """Prove the hooks, take over, and show verdicts until the end."""
    only = common.make_filter(options, events)
    log = SystemLog()
    reactions = Reactions(source, holder, log, say)
    with output(options.file, sys.stdout.fileno()) as writer:
        view = common.make_view(options, writer.fd, events, named)
        session = Session(holder, events, reactions.take, only)
        try:
            if options.mode == "enforce":
                session.prove()
            holder.take_over({"database": options.database, "rules": options.rules})
            for name, reason in holder.held_failures.items():
                say(f"ringward guard: {safe(name)} cannot be held: {reason}; its removal is judged by its name alone")
            reactions.write(_greeting(options, holder), Priority.NOTICE)
            view.expect(set(events) & set(session.info.attached))
            stream = Stream(view, writer)
            if isinstance(view, TableView) and not options.quiet:
                show_screen(writer, session.info, events, [_greeting(options, holder)])
            elif not options.quiet:
                say(f"ringward guard: {_greeting(options, holder)}")
            stream.show_header()
            run(session, stream, Ends(options.duration, frozenset()), None)
        finally:
            session.close()
            reactions.write(f"its process ends; the kernel part will {options.on_end}", Priority.NOTICE)
            log.close()
        lost = session.totals.lost
        if lost or (not options.quiet and not stream.unread):
            say(summary(view, session.totals.filtered, lost, session.totals.unjudged))
        return INCOMPLETE if lost or holder.missing else 0


def _greeting(options: argparse.Namespace, holder: Holder) -> str:
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
