"""What strace(1) wrote, call by call."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

_LINE = re.compile(r"^(\w+)\((.*)\)\s+= (\?|-?\w+)(?: (E[A-Z0-9]+) \(.*\))?(?: \(.*\))?$")
_OPEN, _CLOSE = "{[(", "}])"


class Call(NamedTuple):
    """One line."""

    name: str
    args: list[str]
    result: str
    error: str | None


def split(text: str) -> list[str]:
    """Return the parts of a list, at commas that stand in no string, structure or comment."""
    parts, depth, quoted, at = [""], 0, False, 0
    while at < len(text):
        char = text[at]
        if quoted:
            if char == "\\":
                parts[-1] += char
                at += 1
                char = text[at]
            elif char == '"':
                quoted = False
        elif char == '"':
            quoted = True
        elif char in _OPEN:
            depth += 1
        elif char in _CLOSE:
            depth -= 1
        elif char == "," and not depth:
            parts.append("")
            at += 1
            continue
        parts[-1] += char
        at += 1
    return [part.strip() for part in parts if part.strip()]


def calls(text: str) -> list[Call]:
    """Return the calls of strace's output; signals and the process's end are none."""
    return list(_calls(text))


def _calls(text: str) -> Iterator[Call]:
    for line in text.splitlines():
        if line.startswith(("+++", "---")):
            continue
        found = _LINE.match(line)
        assert found, f"not a line of strace: {line}"
        yield Call(found[1], split(re.sub(r" /\*.*?\*/", "", found[2])), found[3], found[4])
