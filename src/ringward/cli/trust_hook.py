"""``ringward trust hook``: dpkg tells of each change of the installed packages."""

from __future__ import annotations

import argparse
import os
import sys

from ringward.cli.errors import CannotRunError
from ringward.cli.parser import Parser
from ringward.trust import files, hook
from ringward.trust.places import Places


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the action's arguments."""
    parser = Parser(
        "ringward trust hook",
        f"Install or remove {hook.PATH}: after each run of dpkg, also of one that apt started, dpkg\n"
        "then runs `ringward trust update --quiet`. A failure of it is told, and stops no package.",
    )
    parser.add_argument("action", choices=("install", "remove", "show"), help="show: print what install would write")
    parser.add_argument("--database", metavar="FILE", help="that the hook updates")
    parser.add_argument("--sysroot", default="", metavar="DIR", help="install it into the system below DIR")
    parser.add_argument("-n", "--dry-run", action="store_true", help="say what would change, and change nothing")
    return parser


def contents(options: argparse.Namespace) -> str:
    """Return what the hook's file is to hold."""
    more = ["--database", os.path.abspath(options.database)] if options.database else []  # noqa: PTH100 - text
    try:
        return hook.text(hook.command(sys.executable, more))
    except ValueError as error:
        raise CannotRunError(f"dpkg cannot be told to run that: {error}") from error


def main(argv: list[str]) -> int:
    """Run the action; return its exit status."""
    options = make_parser().parse_args(argv)
    text = contents(options)
    if options.action == "show":
        print(text, end="")
        return 0
    places = Places(options.sysroot)
    path = places.real(hook.PATH)
    shown = places.shown(path)
    there = os.path.lexists(path)
    would = "would be" if options.dry_run else "is"
    try:
        if options.action == "remove":
            if there and not options.dry_run:
                os.unlink(path)  # noqa: PTH108 - text
            print(f"{shown} {would} removed" if there else f"there is no {shown}: nothing to remove")
            return 0
        print(f"{shown} {would} written:\n{text}", end="")
        if not options.dry_run:
            draft = f"{path}{files.DRAFT}"  # dpkg reads no file with a dot in its name
            with open(draft, "w", encoding="utf-8", errors="surrogateescape") as file:  # noqa: PTH123 - text
                file.write(text)
            files.replace(draft, path)
    except OSError as error:
        raise CannotRunError(f"{shown} could not be changed: {error.strerror}; is this root, and dpkg here?") from error
    return 0
