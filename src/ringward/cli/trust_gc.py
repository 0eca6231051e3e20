"""``ringward trust gc``: remove what is not installed any more."""

from __future__ import annotations

import argparse

from ringward.cli import trust_options as common
from ringward.trust import change as changes
from ringward.trust import rows


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the action's arguments."""
    parser = common.make_parser(
        "gc",
        "Remove the entries of files that are not on this machine any more: of packages that were\n"
        "removed, of versions before the last upgrade. What was added by hand, approved or imported\n"
        "stays; so does what could not be looked at. Programs that still run from a removed version are\n"
        "unknown from then on.",
        "exit status: 0 done; 3 done, but not all could be looked at",
    )
    common.add_system(parser)
    common.add_dry_run(parser)
    common.add_output(parser)
    return parser


def main(argv: list[str]) -> int:
    """Run the action; return its exit status."""
    options = make_parser().parse_args(argv)
    with common.open_database(options, write=True) as store:
        before = rows.memory(store.connection)
        found = common.look(common.scope(options), before)
        change = changes.of_old(found, rows.entries(store.connection))
        common.announce(options, change)
        if not options.dry_run and change:
            with store.change() as connection:
                change.apply(connection)
                rows.remember(connection, before, found.memory)
        return common.finish(options, "gc", store, change, found.faults)
