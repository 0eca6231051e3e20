"""``ringward trust update``: follow the packages, as dpkg's hook does."""

from __future__ import annotations

import argparse
import contextlib
import io

from ringward.cli import trust_init
from ringward.cli import trust_options as common


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the action's arguments."""
    parser = common.make_parser(
        "update",
        "Trust what packages brought since the last time; as `init`, of a database that exists. Entries of\n"
        "older versions stay, for programs that still run, until `ringward trust gc`.",
        "exit status: 0 done; 3 done, but not all could be looked at",
    )
    parser.add_argument("-q", "--quiet", action="store_true", help="print nothing but what failed")
    common.add_system(parser)
    common.add_dry_run(parser)
    common.add_output(parser)
    return parser


def main(argv: list[str]) -> int:
    """Run the action; return its exit status."""
    options = make_parser().parse_args(argv)
    if options.quiet:
        options.output = "text"  # what could not be looked at is told on standard error then
    with contextlib.redirect_stdout(io.StringIO()) if options.quiet else contextlib.nullcontext():
        return trust_init.run("update", options, common.scope(options), create=False)
