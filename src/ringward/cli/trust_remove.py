"""``ringward trust remove``: trust something no longer."""

from __future__ import annotations

import argparse

from ringward.cli import trust_options as common
from ringward.cli.errors import UsageError
from ringward.trust import rows
from ringward.trust.change import Change
from ringward.trust.entry import Entry, Source
from ringward.trust.find import FindError, matching


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the action's arguments."""
    parser = common.make_parser(
        "remove",
        "Trust digests no longer: those of an id, or of a path and what is below it. All entries of each\n"
        "digest go, of whatever path. What a package vouches for comes back with the next update; a rule\n"
        "can deny it for good.",
    )
    parser.add_argument(
        "words", nargs="+", metavar="ID|PATH|ALIAS", help="the first digits of a digest, an absolute path, or an alias"
    )
    common.add_dry_run(parser)
    common.add_output(parser)
    return parser


def main(argv: list[str]) -> int:
    """Run the action; return its exit status."""
    options = make_parser().parse_args(argv)
    with common.open_database(options, write=True) as store:
        found: dict[tuple[bytes, str, str, str, str], Entry] = {}
        for word in options.words:
            try:
                entries, pendings = matching(store.connection, word)
            except FindError as error:
                raise UsageError(str(error)) from error
            if not entries:
                raise UsageError(f"{word} is not trusted: it waits for a decision ({pendings[0].why})")
            for digest in {one.item.digest for one in entries}:
                for one in rows.entries(store.connection, "digest = ?", (digest,)):
                    item = one.item
                    found[item.digest, item.path, one.source, item.package, item.version] = one
        change = Change(remove=list(found.values()))
        common.announce(options, change)
        if any(one.source == Source.DPKG for one in change.remove):
            common.warn(
                "packages vouch for some of it: the next update trusts that again; to refuse it:"
                " ringward trust rule add NAME deny --digest SHA256"
            )
        if not options.dry_run:
            with store.change() as connection:
                change.apply(connection)
        return common.finish(options, "remove", store, change)
