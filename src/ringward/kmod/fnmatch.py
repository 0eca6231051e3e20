"""fnmatch(3) of the GNU C library with flags 0 in the C locale, which modprobe matches aliases with.

Python's own fnmatch differs: it has no escapes and no character classes, and takes an unclosed bracket for text
in other cases. Characters are bytes here: ``?`` matches one byte of a UTF-8 sequence.
"""

from __future__ import annotations

from ringward.kmod.brackets import AS_TEXT, Brackets

_SPECIAL = ("*", "?", "[", "\\")


def _bytes(text: str) -> str:
    """Return `text` with one character a byte."""
    return text if text.isascii() else text.encode("utf-8", "surrogateescape").decode("latin-1")


def fnmatch(pattern: str, text: str) -> bool:
    """Return whether `text` matches `pattern` as a whole.

    Time is bounded by the product of the lengths, and of brackets' length by 256 characters.

    Args:
        pattern: with ``*``, ``?``, ``[...]`` and backslashes; undecodable bytes as surrogates (os.fsdecode).
        text: likewise. Slashes and leading dots are not special. Both end before a NUL, as in C.

    """
    pattern, text = pattern.partition("\0")[0], text.partition("\0")[0]
    if pattern.isascii() and not any(char in pattern for char in _SPECIAL):
        return pattern == text
    pattern, text = _bytes(pattern), _bytes(text)
    brackets = Brackets(pattern)
    at = place = 0
    star, mark = -1, 0
    while place < len(text):
        char = pattern[at : at + 1]
        if char == "*":
            star = at = at + 1
            mark = place
            continue
        after = _step(pattern, at, char, text[place], brackets) if char else -1
        if after >= 0:
            at = after
            place += 1
            continue
        if star < 0:
            return False
        mark += 1
        at, place = star, mark
    return not pattern[at:].strip("*")


def _step(pattern: str, at: int, char: str, found: str, brackets: Brackets) -> int:
    """Return the index in the pattern behind the item at index `at`, which is `char`, if it matches `found`; or -1."""
    if char == "?":
        return at + 1
    if char == "\\":
        return at + 2 if pattern[at + 1 : at + 2] == found else -1
    if char == "[":
        after = brackets.match(at + 1, found)
        if after != AS_TEXT:
            return after
    return at + 1 if char == found else -1
