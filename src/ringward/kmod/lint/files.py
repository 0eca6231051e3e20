"""Files that are not read, and lines that have no meaning."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from ringward.kmod.config_files import UNREAD, ConfigFile
from ringward.kmod.depmod_config import DepmodDirective
from ringward.kmod.directive import Directive, Problem
from ringward.kmod.lint.finding import FINDING, NOTE, Finding

Reader = Callable[[str], str | None]
"""Returns the text of a file, or None when it cannot be read."""
Parser = Callable[[str, str], Iterator[Directive | Problem] | Iterator[DepmodDirective | Problem]]
"""Yields the directives of a file's text, and what is wrong with it; the second argument is its path."""

_RULES = {
    "bad line": ("bad-line", "remove it, or make it a directive of modprobe.d(5)"),
    "bracket": ("bad-line", "close the bracket"),
    "include": ("include", "move the lines into a file of the directory"),
    "backslash": ("backslash", "write each backslash twice"),
    "words": ("bad-line", "write one directive for each"),
    "regex": ("bad-line", "write a POSIX extended regular expression, or *"),
}
"""Of each kind of problem the rule, and what to do."""
_BACKUPS = (".bak", ".dpkg-dist", ".dpkg-new", ".dpkg-old", ".disabled", ".off", ".orig", ".rpmnew", ".rpmsave", "~")
_WHYS = {
    "hidden": "its name starts with a dot",
    "not .conf": "its name does not end in .conf",
    "directory": "it is a directory; directories inside are not read",
    "broken link": "it is a link to nothing",
}
_NAMES = ("alias", "blacklist", "install", "options", "remove", "softdep", "weakdep")


def problems(found: list[Problem]) -> Iterator[Finding]:
    """Yield what the parsers stumbled over; not what could not be read, which is no line's fault."""
    for each in found:
        if each.kind in UNREAD or each.kind == "broken link":
            continue
        rule, fix = _RULES[each.kind]
        why = each.why
        if each.kind == "bad line":
            why += _meant(each)
        yield Finding(rule, FINDING, each.path, each.line, each.text, why, fix)


def _meant(problem: Problem) -> str:
    """Return the directive that may have been meant."""
    from difflib import get_close_matches  # noqa: PLC0415 - only a wrong word needs it

    first = problem.text.strip().partition(" ")[0]
    near = get_close_matches(first.lower()[:20], _NAMES, 1, 0.7)
    return f"; '{near[0]}' was meant?" if near and near[0] != first else ""


def _directives(text: str, path: str, parse: Parser) -> list[Directive | DepmodDirective]:
    return [each for each in parse(text, path) if not isinstance(each, Problem)]


def _words(directive: Directive | DepmodDirective) -> str:
    """Return a directive's text, whatever blanks are in it."""
    return " ".join(directive.text.split())


def unused(files: list[ConfigFile], read: Reader, parse: Parser) -> Iterator[Finding]:
    """Yield the files that are not read although something is in them."""
    for each in files:
        if each.used:
            continue
        text = "" if each.why == "directory" else read(each.path)
        directives = _directives(text or "", each.path, parse)
        if each.why == "shadowed":
            instead = read(each.shadowed_by or "")
            kept = {_words(d) for d in _directives(instead or "", each.path, parse)}
            empty = instead is not None and not instead.strip()
            yield from _shadowed(each, [d for d in directives if _words(d) not in kept], empty=empty)
        elif each.why in {"directory", "broken link"}:
            yield Finding("file-ignored", FINDING, each.path, 0, "", f"is not read: {_WHYS[each.why]}", "remove it")
        elif directives:
            backup = each.path.endswith(_BACKUPS) or each.why == "hidden"
            why = f"is not read: {_WHYS[each.why]}; it has {_count(directives)}"
            fix = "" if backup else "name it .conf, or move it away"
            yield Finding("file-ignored", NOTE if backup else FINDING, each.path, 0, "", why, fix)


def _shadowed(file: ConfigFile, lost: list[Directive | DepmodDirective], *, empty: bool) -> Iterator[Finding]:
    """Yield what a hidden file loses.

    Args:
        file: that is hidden.
        lost: its directives that the file in its place does not have.
        empty: whether that is empty, or a link to /dev/null: so a package's file is switched off.

    """
    if not lost:
        return
    winner = file.shadowed_by or ""
    first = lost[0]
    why = f"is hidden by {winner}; {_count(lost)} of it do not count, the first is '{first.text.strip()[:80]}'"
    fix = "" if empty else f"add the lines to {winner}, or give one of the files another name"
    level = NOTE if empty else FINDING
    yield Finding("file-shadowed", level, file.path, first.line, first.text, why, fix, (winner,))


def _count(directives: Sequence[object]) -> str:
    return f"{len(directives)} directive{'s' * (len(directives) != 1)}"
