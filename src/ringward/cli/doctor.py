"""``ringward doctor``: what this kernel and this user can give, and how to get the rest."""

from __future__ import annotations

import argparse
import os
import shutil
import textwrap
from collections.abc import Iterator

import msgspec

from ringward.cli.errors import BAD_ANSWER, INCOMPLETE
from ringward.cli.parser import Parser
from ringward.sensor.features import Capability, look, verdict
from ringward.sensor.probes import NO, UNKNOWN, YES

SCHEMA = 1
"""Version of the JSON shape `Report`."""
_WIDTH, _WIDEST = 80, 120
_TITLE = 31
_INDENT = " " * 6
_STATUS = {YES: 0, NO: BAD_ANSWER, UNKNOWN: INCOMPLETE}


class Report(msgspec.Struct, frozen=True):
    """What ``ringward doctor --json`` prints."""

    schema: int
    kernel: str
    """Release, as uname(2) gives it."""
    user: int
    """Effective user id."""
    ready: str
    """Whether the default events can be seen whole: yes, no, unknown."""
    reason: str
    capabilities: tuple[Capability, ...]


def make_report(capabilities: tuple[Capability, ...], kernel: str, user: int) -> Report:
    """Return the report on what was found."""
    ready = verdict(capabilities)
    return Report(SCHEMA, kernel, user, ready.state, ready.reason, capabilities)


def _notes(capability: Capability) -> list[str]:
    """Return what stands below a capability's line."""
    notes = [capability.reason] if capability.reason else []
    # A state that nothing depends on only informs: there is nothing to be had.
    if capability.state != YES and capability.loses:
        notes += [f"lost: {capability.loses}", f"get it: {capability.remedy}"]
    return notes


def lines(report: Report, width: int) -> Iterator[str]:
    """Yield the table, no line wider than `width` where words allow it."""
    yield f"kernel {report.kernel}, user {report.user}"
    for capability in report.capabilities:
        mark = "*" if capability.needed else " "
        line = f"{mark} {capability.title:<{_TITLE}} {capability.state:<7}"
        notes = _notes(capability)
        if len(notes) == 1 and len(line) + 1 + len(notes[0]) <= width:
            yield f"{line} {notes[0]}"
            continue
        yield line.rstrip()
        for note in notes:
            yield from textwrap.wrap(
                note,
                width,
                initial_indent=_INDENT,
                subsequent_indent=_INDENT + "  ",
                break_long_words=False,
                break_on_hyphens=False,
            )
    yield ""
    yield "* the default events need it; of fentry and kprobes one is enough"
    yield from textwrap.wrap(f"default events: {report.ready}; {report.reason}", width, subsequent_indent="  ")


def parse(argv: list[str]) -> argparse.Namespace:
    """Return the options. Raises UsageError for a bad one."""
    parser = Parser(
        "ringward doctor",
        "Ask this kernel for each capability; say what is lost without it and how to get it.",
        "exit status: 0 the default events can be seen whole; 1 something is missing;"
        " 3 something could not be looked at",
    )
    parser.add_argument("--output", choices=("text", "json"), default="text", help="text (default) or json")
    parser.add_argument("--json", action="store_const", dest="output", const="json", help="short for --output json")
    return parser.parse_args(argv)


def main(argv: list[str]) -> int:
    """Run the command; return its exit status."""
    options = parse(argv)
    report = make_report(look(), os.uname().release, os.geteuid())
    if options.output == "json":
        print(msgspec.json.format(msgspec.json.encode(report), indent=2).decode())
    else:
        width = min(shutil.get_terminal_size((_WIDTH, 24)).columns, _WIDEST)
        print("\n".join(lines(report, width)))
    return _STATUS[report.ready]
