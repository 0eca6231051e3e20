"""``ringward events``: the catalogue of what can be seen."""

from __future__ import annotations

import argparse
import shutil
import sys

import msgspec

from ringward.cli.errors import UsageError
from ringward.cli.parser import Parser
from ringward.events import pages
from ringward.events.registry import UnknownNameError
from ringward.events.syscall_table import expand

WIDEST = 120
"""Columns at most; longer lines are hard to read."""


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the command's arguments."""
    parser = Parser(
        "ringward events", "What Ringward can see: every event, its arguments, the kernel hooks that it is seen by."
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="list | show NAME")
    listing = commands.add_parser("list", help="one line an event: group, when it is shown, kinds of hooks")
    showing = commands.add_parser("show", help="everything about one event: arguments, hooks, limits")
    showing.add_argument("name", metavar="NAME", help="of the event")
    for command, formats in ((listing, ("text", "json")), (showing, ("text", "md", "json"))):
        command.add_argument("--output", choices=formats, default="text", help="default: text")
        command.add_argument(
            "--json", action="store_const", const="json", dest="output", help="short for --output json"
        )
    return parser


def _width() -> int:
    return min(shutil.get_terminal_size((pages.WIDTH, 24)).columns, WIDEST)


def _json(found: object) -> str:
    return msgspec.json.format(msgspec.json.encode(found), indent=2).decode()


def listing(output: str, width: int) -> str:
    """Return what ``list`` prints; of JSON, one object an event."""
    found = pages.all_pages()
    if output == "text":
        return pages.to_table(found, width)
    return _json(
        [
            {
                "name": page.name,
                "group": page.group,
                "shown": page.shown,
                "hooks": page.rungs,
                "intro": page.intro,
            }
            for page in found
        ]
    )


def showing(name: str, output: str, width: int) -> str:
    """Return what ``show`` prints.

    Raises:
        UnknownNameError: there is no such event.

    """
    page = pages.page(name)
    if output == "md":
        return pages.to_markdown(page).rstrip("\n")
    return _json(page) if output == "json" else pages.to_text(page, width)


def main(argv: list[str]) -> int:
    """Print the catalogue or one event of it; return the exit status."""
    options = make_parser().parse_args(argv)
    if options.command == "list":
        print(listing(options.output, _width()))
        if options.output == "text" and sys.stdout.isatty():
            print("\nringward events show NAME tells everything about one.")
        return 0
    try:
        print(showing(options.name, options.output, _width()))
    except UnknownNameError as error:
        if expand(options.name):
            raise UsageError(
                f"{options.name} is a system call: to see it, ringward watch {options.name}; what every call has as an "
                "event: ringward events show syscall"
            ) from error
        raise UsageError(str(error)) from error
    return 0
