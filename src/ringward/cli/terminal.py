"""What a descriptor can show: how wide it is, colours, characters."""

from __future__ import annotations

import os

from ringward.kmod import names

WIDTH = 80
"""Columns where nothing is known."""
printable = names.printable
"""Writes out what a terminal would obey."""


def width(fd: int) -> int:
    """Return the columns of the terminal behind `fd`; COLUMNS in the environment decides before it."""
    told = os.environ.get("COLUMNS", "")
    if told.isascii() and told.isdigit() and int(told) > 0:
        return int(told)
    try:
        return os.get_terminal_size(fd).columns or WIDTH
    except OSError:
        return WIDTH


def colour(fd: int) -> bool:
    """Return whether to use colour: on a terminal that has it, unless NO_COLOR is set (no-color.org)."""
    return os.isatty(fd) and not os.environ.get("NO_COLOR") and os.environ.get("TERM", "dumb") != "dumb"


def utf8(fd: int) -> bool:
    """Return whether to write more than ASCII: always to files and pipes, to a terminal if the locale says so."""
    if not os.isatty(fd):
        return True
    names = (os.environ.get(name) for name in ("LC_ALL", "LC_CTYPE", "LANG"))
    locale = next((name for name in names if name), "")
    return locale.lower().replace("-", "").endswith("utf8")
