"""One rule as it is written, and as the decision takes it. Pure; the faults name the key."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping
from typing import Any

from ringward.trust import patterns
from ringward.trust.patterns import Pattern, PatternError
from ringward.trust.rules import FORCED, MOST_VALUES, Action, Flag, Operation, Origin, Rule

FLAGS = {
    "ignore-modversions": Flag.IGNORE_MODVERSIONS,
    "ignore-vermagic": Flag.IGNORE_VERMAGIC,
    "compressed": Flag.COMPRESSED,
    "no-file": Flag.NO_FILE,
    "force": Flag.FORCE,
    "forced": FORCED,
}
"""Words of the key `flag`; ``forced`` is any way past the kernel's own checks."""
ORIGINS = {origin.name.lower(): origin for origin in Origin}
"""Words of the key `origin`."""
_CALLER = frozenset({"uid", "program", "container", "kernel_thread"})
CONDITIONS: dict[Operation, frozenset[str]] = {
    Operation.MODULES: frozenset(
        {"name", "digest", "package", "signer", "path", "parameter", "flag", "alias", "origin"}
    )
    | _CALLER,
    Operation.AUTOLOAD: frozenset({"alias"}) | _CALLER,
    Operation.UNLOAD: frozenset({"name", "flag"}) | _CALLER,
    Operation.PROGRAMS: frozenset({"digest", "package", "path"}) | _CALLER - {"kernel_thread"},
}
"""The keys that say something of each operation."""
TEXTS = ("message", "link")
KEYS = ("id", "action", "on", *sorted(CONDITIONS[Operation.MODULES]), *TEXTS)
"""All keys of a rule."""
MOST_UID = (1 << 32) - 2
_LONGEST_TEXT = 1000


class FieldError(ValueError):
    """A key of a rule that is not as it should be.

    Args:
        key: which; "": the rule as a whole.
        why: what is wrong, and what could be written.

    """

    def __init__(self, key: str, why: str) -> None:
        super().__init__(f"{key}: {why}" if key else why)
        self.key = key


def make(table: Mapping[str, Any], where: str = "") -> Rule:
    """Return the rule that a table of TOML says.

    Args:
        table: its keys; each condition is one value, or a list.
        where: file and line.

    Raises:
        FieldError: a key is unknown, or its value is not what it should be.

    """
    for key in table:
        if key not in KEYS:
            near = difflib.get_close_matches(key, KEYS, 1, 0.5)
            raise FieldError(key, f"no such key; {f'did you mean {near[0]}?' if near else 'keys: ' + ', '.join(KEYS)}")
    name = table.get("id")
    if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", name):
        raise FieldError("id", "a rule needs one: letters, digits, '.', '_' and '-', at most 64")
    operations = frozenset(_words(table, "on", {each.value: each for each in CONDITIONS}) or [Operation.MODULES])
    conditions = set(table) - {"id", "action", "on", *TEXTS}
    for key in sorted(conditions):
        for operation in sorted(operations):
            if key not in CONDITIONS[operation]:
                fits = ", ".join(sorted(CONDITIONS[operation]))
                raise FieldError(key, f"says nothing of {operation.value}: conditions of it are {fits}")
    if not conditions:
        raise FieldError("", 'a rule without a condition would be for everything: write name = "*" if that is meant')
    return Rule(
        id=name,
        action=_one(table, "action", {each.value: each for each in Action}),
        operations=operations,
        where=where,
        message=_text(table, "message"),
        link=_text(table, "link"),
        names=_patterns(table, "name", patterns.parse_name),
        digests=frozenset(bytes.fromhex(_hex(text, "digest", 64)) for text in _texts(table, "digest")),
        packages=tuple(_texts(table, "package")),
        signers=tuple(_hex(text, "signer") for text in _texts(table, "signer")),
        paths=tuple(_path(text) for text in _texts(table, "path")),
        parameters=_patterns(table, "parameter", patterns.parse_parameter),
        flags=_flags(table),
        aliases=_patterns(table, "alias", patterns.parse_name),
        origins=frozenset(_words(table, "origin", ORIGINS)),
        uids=_uids(table),
        programs=_patterns(table, "program", patterns.parse),
        container=_truth(table, "container"),
        kernel_thread=_truth(table, "kernel_thread"),
    )


