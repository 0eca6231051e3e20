"""Patterns that the kernel part can compare: exact text, or what it begins with. Bytes, as the kernel has them."""

from __future__ import annotations

from typing import NamedTuple

LONGEST = 64
"""Bytes of a pattern's text, the star left out."""
_COMPLEX = "?[]\\"


class PatternError(ValueError):
    """A pattern that the kernel part cannot compare. The message says what can be written instead."""


class Pattern(NamedTuple):
    """One pattern.

    Attributes:
        text: what is compared, at most `LONGEST` bytes.
        prefix: whether it is the beginning that is compared, and not the whole.

    """

    text: bytes
    prefix: bool

    def matches(self, value: bytes) -> bool:
        """Return whether a value matches."""
        return value.startswith(self.text) if self.prefix else value == self.text

    def __str__(self) -> str:
        return self.text.decode("utf-8", "backslashreplace") + "*" * self.prefix


def parse(text: str) -> Pattern:
    """Return the pattern that is written: ``name``, or ``beginning*``.

    Raises:
        PatternError: it is empty, too long, or more than a beginning.

    """
    body, prefix = (text[:-1], True) if text.endswith("*") else (text, False)
    if not text:
        raise PatternError("an empty pattern matches nothing; '*' matches everything")
    if "*" in body or any(letter in body for letter in _COMPLEX):
        raise PatternError(
            f"'{text}': in the kernel a pattern is a whole name, or its beginning and one '*' at the end"
        )
    data = body.encode("utf-8", "surrogateescape")
    if b"\0" in data:
        raise PatternError(f"{text!r} has a NUL: nothing in the kernel can match it")
    if len(data) > LONGEST:
        raise PatternError(f"'{text}' has {len(data)} bytes, {LONGEST} are compared: write its beginning and a '*'")
    return Pattern(data, prefix)


def underscored(value: bytes) -> bytes:
    """Return a name of a module or alias with each '-' an '_': the kernel tools take them for one character."""
    return value.replace(b"-", b"_")


def parse_name(text: str) -> Pattern:
    """Return the pattern of a module's name, or of an alias: compared with `underscored` ones."""
    found = parse(text)
    return Pattern(underscored(found.text), found.prefix)


def parse_parameter(text: str) -> Pattern:
    """Return the pattern of a load parameter: compared with what `parameters.words` gives.

    ``name`` is the parameter with any value or none, ``name=value`` with that one, ``na*`` any whose name
    begins so.
    """
    found = parse(text)
    name, equals, value = found.text.partition(b"=")
    if not name and equals:
        raise PatternError(f"'{text}' has no parameter's name before the '='")
    if not equals and not found.prefix:
        return Pattern(underscored(name) + b"=", prefix=True)
    return Pattern(underscored(name) + equals + value, found.prefix)
