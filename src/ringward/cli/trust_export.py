"""``ringward trust export``: write the entries for another machine."""

from __future__ import annotations

import argparse
import os
import sys

from ringward.cli import trust_options as common
from ringward.cli.errors import INCOMPLETE, CannotRunError
from ringward.trust import files, rows
from ringward.trust.exchange import export
from ringward.trust.login import who


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the action's arguments."""
    parser = common.make_parser(
        "export",
        "Write all entries as JSON lines, for `ringward trust import` elsewhere. The end of the file seals\n"
        "it against damage, not against forgery: move it by a way that you trust.",
    )
    parser.add_argument("-o", dest="file", metavar="FILE", help="default: standard output")
    return parser


def main(argv: list[str]) -> int:
    """Run the action; return its exit status."""
    options = make_parser().parse_args(argv)
    with common.open_database(options) as store:
        lines = export(rows.entries(store.connection), who().time)
        if options.file is None:
            sys.stdout.flush()
            sys.stdout.buffer.writelines(lines)
        else:
            draft = f"{options.file}.{os.getpid()}{files.DRAFT}"
            try:
                with open(draft, "xb") as file:  # noqa: PTH123 - a path as it was given
                    file.writelines(lines)
                files.replace(draft, options.file)
            except OSError as error:
                files.remove(draft)
                raise CannotRunError(f"{options.file} could not be written: {error.strerror}") from error
    return INCOMPLETE if store.warning else 0
