"""``ringward trust approve``: let in what waits for a decision."""

from __future__ import annotations

import argparse

from ringward.cli import trust_options as common
from ringward.cli.errors import UsageError
from ringward.trust import change as changes
from ringward.trust import rows
from ringward.trust.entry import Entry, Pending, Seen, Source, short
from ringward.trust.find import FindError, matching
from ringward.trust.login import who
from ringward.trust.store import Store


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the action's arguments."""
    parser = common.make_parser(
        "approve",
        "Trust digests that wait for a decision: refused ones, learned ones, and files and aliases that\n"
        "nothing vouches for. `ringward trust list --pending` lists them.",
    )
    parser.add_argument(
        "words", nargs="*", metavar="ID|PATH|ALIAS", help="an id, an alias, or an absolute path and all below it"
    )
    parser.add_argument("--learned", action="store_true", help="all that was learned")
    common.add_reason(parser)
    common.add_dry_run(parser)
    common.add_output(parser)
    return parser


def asked(options: argparse.Namespace, store: Store) -> list[Pending]:
    """Return what is to be let in.

    Raises:
        UsageError: a word means nothing that waits.

    """
    found = [one for one in rows.pendings(store.connection) if options.learned and one.seen == Seen.LEARNED]
    for word in options.words:
        try:
            entries, pendings = matching(store.connection, word)
        except FindError as error:
            raise UsageError(str(error)) from error
        if not pendings:
            raise UsageError(f"{word} is trusted: {short(entries[0].item.digest)} by {entries[0].source}")
        found += pendings
    return found


def main(argv: list[str]) -> int:
    """Run the action; return its exit status."""
    options = make_parser().parse_args(argv)
    if not options.words and not options.learned:
        raise UsageError("what? name ids or paths, or --learned: ringward trust list --pending")
    with common.open_database(options, write=True) as store:
        by = who()
        new = [
            Entry(one.item, Source.APPROVED, by, options.reason or f"{one.seen}: {one.why}")
            for one in asked(options, store)
        ]
        change = changes.of_entries(new, rows.entries(store.connection), rows.pendings(store.connection))
        common.announce(options, change)
        if change and not options.dry_run:
            with store.change() as connection:
                change.apply(connection)
        return common.finish(options, "approve", store, change)
