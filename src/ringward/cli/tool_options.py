"""What the small module tools have in common: help, version, syslog, verbosity, and a faulty option's end."""

from __future__ import annotations

from ringward.cli.getopt_long import UNKNOWN, parse
from ringward.cli.tool_log import Log, stderr, stdout
from ringward.version import VERSION

FAILURE = 1
VERSION_TEXT = f"kmod version 34\nringward {VERSION}\n"
"""The version of kmod whose options, messages and exit codes these are: scripts look for it in the first line."""
COMMON = {"syslog": "s", "verbose": "v", "version": "V", "help": "h"}
"""Long options that every tool has, and their keys."""


class Call:
    """A command line that was read.

    log: takes the tool's messages.
    options: key -> argument, of each the last; those of `COMMON` are dealt with already.
    words: what is no option.
    """

    __slots__ = ("log", "options", "words")

    def __init__(self, log: Log, words: list[str]) -> None:
        self.log = log
        self.words = words
        self.options: dict[str, str] = {}


def read(program: str, argv: list[str], short: str, longs: dict[str, str], usage: str) -> Call | int:
    """Return the command line, or the exit status of a call that ends here: help, version, a faulty option.

    Args:
        program: as messages begin.
        argv: what stands behind the program's name.
        short, longs: see `getopt_long.parse`.
        usage: what --help prints.

    """
    options, words = parse(argv, short, longs)
    call = Call(Log(program), words)
    for key, value in options:
        if key == UNKNOWN:
            stderr(f"{program}: {value}")
            return FAILURE
        if key in {"h", "V"}:
            stdout(usage if key == "h" else VERSION_TEXT)
            return 0
        if key == "s":
            call.log.syslog = True
        elif key == "v":
            call.log.level += 1
        else:
            call.options[key] = value
    return call
