"""``ringward trust show``: all that is known of a digest or path."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from ringward.cli import trust_options as common
from ringward.cli.errors import BAD_ANSWER, INCOMPLETE
from ringward.cli.trust_text import whose
from ringward.output.text import safe
from ringward.trust import shapes
from ringward.trust.entry import Entry, Item, Kind, Pending, plain
from ringward.trust.find import FindError, matching


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the action's arguments."""
    parser = common.make_parser(
        "show", "Show all that is known of digests, or of paths and what is below them.", "exit status: 1 nothing is"
    )
    parser.add_argument(
        "words", nargs="+", metavar="ID|PATH|ALIAS", help="the first digits of a digest, an absolute path, or an alias"
    )
    common.add_output(parser)
    return parser


def _item(item: Item) -> Iterator[tuple[str, str]]:
    yield "digest", item.digest.hex()
    yield "kind", item.kind
    yield "path", item.path
    yield "of", whose(item)
    yield "alias" if item.kind == Kind.ALIAS else "module", item.name
    yield "signer", item.signer
    yield "signature", item.signature


def entry_lines(one: Entry) -> Iterator[tuple[str, str]]:
    """Yield names and values of an entry."""
    yield from _item(one.item)
    who = one.who
    login = "nobody logged in" if who.login is None else f"login user {who.login}"
    yield "trusted", f"by {one.source}, {shapes.moment(who.time)}, user {who.uid}, {login}"
    yield "reason", one.reason


def pending_lines(one: Pending) -> Iterator[tuple[str, str]]:
    """Yield names and values of what waits for a decision."""
    yield from _item(one.item)
    times = f"{one.times} times, first {shapes.moment(one.first)}, last {shapes.moment(one.last)}"
    yield "waiting", f"{one.seen}: {times}"
    yield "why", one.why


def main(argv: list[str]) -> int:
    """Run the action; return its exit status."""
    options = make_parser().parse_args(argv)
    entries: list[Entry] = []
    pendings: list[Pending] = []
    missing = []
    with common.open_database(options) as store:
        for word in options.words:
            try:
                some, waiting = matching(store.connection, word)
            except FindError as error:
                missing.append(str(error))
                continue
            entries += some
            pendings += waiting
    if common.wants_json(options):
        common.print_json(
            shapes.Listing(
                tool="trust show",
                database=plain(store.path),
                warning=plain(store.warning) or None,
                trusted=[shapes.trusted(one) for one in entries],
                pending=[shapes.waiting(one) for one in pendings],
            )
        )
    else:
        blocks = [*map(entry_lines, entries), *map(pending_lines, pendings)]
        text = ("\n".join(f"{name:<10} {safe(value)}" for name, value in block if value) for block in blocks)
        print("\n\n".join(text))
    for why in missing:
        common.warn(why)
    if missing:
        return BAD_ANSWER
    return INCOMPLETE if store.warning else 0
