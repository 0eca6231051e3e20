"""Module options and blacklists on the kernel command line.

A word ``MODULE.PARAMETER[=VALUE]`` is an ``options`` directive, ``modprobe.blacklist=A,B`` a ``blacklist`` of each
(modprobe(8), kernel-parameters.txt). Names of the blacklist are not normalised: ``a-b`` there never matches a module.
"""

from __future__ import annotations

from ringward.kmod.directive import CMDLINE, Directive
from ringward.kmod.names import BracketError, alias_name

LIMIT = 4095
"""Bytes of the command line that modprobe reads."""

_SPACE = " \t\n\v\f\r"


def words(text: str) -> list[str]:
    """Return the words of a command line, separated by blanks that no double quote protects.

    Args:
        text: of /proc/cmdline; what follows a NUL or byte `LIMIT` is not read. A word whose quote
            is not closed is left out, as modprobe does.

    """
    if len(text) > LIMIT // 4:
        text = text.encode("utf-8", "surrogateescape")[:LIMIT].decode("utf-8", "surrogateescape")
    text = text.partition("\0")[0]
    found: list[str] = []
    word: list[str] = []
    for number, part in enumerate(text.split('"')):
        if number:
            word.append('"')
        if number % 2:
            word.append(part)
            continue
        for separator in _SPACE[1:]:
            part = part.replace(separator, " ")  # noqa: PLW2901 - one kind of blank is left
        first, *rest = part.split(" ")
        word.append(first)
        for piece in rest:
            found.append("".join(word))
            word = [piece]
    if text.count('"') % 2 == 0:
        found.append("".join(word))
    return [each for each in found if each]


def split(word: str) -> tuple[str, str, str | None] | None:
    """Return module, parameter and value of a word; None when it is no module's.

    A quote around the whole word goes to the value: ``"a.b=c d"`` is ``a``, ``b``, ``"c d"``. A quote elsewhere
    before the '=', a second '.' or a blank there makes the word no module's.
    """
    head, equals, value = word.partition("=")
    quote = head.startswith('"')
    module, dot, parameter = head[quote:].partition(".")
    if not dot or "." in parameter or any(char in head[quote:] for char in _SPACE + '"'):
        return None
    return module, parameter, ('"' * quote + value if equals else None)


def parse(text: str, path: str = CMDLINE) -> list[Directive]:
    """Return the directives of a kernel command line, in its order, each with line 0 and its word as text.

    Args:
        text: of the command line, undecodable bytes as surrogates (os.fsdecode).
        path: that the directives are said to come from.

    """
    found = []
    for word in words(text):
        parts = split(word)
        if parts is None:
            continue
        module, parameter, value = parts
        if (module, parameter) == ("modprobe", "blacklist") and value is not None:
            found += [Directive("blacklist", name, "", path, 0, word) for name in value.split(",")]
            continue
        try:
            name = alias_name(module)
        except BracketError:
            continue
        option = (parameter if value is None else f"{parameter}={value}").replace("\t", " ")
        found.append(Directive("options", name, option, path, 0, word))
    return found


def kernel_blacklist(cmdline: str) -> tuple[list[str], str]:
    """Return the modules that the kernel itself keeps out, and the word of its command line that says so.

    kernel/module/main.c: core_param(module_blacklist, charp): a later one takes the place of an earlier one, and what
    stands behind "--" is not the kernel's (kernel/params.c: parse_args). Names are compared as they stand.
    """
    names: list[str] = []
    last = ""
    for word in cmdline.split():
        if word == "--":
            break
        name, equals, value = word.replace('"', "").partition("=")
        if equals and name.replace("-", "_") == "module_blacklist":
            names, last = [each for each in value.split(",") if each], word
    return names, last
