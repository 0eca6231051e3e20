"""What an ``install`` command comes to, as far as its text says it: modprobe gives it to a shell."""

from __future__ import annotations

import re
import shlex

from ringward.kmod.names import module_name, path_to_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# What a command does with a module.
KEEPS_OUT = "keeps out"
LOADS = "loads"
MAY_LOAD = "may load"
"""Its text does not tell."""

_INERT = {":", "echo", "exit", "false", "logger", "printf", "sleep", "true"}
"""Programs and builtins of a shell that load nothing."""
_EXPANSION = re.compile(r"[`(){}]|\$(?!CMDLINE_OPTS\b)")
_NO_LOAD = {"r", "remove", "n", "dry-run", "show", "D", "show-depends", "R", "resolve-alias", "c", "showconfig"}
_BY_ITSELF = {"i", "ignore-install"}
_EVERY = {"a", "all"}
_HARMLESS = {"q", "quiet", "v", "verbose", "s", "syslog", "b", "use-blacklist", "f", "force", "first-time"}
"""Options of modprobe, which take no argument."""


class Effect:
    """What a command does.

    loads: `KEEPS_OUT`, `LOADS` or `MAY_LOAD`.
    fails: whether it certainly ends with another status than 0, which ends the chain that it stands in.
    asks: names that it gives to modprobe, which then decides by them.
    """

    __slots__ = ("asks", "fails", "loads")

    def __init__(self, loads: str, *, fails: bool = False, asks: tuple[str, ...] = ()) -> None:
        self.loads = loads
        self.fails = fails
        self.asks = asks


def effect(command: str, module: str, exists: Callable[[str], bool] | None = None) -> Effect:
    """Return what a command does with a module.

    Args:
        command: as it stands in the configuration.
        module: that it may load; its own, or that of another's command.
        exists: whether there is a file at an absolute path; None: it is not known.

    """
    if _EXPANSION.search(command):
        return Effect(MAY_LOAD)
    try:
        found = [_simple(words, module, exists) for words in _split(command)]
    except ValueError:  # a quote is not closed
        return Effect(MAY_LOAD)
    loads = next((word for word in (LOADS, MAY_LOAD) if any(each.loads == word for each in found)), KEEPS_OUT)
    fails = len(found) == 1 and found[0].fails
    return Effect(loads, fails=fails, asks=tuple(name for each in found for name in each.asks))


def _split(command: str) -> Iterator[list[str]]:
    """Yield the words of each simple command, without redirections; ValueError: a quote is not closed."""
    lexer = shlex.shlex(command, posix=True, punctuation_chars=";&|<>")
    lexer.whitespace_split = True
    words: list[str] = []
    target = False
    for word in lexer:
        if target:
            target = False
        elif set(word) <= set(";&|<>"):
            target = "<" in word or ">" in word
            if not target:
                yield words
                words = []
        elif word != "$CMDLINE_OPTS":
            words.append(word)
    yield words


def _simple(words: list[str], module: str, exists: Callable[[str], bool] | None) -> Effect:
    """Return what one program with its arguments does."""
    if not words:
        return Effect(KEEPS_OUT)
    program = words[0].rpartition("/")[2]
    if program == "modprobe":
        return _modprobe(words[1:], module)
    if program == "insmod" and len(words) > 1:
        return Effect(LOADS if path_to_name(words[1]) == module else KEEPS_OUT)
    if words[0].startswith("/") and exists and not exists(words[0]):
        return Effect(KEEPS_OUT, fails=True)  # the shell's status is 127
    if program not in _INERT:
        return Effect(MAY_LOAD)
    return Effect(KEEPS_OUT, fails=program == "false" or (program == "exit" and words[1:2] not in ([], ["0"])))


def _modprobe(words: list[str], module: str) -> Effect:
    """Return what modprobe does in a command. With -i it does not look at the module's own command again."""
    options: set[str] = set()
    for word in words:
        if word.startswith("--"):
            options.add(word[2:])
        elif word.startswith("-"):
            options.update(word[1:])
    if options & _NO_LOAD:
        return Effect(KEEPS_OUT)
    if options - _HARMLESS - _BY_ITSELF - _EVERY - {""}:
        return Effect(MAY_LOAD)
    names = [word for word in words if not word.startswith("-")]
    names = names if options & _EVERY else names[:1]
    if options & _BY_ITSELF and module in map(module_name, names):
        return Effect(LOADS)
    return Effect(KEEPS_OUT, asks=tuple(names))
