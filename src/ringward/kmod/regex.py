"""POSIX extended regular expressions as depmod uses them: the C library's own (regcomp(3)), within bounds."""

from __future__ import annotations

LONGEST = 1024
"""Characters of an expression."""
MOST_REPEATS = 1000
"""Product of all bounds ``{n}``: the C library unrolls them, and takes memory for each."""
_EXTENDED, _NOSUB = 1, 8
"""REG_EXTENDED and REG_NOSUB, of regex.h in glibc and musl."""
_SIZE = 1024
"""Bytes that are more than any C library's regex_t has."""


class RegexError(ValueError):
    """An expression that the C library does not take, or that it might not finish with."""


def _bounded(pattern: str) -> None:
    """Raise RegexError for an expression that may take exponential time or memory."""
    if len(pattern) > LONGEST:
        raise RegexError(f"the regular expression is longer than {LONGEST} characters; it matches nothing")
    product = 1
    rest = pattern
    while "{" in rest:
        rest = rest.partition("{")[2]
        bounds = rest.partition("}")[0].split(",")
        product *= max((int(bound) for bound in bounds if bound.isascii() and bound.isdigit()), default=1) or 1
        if product > MOST_REPEATS:
            raise RegexError(f"'{pattern}' repeats more than {MOST_REPEATS} times; it matches nothing")
    escaped = False
    for char in pattern:
        if escaped and char in "123456789":
            raise RegexError(f"'{pattern}' has a back-reference; it matches nothing")
        escaped = char == "\\" and not escaped


def search(pattern: str, text: str) -> bool:
    """Return whether a part of `text` matches; unanchored, as regexec(3).

    Raises:
        RegexError: the expression is malformed, longer than `LONGEST`, repeats more than `MOST_REPEATS` times,
            or has a back-reference. depmod takes the last three as far as memory reaches.

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
