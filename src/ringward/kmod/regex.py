"""POSIX extended regular expressions as depmod uses them: the C library's own (regcomp(3)), within bounds."""

from __future__ import annotations

LONGEST = 1024
"""Characters of an expression."""
MOST_WRITTEN_OUT = 8192
"""Characters of an expression whose repetitions are written out: the C library does so, for up to 20 KB each."""
_EXTENDED, _NOSUB = 1, 8
"""REG_EXTENDED and REG_NOSUB, of regex.h in glibc and musl."""
_SIZE = 1024
"""Bytes that are more than any C library's regex_t has."""


class RegexError(ValueError):
    """An expression that the C library does not take, or that it might not finish with."""


def _copies(bounds: str) -> int:
    """Return how often the C library writes out what ``{bounds}`` repeats."""
    given = [int(bound) for bound in bounds.split(",") if bound.isascii() and bound.isdigit()]
    return max(given, default=1) + bounds.endswith(",") or 1


def _bounded(pattern: str) -> None:
    """Raise RegexError for an expression that may take exponential time or memory."""
    if len(pattern) > LONGEST:
        raise RegexError(f"the regular expression is longer than {LONGEST} characters; it matches nothing")
    size = len(pattern)
    escaped = False
    for at, char in enumerate(pattern):
        if escaped and char in "123456789":
            raise RegexError(f"'{pattern}' has a back-reference; it matches nothing")
        if not escaped and char == "+":  # one, and another with '*'
            size *= 2
        elif not escaped and char == "{":
            size *= _copies(pattern[at + 1 :].partition("}")[0])
        if size > MOST_WRITTEN_OUT:
            raise RegexError(f"'{pattern}' repeats too much, or too often in itself; it matches nothing")
        escaped = char == "\\" and not escaped


def search(pattern: str, text: str) -> bool:
    """Return whether a part of `text` matches; unanchored, as regexec(3).

    Raises:
        RegexError: the expression is malformed, longer than `LONGEST`, longer than `MOST_WRITTEN_OUT` when its
            repetitions are written out, or has a back-reference. depmod takes the last three as far as memory reaches.

    """
    from ctypes import CDLL, create_string_buffer  # noqa: PLC0415 - few configurations have expressions

    _bounded(pattern)
    libc = CDLL(None)
    compiled = create_string_buffer(_SIZE)
    fault = libc.regcomp(compiled, pattern.encode("utf-8", "surrogateescape"), _EXTENDED | _NOSUB)
    if fault:
        why = create_string_buffer(200)
        libc.regerror(fault, compiled, why, len(why))
        raise RegexError(
            f"'{pattern}' is no regular expression ({why.value.decode(errors='replace')}); it matches nothing"
        )
    try:
        return libc.regexec(compiled, text.encode("utf-8", "surrogateescape"), 0, None, 0) == 0  # type: ignore[no-any-return]
    finally:
        libc.regfree(compiled)
