"""Text of events made safe for a terminal, and its width there.

Event data is written by whoever starts a program: it may hold escape sequences, text that
reorders a line, and characters of no width. Everything but plain, left-to-right characters
of known width is shown by its number.
"""

from __future__ import annotations

import unicodedata

# Bidirectional classes whose characters leave their neighbours in place (Unicode UAX #9).
_IN_PLACE = frozenset({"L", "EN", "ES", "ET", "CS", "ON", "WS"})
# Unicode general categories: letters, numbers, punctuation, symbols; marks are not among them (no width).
_SHOWN = "LNPS"


def _number(char: str) -> str:
    code = ord(char)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _plain(char: str) -> bool:
    return char == " " or (unicodedata.category(char)[0] in _SHOWN and unicodedata.bidirectional(char) in _IN_PLACE)


def safe(text: str, *, utf8: bool = True) -> str:
    """Return `text` with every character that could move, hide or recolour others as ``\\xNN`` or ``\\uNNNN``.

    Args:
        text: of an event.
        utf8: whether the terminal shows more than ASCII.

    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(char if _plain(char) and (utf8 or char.isascii()) else _number(char) for char in text)


def columns(text: str) -> int:
    """Return how many terminal columns a safe text takes (Unicode UAX #11: W and F take two)."""
    if text.isascii():
        return len(text)
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)


def cut(text: str, width: int, mark: str = "~") -> str:
    """Return a safe text shortened to at most `width` columns, with `mark` (one column) where it was cut."""
    if columns(text) <= width:
        return text
    if width <= 0:
        return ""
    room, kept = width - 1, 0
    for end, char in enumerate(text):
        kept += columns(char)
        if kept > room:
            return text[:end] + mark
    return text


def fit(text: str, width: int, mark: str = "~") -> str:
    """Return a safe text cut or padded to exactly `width` columns."""
    text = cut(text, width, mark)
    return text + " " * (width - columns(text))


def fit_right(text: str, width: int) -> str:
    """Return a safe text cut or padded on the left to exactly `width` columns."""
    text = cut(text, width)
    return " " * (width - columns(text)) + text


def wrap(text: str, width: int, indent: str) -> list[str]:
    """Return a safe text as lines of at most `width` columns; words too long are split.

    Args:
        text: without line breaks.
        width: of a line, columns.
        indent: before each line; all but the first are two columns further in.

    """
    room = max(width - len(indent) - 2, 8)
    lines: list[str] = []
    line = ""
    for word in text.split(" "):
        rest = word
        if line and columns(line) + 1 + columns(rest) <= room:
            line += " " + rest
            continue
        if line:
            lines.append(line)
        while columns(rest) > room:
            part = cut(rest, room + 1, "")
            while columns(part) > room:
                part = part[:-1]
            lines.append(part)
            rest = rest[len(part) :]
        line = rest
    first, *rest_of = [one.rstrip(" ") for one in (*lines, line)]
    return [indent + first, *(f"{indent}  {one}" for one in rest_of)]
