"""The lines of a modprobe.d file (modprobe.d(5)), read as modprobe reads them."""

from __future__ import annotations

from ringward.kmod.directive import Directive, Problem
from ringward.kmod.names import BracketError, alias_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_SPACE = " \t\n\v\f\r"
LONGEST = 1 << 16
"""Characters of a line; a longer one is not used, so that no pattern takes for ever. kmod has no limit."""
_SHOWN = 200
"""Characters of a bad line that are kept; a binary file has no line ends."""


class Line:
    """A line with its continuation lines joined and backslashes dropped.

    Args:
        text: of it.
        first: number of its first row in the file, from 1.
        last: number of its last row.
        dropped: the characters whose backslash was dropped, in order.

    """

    __slots__ = ("dropped", "first", "last", "text")

    def __init__(self, text: str, first: int, last: int, dropped: str = "") -> None:
        self.text = text
        self.first = first
        self.last = last
        self.dropped = dropped


def lines(text: str) -> Iterator[Line]:
    r"""Yield the lines of a file.

    Backslash and line end join two lines, in comments too; before any other character the backslash
    is dropped (``\\`` gives ``\``). A backslash as the file's very last character gives byte 0xff, as in kmod 30.
    Nothing behind a NUL is read, up to the line's end.
    """
    rows = text.split("\n")
    if not rows[-1]:
        rows.pop()
    if "\\" not in text:
        for number, row in enumerate(rows, 1):
            yield Line(row.partition("\0")[0], number, number)
        return
    number = 0
    while number < len(rows):
        number, line = _joined(rows, number, ends=text.endswith("\n"))
        yield line


def _joined(rows: list[str], start: int, *, ends: bool) -> tuple[int, Line]:
    """Return the index of the row behind the line that starts at row `start`, and the line.

    Args:
        rows: of the file.
        start: index of the line's first row.
        ends: whether a line end follows the last row.

    """
    parts: list[str] = []
    dropped: list[str] = []
    number = start
    goes_on = False
    while number < len(rows):
        row = rows[number]
        number += 1
        first, *pieces = row.split("\\")
        parts.append(first)
        goes_on = False
        at = 0
        while at < len(pieces):
            if pieces[at]:
                parts.append(pieces[at])
                dropped.append(pieces[at][0])
            elif at + 1 < len(pieces):  # a backslash, and the piece behind it
                at += 1
                parts.append("\\" + pieces[at])
            elif number < len(rows) or ends:
                goes_on = True
            else:
                parts.append("\udcff")
            at += 1
        if not goes_on:
            break
    text = "".join(parts).partition("\0")[0]
    # A line that would go on behind the file's end: kmod has counted the row that is not there.
    return number, Line(text, start + 1, number + goes_on, "".join(dropped))


def word(text: str) -> tuple[str, str]:
    """Return the first word of `text` and what stands behind the one blank after it."""
    text = text.lstrip(" \t")
    first = text.replace("\t", " ").partition(" ")[0]
    return first, text[len(first) + 1 :]


def _split(text: str) -> list[str]:
    """Return the words of `text`, separated by what isspace(3) takes for a blank."""
    for separator in _SPACE[1:]:
        text = text.replace(separator, " ")
    return [each for each in text.split(" ") if each]


def softdep_words(rest: str) -> Iterator[tuple[str, str]]:
    """Yield ("pre" or "post", module) for each module behind a softdep's name.

    Words before the first ``pre:`` or ``post:`` do not count. A single blank in front belongs to the first word,
    so that ``softdep a  pre: b`` (two blanks in all) has no modules: kmod 30 does so.
    """
    if rest[:1] in _SPACE and rest[1:2] not in _SPACE:
        end = min((at for at in (rest.find(blank, 1) for blank in _SPACE) if at > 0), default=len(rest))
        rest = rest[end:]
    side = ""
    for each in _split(rest):
        if each in {"pre:", "post:"}:
            side = each[:-1]
        elif side:
            yield side, each


