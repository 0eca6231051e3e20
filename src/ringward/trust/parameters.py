"""The parameters of a load as rules compare them: as the kernel takes them apart, in one form."""

from __future__ import annotations

from ringward.trust.patterns import underscored

LONGEST = 1024
"""Bytes of all parameters of a load; longer ones count as not read."""
MOST = 64
"""Parameters of a load; more count as not read."""
_SPACES = b" \t\n\v\f\r\xa0"
"""What isspace() of the kernel takes for a space (lib/ctype.c: Latin-1)."""


def words(text: bytes) -> list[bytes] | None:
    """Return each parameter as ``name=value``; of one without a value, ``name=``.

    As next_arg() in lib/cmdline.c and parse_args() in kernel/params.c: double quotes keep blanks, and go when
    they enclose a value or the whole; a ``--`` ends the list; in a name '-' and '_' are one character.

    Args:
        text: what the kernel copied, up to its NUL.

    Returns:
        None: it is longer than `LONGEST`, or has more than `MOST` parameters.

    """
    if len(text) > LONGEST:
        return None
    found: list[bytes] = []
    at = _skip(text, 0)
    while at < len(text):
        word, at = _next(text, at)
        if word is None:
            break
        if len(found) == MOST:
            return None
        found.append(word)
        at = _skip(text, at)
    return found


def _skip(text: bytes, at: int) -> int:
    while at < len(text) and text[at] in _SPACES:
        at += 1
    return at


def _next(text: bytes, start: int) -> tuple[bytes | None, int]:
    """Return the parameter that begins at `start`, and the offset behind it; None: it is the ``--``."""
    quoted = text[start : start + 1] == b'"'
    start += quoted
    inside = quoted
    at, equals = start, 0
    while at < len(text) and (inside or text[at] not in _SPACES):
        # An '=' as the first character is a part of the name: the kernel's index of it is 0, its "none".
        if text[at : at + 1] == b"=" and not equals:
            equals = at - start
        inside ^= text[at : at + 1] == b'"'
        at += 1
    end = at
    value_starts = start + equals + 1
    bare = True
    if equals:
        bare = False
        if text[value_starts : value_starts + 1] == b'"':
            value_starts += 1
            # The kernel cuts at the last quote even if it is the one that opens the value.
            end -= text[at - 1 : at] == b'"'
    if quoted and end == at and at > start and text[at - 1 : at] == b'"':
        end -= 1
    if bare:
        name = text[start:end]
        return (None if name == b"--" else underscored(name) + b"="), at
    name = underscored(text[start : start + equals])
    return name + b"=" + text[value_starts : max(end, value_starts)], at
