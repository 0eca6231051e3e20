"""``ringward trust import``: take the entries of another machine."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from ringward.cli import trust_options as common
from ringward.cli.errors import CannotRunError
from ringward.trust import change as changes
from ringward.trust import rows
from ringward.trust.exchange import LONGEST, ExchangeError, take
from ringward.trust.login import who


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the action's arguments."""
    parser = common.make_parser(
        "import",
        "Trust what `ringward trust export` wrote, all of it or, if one line is wrong, nothing. Imported\n"
        "entries stay until they are removed by hand.",
    )
    parser.add_argument("file", metavar="FILE", help="-: standard input")
    common.add_reason(parser)
    common.add_dry_run(parser)
    common.add_output(parser)
    return parser


def lines_of(name: str) -> Iterator[bytes]:
    """Yield the lines of a file; one that is too long is cut."""
    with open(0 if name == "-" else name, "rb", closefd=name != "-") as file:
        while line := file.readline(LONGEST + 1):
            yield line


def main(argv: list[str]) -> int:
    """Run the action; return its exit status."""
    options = make_parser().parse_args(argv)
    name = "standard input" if options.file == "-" else options.file
    try:
        new = take(lines_of(options.file), who(), options.reason or f"from {name}")
    except OSError as error:
        raise CannotRunError(f"{name} could not be read: {error.strerror}") from error
    except ExchangeError as error:
        raise CannotRunError(f"{name}: {error}; nothing was imported") from error
    with common.open_database(options, write=True, create=True) as store:
        change = changes.of_entries(new, rows.entries(store.connection), rows.pendings(store.connection))
        common.announce(options, change)
        if change and not options.dry_run:
            with store.change() as connection:
                change.apply(connection)
        return common.finish(options, "import", store, change)
