"""Whether modules can get in, as text for a terminal: the word first, then the proof. Pure."""

from __future__ import annotations

import textwrap

from ringward.cli import terminal
from ringward.kmod.blocked.answer import BLOCKED, BUILT_IN, CLOSED, COULD_NOT_LOOK, LOADED, OPEN, UNKNOWN

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ringward.kmod.blocked import Answer, Way
    from ringward.kmod.directive import Directive

_KIND, _RESULT = 19, 16
"""Columns."""
_NAMES = 4
"""Names that a row shows."""
_GREEN, _RED, _YELLOW = "32", "31", "33"
_COLOURS = {
    BLOCKED: _GREEN,
    CLOSED: _GREEN,
    OPEN: _RED,
    LOADED: _RED,
    BUILT_IN: _RED,
    UNKNOWN: _YELLOW,
    COULD_NOT_LOOK: _YELLOW,
}


class Shape:
    """What the text is to fit: columns, whether it may have colours, the directory that files are shown relative to."""

    __slots__ = ("colour", "directory", "width")

    def __init__(self, width: int, directory: str, *, colour: bool = False) -> None:
        self.width = width
        self.directory = directory
        self.colour = colour


def text(answers: Sequence[Answer], assumed: Sequence[str], kernel: str, shape: Shape) -> str:
    """Return the answers.

    Args:
        answers: for each module.
        assumed: what is taken for granted.
        kernel: the release.
        shape: what the text is to fit.

    """
    lines: list[str] = []
    for answer in answers:
        lines += [*_answer(answer, shape), ""]
    lines += _wrapped(f"kernel {kernel}, {shape.directory}", "", shape.width)
    lines += _wrapped(f"assumed: {'; '.join(assumed)}", "", shape.width)
    return "".join(f"{line}\n" for line in lines)


def _answer(answer: Answer, shape: Shape) -> Iterator[str]:
    width, colour = shape.width, shape.colour
    name = answer.module if answer.asked.replace("-", "_") == answer.module else f"{answer.module} ({answer.asked})"
    head = _wrapped(f"{answer.word}: {name}: {answer.why}", "", width)
    yield _painted(answer.word, head[0], colour=colour)
    yield from head[1:]
    if answer.ways:
        yield ""
    before = ""
    for way in answer.ways:
        lines = _wrapped(_way(way, shape.directory), " " * (2 + _KIND + _RESULT), width)
        kind = "" if way.kind == before else way.kind
        result = _painted(way.result, f"{way.result:<{_RESULT}}", colour=colour)
        yield f"  {kind:<{_KIND}}{result}{lines[0].strip()}"
        yield from lines[1:]
        before = way.kind
    if answer.useless:
        yield from ("", "  without effect on what is open:")
    for each in answer.useless:
        yield from _wrapped(f"{each.place}: {each.text}", "    ", width)
        yield from _wrapped(each.why, "      ", width)
    if answer.remedies:
        yield from ("", "  to close it:")
    for remedy in answer.remedies:
        yield from _wrapped(f"{remedy.where}: {remedy.closes}", "    ", width)
        yield from (f"        {terminal.printable(line)}" for line in remedy.lines)
        if remedy.price:
            yield from _wrapped(remedy.price, "      ", width)
    for why in answer.unseen:
        yield from _wrapped(f"could not look: {why}", "  ", width)


def _way(way: Way, directory: str) -> str:
    """Return what is asked for, who can do so, and what stands in the way."""
    names = ", ".join(name.removeprefix(f"{directory}/") for name in way.names[:_NAMES])
    more = len(way.names) - _NAMES
    parts = [names + (f" and {more} more" if more > 0 else "")] if way.names else []
    if way.result != CLOSED and way.who:
        first, *others = way.who
        parts.append(f"({'; '.join([f'{first}: {way.what}' if way.what else first, *others])})")
    if way.why:
        parts.append(f"- {way.why}" if parts else way.why)
    parts += [_quoted(line) for line in way.directives]
    return " ".join(parts)


def _quoted(line: Directive) -> str:
    return f"[{line.text.strip()}: {line.place}]"


def _painted(word: str, line: str, *, colour: bool) -> str:
    """Return a line that begins with a word, the word in its colour."""
    code = _COLOURS.get(word)
    return f"\x1b[{code}m{word}\x1b[0m{line[len(word) :]}" if colour and code else line


def _wrapped(line: str, indent: str, width: int) -> list[str]:
    return textwrap.wrap(
        terminal.printable(line),
        max(width, len(indent) + 20),
        initial_indent=indent,
        subsequent_indent=indent + "  ",
        break_long_words=False,
        break_on_hyphens=False,
    ) or [indent]