def _values(table: Mapping[str, Any], key: str) -> list[Any]:
    if key not in table:
        return []
    value = table[key]
    found = value if isinstance(value, list) else [value]
    if not found:
        raise FieldError(key, "an empty list is no condition: leave the key out")
    return found


def _texts(table: Mapping[str, Any], key: str) -> list[str]:
    found = _values(table, key)
    for value in found:
        if not isinstance(value, str) or not value:
            raise FieldError(key, f"a text, or a list of texts, not {value!r}")
    return found


def _text(table: Mapping[str, Any], key: str) -> str:
    value = table.get(key, "")
    if not isinstance(value, str) or len(value) > _LONGEST_TEXT:
        raise FieldError(key, f"a text of at most {_LONGEST_TEXT} characters")
    # It is shown on the terminal of whoever is blocked.
    if not all(letter.isprintable() or letter == "\n" for letter in value):
        raise FieldError(key, "a text without control characters")
    return value


def _few(found: list[Any], key: str) -> list[Any]:
    if len(found) > MOST_VALUES:
        raise FieldError(key, f"{len(found)} values; the kernel compares {MOST_VALUES}: write more rules")
    return found


def _patterns(table: Mapping[str, Any], key: str, parse: Callable[[str], Pattern]) -> tuple[Pattern, ...]:
    try:
        return tuple(parse(text) for text in _few(_texts(table, key), key))
    except PatternError as error:
        raise FieldError(key, str(error)) from error


def _words(table: Mapping[str, Any], key: str, words: Mapping[str, Any]) -> list[Any]:
    found = []
    for text in _texts(table, key):
        if text not in words:
            raise FieldError(key, f"'{text}' is none of {', '.join(words)}")
        found.append(words[text])
    return found


def _one(table: Mapping[str, Any], key: str, words: Mapping[str, Any]) -> Any:
    found = _words(table, key, words)
    if len(found) != 1:
        raise FieldError(key, f"one of {', '.join(words)} is needed")
    return found[0]


def _flags(table: Mapping[str, Any]) -> Flag | None:
    found = _words(table, "flag", FLAGS)
    return Flag(sum({int(bit) for flag in found for bit in Flag(flag)})) if found else None


def _hex(text: str, key: str, digits: int = 0) -> str:
    found = text.replace(":", "").lower()
    if not re.fullmatch(r"(?:[0-9a-f]{2})+", found) or (digits and len(found) != digits):
        want = f"{digits} hexadecimal digits" if digits else "a key id in hexadecimal, as modinfo's sig_key"
        raise FieldError(key, f"'{text[:80]}' is not {want}")
    return found


def _path(text: str) -> str:
    if not text.startswith(("/", "*")):
        raise FieldError("path", f"'{text}' is not absolute")
    return text


def _uids(table: Mapping[str, Any]) -> tuple[tuple[int, int], ...]:
    found = []
    for value in _few(_values(table, "uid"), "uid"):
        low, high = value, value
        match = re.fullmatch(r"(\d{1,10})-(\d{1,10})", value) if isinstance(value, str) else None
        if match:
            low, high = int(match[1]), int(match[2])
        # In Python a truth is a number, too.
        if type(low) is not int or not 0 <= low <= high <= MOST_UID:
            raise FieldError("uid", f'a number, or a range as "1000-59999", not {value!r}')
        found.append((low, high))
    return tuple(found)


def _truth(table: Mapping[str, Any], key: str) -> bool | None:
    value = table.get(key)
    if value is not None and not isinstance(value, bool):
        raise FieldError(key, f"true or false, not {value!r}")
    return value


def text(table: Mapping[str, Any]) -> str:
    """Return a table as it is written in a file of rules, with its header."""
    lines = ["[[rule]]", *(f"{key} = {_toml(table[key])}" for key in KEYS if key in table)]
    return "\n".join(lines) + "\n"


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return str(value)
    if isinstance(value, list):
        return f"[{', '.join(_toml(each) for each in value)}]"
    escaped = (
        f"\\u{ord(each):04x}" if each < " " or each == "\x7f" else f"\\{each}" if each in '"\\' else each
        for each in value
    )
    return f'"{"".join(escaped)}"'
