"""The rules as operators write them: TOML below /etc/ringward/rules.d, in the order of the files' names."""

from __future__ import annotations

import os
import re
import tomllib
from typing import Any, NamedTuple

from ringward.trust import files
from ringward.trust.rule_fields import FieldError, make
from ringward.trust.rules import MOST_RULES, Rule

DIRECTORY = "/etc/ringward/rules.d"
ENDING = ".toml"
_LARGEST = 1 << 20
_HEADER = re.compile(r"\s*\[\[\s*rule\s*\]\]")
_LINE = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)")


class RuleFault(NamedTuple):
    """What is wrong with a file of rules.

    Attributes:
        path: of the file.
        line: in it; 0: the file as a whole.
        why: what is wrong.

    """

    path: str
    line: int
    why: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.why}" if self.line else f"{self.path}: {self.why}"


class RulesError(Exception):
    """Rules that cannot be used, none of them: a missing one could be the one that denies.

    Attributes:
        faults: all that is wrong.

    """

    def __init__(self, faults: list[RuleFault]) -> None:
        super().__init__("\n".join(map(str, faults)))
        self.faults = faults


def read_rules(directory: str = DIRECTORY) -> tuple[Rule, ...]:
    """Return the rules of a directory; none where there is no such directory.

    Raises:
        RulesError: one of its files cannot be used.

    """
    try:
        names = sorted(name for name in os.listdir(directory) if name.endswith(ENDING))  # noqa: PTH208 - paths are text
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise RulesError([RuleFault(directory, 0, error.strerror or str(error))]) from error
    found: list[Rule] = []
    faults: list[RuleFault] = []
    for name in names:
        path = f"{directory}/{name}"
        try:
            found += parse(read(path), path)
        except RulesError as error:
            faults += error.faults
    first: dict[str, Rule] = {}
    for rule in found:
        if first.setdefault(rule.id, rule) is not rule:
            path, _, line = rule.where.rpartition(":")
            faults.append(RuleFault(path, int(line), f"id: '{rule.id}' is also the rule of {first[rule.id].where}"))
    if len(found) > MOST_RULES:
        faults.append(RuleFault(directory, 0, f"{len(found)} rules; the kernel compares {MOST_RULES}"))
    if faults:
        raise RulesError(faults)
    return tuple(found)


def read(path: str) -> str:
    """Return the text of a file of rules.

    Raises:
        RulesError: it cannot be read, others may write to it, or it is too large.

    """
    why = files.fault(path)
    if why is not None:
        raise RulesError([RuleFault(path, 0, why or "there is no such file")])
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - paths are text here
            data = file.read(_LARGEST + 1)
        text = data.decode()
    except OSError as error:
        raise RulesError([RuleFault(path, 0, error.strerror or str(error))]) from error
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise RulesError([RuleFault(path, line, "not UTF-8")]) from error
    if len(data) > _LARGEST:
        raise RulesError([RuleFault(path, 0, f"larger than {_LARGEST} bytes")])
    return text


def parse(text: str, path: str) -> list[Rule]:
    """Return the rules in the text of a file.

    Args:
        text: TOML, with a table ``[[rule]]`` for each.
        path: of the file, for messages.

    Raises:
        RulesError: it is no TOML, or a rule in it is not as it should be.

    """
    try:
        document = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        match = _LINE.search(str(error))
        line = int(match[1] or text.count("\n") + 1) if match else 0
        raise RulesError([RuleFault(path, line, _LINE.sub("", str(error)))]) from error
    tables = document.pop("rule", [])
    lines = text.split("\n")
    if document or not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        key = next(iter(document), "rule")
        fault = RuleFault(path, _line_of(lines, 0, key), f"{key}: only [[rule]] tables can be in it")
        raise RulesError([fault])
    headers = [number for number, line in enumerate(lines) if _HEADER.match(line)]
    if len(headers) != len(tables):  # one stands in a text of several lines
        headers = [-1] * len(tables)
    found = []
    faults = []
    for start, table in zip(headers, tables, strict=True):
        try:
            found.append(make(table, f"{path}:{start + 1}"))
        except FieldError as error:
            line = _line_of(lines, start + 1, error.key) if error.key and start >= 0 else 0
            faults.append(RuleFault(path, line or start + 1, str(error)))
    if faults:
        raise RulesError(faults)
    return found


def _line_of(lines: list[str], start: int, key: str) -> int:
    """Return the line, counted from 1, in which a key stands, within the table that begins at `start`; 0: in none."""
    for number in range(start, len(lines)):
        if re.match(rf"\s*\[*\s*{re.escape(key)}\s*[=\]]", lines[number]):
            return number + 1
        if _HEADER.match(lines[number]):
            break
    return 0


def tables(text: str) -> list[dict[str, Any]]:
    """Return the tables of a file that `parse` has taken."""
    found: list[dict[str, Any]] = tomllib.loads(text).get("rule", [])
    return found