def _alias(line: Line, rest: str, path: str) -> Directive | None:
    pattern, rest = word(rest)
    module = word(rest)[0]
    if not module:
        return None
    return Directive("alias", alias_name(pattern), alias_name(module), path, line.first, line.text)


def _blacklist(line: Line, rest: str, path: str) -> Directive | None:
    module = word(rest)[0]
    return Directive("blacklist", alias_name(module), "", path, line.first, line.text) if module else None


def _options(line: Line, rest: str, path: str) -> Directive | None:
    module, options = word(rest)
    if not options:
        return None
    return Directive("options", alias_name(module), options.replace("\t", " "), path, line.first, line.text)


def _command(line: Line, rest: str, path: str) -> Directive | None:
    module, command = word(rest)
    if not command:
        return None
    return Directive(word(line.text)[0], alias_name(module), command, path, line.first, line.text)


def _softdep(line: Line, rest: str, path: str) -> Directive | None:
    module, operands = word(rest)
    if not operands:
        return None
    found = list(softdep_words(operands))
    pre = tuple(name for side, name in found if side == "pre")
    post = tuple(name for side, name in found if side == "post")
    return Directive("softdep", alias_name(module), operands, path, line.first, line.text, pre=pre, post=post)


def _weakdep(line: Line, rest: str, path: str) -> Directive | None:
    module, operands = word(rest)
    if not operands:
        return None
    names = tuple(_split(operands))
    return Directive("weakdep", alias_name(module), operands, path, line.first, line.text, post=names)


_KINDS: dict[str, Callable[[Line, str, str], Directive | None]] = {
    "alias": _alias,
    "blacklist": _blacklist,
    "options": _options,
    "install": _command,
    "remove": _command,
    "softdep": _softdep,
    "weakdep": _weakdep,
}


def problem(kind: str, line: Line, path: str, why: str) -> Problem:
    """Return what is wrong with a line, of which no more than its beginning is kept."""
    return Problem(kind, path, line.first, line.text[:_SHOWN], why, line.last)


def _fault(line: Line, name: str, path: str) -> Problem:
    """Return what is wrong with a line that has no meaning."""
    if name in {"include", "config"}:
        return problem("include", line, path, f"'{name}' is not supported: the line is ignored")
    if name in _KINDS:
        return problem("bad line", line, path, f"'{name}' has too few words: the line is ignored")
    if name.startswith("#"):
        why = "a comment must start in the first column; the line is ignored all the same"
    else:
        printable = name[:40] if name.isprintable() else ascii(name[:40])[1:-1]
        why = f"there is no directive '{printable}'"
    return problem("bad line", line, path, why)


def dropped(line: Line, path: str) -> Problem:
    """Return what a line with dropped backslashes is told for."""
    what = " ".join(f"\\{each}" for each in sorted(set(line.dropped)))
    why = f"a backslash is dropped ({what}); write it twice to keep it"
    return problem("backslash", line, path, why)


def parse(text: str, path: str) -> Iterator[Directive | Problem]:
    """Yield what each line of a file says, in its order. A line with dropped backslashes gives a problem besides.

    Args:
        text: of the file, undecodable bytes as surrogates (os.fsdecode).
        path: that is named as the place of each line.

    """
    for line in lines(text):
        if line.text[:1] in {"", "#"}:
            continue
        if len(line.text) > LONGEST:
            why = f"the line is longer than {LONGEST} characters and not used here; modprobe uses it"
            yield problem("bad line", line, path, why)
            continue
        name, rest = word(line.text)
        if not name:
            continue
        try:
            found = _KINDS[name](line, rest, path) if name in _KINDS else None
        except BracketError as error:
            yield problem("bracket", line, path, f"{error}: the line is ignored")
            continue
        if found is None:
            yield _fault(line, name, path)
            continue
        found.last_line = line.last
        yield found
        if line.dropped:
            yield dropped(line, path)
