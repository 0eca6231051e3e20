"""``ringward trust list``: what is trusted, and what waits for a decision."""

from __future__ import annotations

import argparse
import fnmatch

from ringward.cli import terminal
from ringward.cli import trust_options as common
from ringward.cli.errors import INCOMPLETE
from ringward.cli.trust_text import ENTRY_HEADS, PENDING_HEADS, entry_rows, pending_rows, plural, table
from ringward.trust import rows, shapes
from ringward.trust.entry import Item, Kind, Source, plain


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the action's arguments."""
    parser = common.make_parser("list", "List what is trusted, or with --pending what waits for a decision.")
    parser.add_argument("--pending", action="store_true", help="what waits for a decision")
    parser.add_argument("--kind", choices=[str(kind) for kind in Kind], help="only of that kind")
    parser.add_argument("--source", choices=[str(source) for source in Source], help="only for that reason")
    parser.add_argument("--package", metavar="GLOB", help="only of these packages")
    parser.add_argument("--path", metavar="GLOB", help="only these paths")
    common.add_output(parser)
    return parser


def wanted(options: argparse.Namespace, item: Item) -> bool:
    """Return whether the options ask for an item."""
    return (
        (options.kind is None or item.kind == options.kind)
        and (options.package is None or fnmatch.fnmatchcase(item.package, options.package))
        and (options.path is None or fnmatch.fnmatchcase(item.path, options.path))
    )


def main(argv: list[str]) -> int:
    """Run the action; return its exit status."""
    options = make_parser().parse_args(argv)
    entries, pendings = [], []
    with common.open_database(options) as store:
        if options.pending:
            pendings = [one for one in rows.pendings(store.connection) if wanted(options, one.item)]
        else:
            entries = [
                one
                for one in rows.entries(store.connection)
                if wanted(options, one.item) and options.source in {None, one.source}
            ]
    if common.wants_json(options):
        common.print_json(
            shapes.Listing(
                tool="trust list",
                database=plain(store.path),
                warning=plain(store.warning) or None,
                trusted=[shapes.trusted(one) for one in entries],
                pending=[shapes.waiting(one) for one in pendings],
            )
        )
    else:
        entries.sort(key=lambda one: one.item.path)
        pendings.sort(key=lambda one: one.item.path)
        heads, cells = (
            (PENDING_HEADS, pending_rows(pendings)) if options.pending else (ENTRY_HEADS, entry_rows(entries))
        )
        if cells:
            print("\n".join(table(heads, cells, terminal.width(1))))
        waits = " waiting for a decision"
        print(f"{plural(len(cells), 'digest')}{waits}" if options.pending else plural(len(cells), "entry"))
    return INCOMPLETE if store.warning else 0
