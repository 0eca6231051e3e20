"""What the actions of ``ringward trust`` have in common: their options, the database, what they print."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

import msgspec

from ringward.cli.errors import INCOMPLETE, UsageError
from ringward.cli.parser import Parser
from ringward.cli.progress import ProgressLine, bar
from ringward.cli.trust_text import MOST, change_lines, fault_lines, plural
from ringward.output.text import safe
from ringward.trust import rows, shapes
from ringward.trust.change import Change
from ringward.trust.entry import plain
from ringward.trust.sources.fault import Fault
from ringward.trust.store import PATH, Store, open_store, scratch_store
from ringward.trust.survey import Memory, Progress, Scope, Survey, survey


def make_parser(action: str, about: str, epilog: str = "") -> argparse.ArgumentParser:
    """Return a parser with the options that every action has."""
    parser = Parser(f"ringward trust {action}", about, epilog)
    parser.add_argument("--database", metavar="FILE", help=f"default: {PATH}, below the --sysroot if there is one")
    return parser


def add_output(parser: argparse.ArgumentParser) -> None:
    """Add the options of what is printed."""
    parser.add_argument("--output", choices=("text", "json"), help="text on a terminal (default), json elsewhere")
    parser.add_argument("--json", action="store_const", dest="output", const="json", help="short for --output json")
    parser.add_argument("-v", "--verbose", action="store_true", help=f"all lines, not {MOST} of each kind")


def add_dry_run(parser: argparse.ArgumentParser) -> None:
    """Add the options of an action that changes trust."""
    parser.add_argument("-n", "--dry-run", action="store_true", help="say what would change, and change nothing")


def add_reason(parser: argparse.ArgumentParser) -> None:
    """Add the option of why something is trusted."""
    parser.add_argument("--reason", default="", type=plain, metavar="TEXT", help="kept with the entries: why")


def add_system(parser: argparse.ArgumentParser) -> None:
    """Add the options of what is looked at."""
    parser.add_argument("--sysroot", default="", metavar="DIR", help="look at the system below DIR")
    parser.add_argument(
        "--certificate",
        action="append",
        default=[],
        metavar="FILE",
        help="check modules' signatures with these, too, not only with those built into their kernel",
    )


def wants_json(options: argparse.Namespace) -> bool:
    """Return whether JSON is to be printed."""
    return (options.output or ("text" if sys.stdout.isatty() else "json")) == "json"


def print_json(document: msgspec.Struct) -> None:
    """Print a document."""
    print(msgspec.json.format(msgspec.json.encode(document), indent=2).decode())


def warn(text: str) -> None:
    """Print a line to standard error."""
    print(f"ringward trust: {safe(text)}", file=sys.stderr)


def most(options: argparse.Namespace) -> int | None:
    """Return how many lines of a kind are shown; None: all."""
    return None if options.verbose else MOST


def database(options: argparse.Namespace) -> str:
    """Return the path of the database."""
    root = getattr(options, "sysroot", "").rstrip("/")
    return str(options.database or f"{root}{PATH}")


def open_database(options: argparse.Namespace, *, write: bool = False, create: bool = False) -> Store:
    """Return the open database; a warning about it is printed at once.

    Raises:
        StoreError: it cannot be used.

    """
    dry = getattr(options, "dry_run", False)
    path = database(options)
    if dry and create and not os.path.lexists(path):
        return scratch_store(path)
    store = open_store(path, write=write and not dry, create=create and not dry)
    if store.warning:
        warn(f"WARNING: {store.warning}")
    return store


def scope(options: argparse.Namespace, directories: Sequence[str] = (), kernels: Sequence[str] = ()) -> Scope:
    """Return what is to be looked at.

    Raises:
        UsageError: a directory that is not absolute.

    """
    for path in directories:
        if not path.startswith("/"):
            raise UsageError(f"--directory needs an absolute path, not '{path}'")
    return Scope(options.sysroot, tuple(directories), tuple(kernels), tuple(options.certificate))


def look(what: Scope, memory: Memory | None = None, *, quiet: bool = False) -> Survey:
    """Return a survey, with a line that shows how far it is, unless nothing is to be shown."""
    if quiet:
        return survey(what, memory)
    line = ProgressLine()

    def show(at: Progress) -> None:
        size = f"{at.size / 1e6:,.0f} MB hashed"
        line.show(f"{'looking for code' if at.part is None else bar(at.part)}  {at.files:,} files, {size}")

    try:
        return survey(what, memory, show)
    finally:
        line.end()


def announce(options: argparse.Namespace, change: Change) -> None:
    """Say what will change, before it does."""
    if wants_json(options):
        return
    if options.dry_run:
        print("nothing is changed (--dry-run)")
    for line in change_lines(change, most(options)):
        print(line)
    if not change:
        print("nothing to change")


def finish(options: argparse.Namespace, tool: str, store: Store, change: Change, faults: Sequence[Fault] = ()) -> int:
    """Say what was changed; return the exit status."""
    trusted, waiting = rows.count(store.connection), rows.count(store.connection, "pending")
    if wants_json(options):
        print_json(
            shapes.Changes(
                tool=f"trust {tool}",
                database=plain(store.path),
                warning=plain(store.warning) or None,
                done=not options.dry_run,
                added=[shapes.trusted(one) for one in change.add],
                renewed=len(change.renew),
                removed=[shapes.trusted(one) for one in change.remove],
                waiting=[shapes.waiting(one) for one in change.wait],
                settled=[shapes.waiting(one) for one in change.forget],
                digests=trusted,
                pending=waiting,
                unseen=[shapes.Place(plain(fault.path), plain(fault.why)) for fault in faults],
            )
        )
    else:
        for line in fault_lines(faults, most(options)):
            print(line, file=sys.stderr)
        would = "are" if options.dry_run or not change else "are now"
        print(f"{plural(trusted, 'digest')} {would} trusted in {safe(store.path)}")
        if waiting:
            print(f"{plural(waiting, 'digest')} waiting for a decision: ringward trust list --pending")
    return INCOMPLETE if faults or store.warning else 0
