"""``ringward trust init``: trust what is installed."""

from __future__ import annotations

import argparse

from ringward.cli import trust_options as common
from ringward.cli.errors import CannotRunError, UsageError
from ringward.trust import change as changes
from ringward.trust import rows
from ringward.trust.login import who
from ringward.trust.places import Places
from ringward.trust.sources.modules import versions
from ringward.trust.survey import Scope


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the action's arguments."""
    parser = common.make_parser(
        "init",
        "Trust every program, library, script and kernel module whose file has the checksum that its\n"
        "package has of it. What differs from its package, or is of none, is listed, and waits for\n"
        "`ringward trust approve`. Run again, it reads only what was changed: another size, mtime, ctime,\n"
        "inode or device.",
        "exit status: 0 done; 3 done, but not all could be looked at",
    )
    parser.add_argument(
        "--directory",
        action="append",
        default=[],
        metavar="DIR",
        help="trust what is in DIR at this moment as it is; may be repeated",
    )
    parser.add_argument(
        "--modules",
        action="append",
        default=[],
        metavar="VERSION",
        help="trust all modules of that kernel as they are; 'all': of every kernel",
    )
    common.add_system(parser)
    common.add_dry_run(parser)
    common.add_output(parser)
    return parser


def run(tool: str, options: argparse.Namespace, scope: Scope, *, create: bool) -> int:
    """Survey the system, change the database by it; return the exit status."""
    with common.open_database(options, write=True, create=create) as store:
        before = rows.memory(store.connection)
        found = common.look(scope, before, quiet=getattr(options, "quiet", False))
        if not found.packaged and not (scope.directories or scope.kernels):
            common.warn("there is no dpkg database, so that nothing vouches for a file: name directories (--directory)")
        entries, pendings = list(rows.entries(store.connection)), list(rows.pendings(store.connection))
        change = changes.of_survey(found, entries, pendings, who())
        common.announce(options, change)
        if not options.dry_run and (change or before != found.memory):
            with store.change() as connection:
                change.apply(connection)
                rows.remember(connection, before, found.memory)
        return common.finish(options, tool, store, change, found.faults)


def main(argv: list[str]) -> int:
    """Run the action; return its exit status."""
    options = make_parser().parse_args(argv)
    try:
        there = versions(Places(options.sysroot))
    except OSError as error:
        raise CannotRunError(f"/lib/modules could not be looked at: {error.strerror}") from error
    kernels = there if "all" in options.modules else options.modules
    for version in kernels:
        if version not in there:
            raise UsageError(f"--modules: there is no /lib/modules/{version}; there are: {', '.join(there) or 'none'}")
    return run("init", options, common.scope(options, options.directory, kernels), create=True)
