"""By an alias, of modules.alias or of the configuration: what the kernel and udev do."""

from __future__ import annotations

from shlex import quote

from ringward.kmod.blocked.answer import BY_ALIAS, CLOSED, OPEN, Way
from ringward.kmod.blocked.by_name import reached
from ringward.kmod.lookup import SYMBOL
from ringward.kmod.tree import ALIAS, SYMBOLS
from ringward.kmod.triggers import ROOT, WHO, trigger_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ringward.kmod.blocked.trial import Outcome, Trial
    from ringward.kmod.config import Config
    from ringward.kmod.directive import Directive
    from ringward.kmod.tree import Tree
    from ringward.kmod.triggers import Trigger

_RARE = "~"
"""Stands for what an alias leaves open; no alias that is meant for one device names it."""


class Aliases:
    """The aliases of every module. Raises KmodError for a damaged index."""

    def __init__(self, tree: Tree, config: Config) -> None:
        self.tree = tree
        self._configured: dict[str, list[Directive]] = {}
        for line in config.aliases:
            self._configured.setdefault(line.value, []).append(line)

    def of(self, module: str) -> dict[str, Directive | None]:
        """Return the patterns of a module's aliases, each with the line of the configuration that it is from."""
        found: dict[str, Directive | None] = dict.fromkeys(self.tree.keys(ALIAS, module))
        found.update({line.key: line for line in self._configured.get(module, [])})
        return found

    def symbol(self, module: str) -> str:
        """Return one ``symbol:NAME`` of those that a module exports; "" when it exports none."""
        return next(iter(self.tree.keys(SYMBOLS, module)), "")


def instance(pattern: str) -> str:
    """Return a text that an alias matches, and that no narrower one does."""
    made = []
    at = 0
    while at < len(pattern):
        char = pattern[at]
        if char == "[":
            inverse = pattern[at + 1 : at + 2] in {"!", "^"}
            first = at + 2 if inverse else at + 1
            end = pattern.find("]", first + 1)
            if end > 0:
                char = _RARE if inverse else pattern[first]
                at = end
        elif char in "*?":
            char = _RARE
        made.append(char)
        at += 1
    return "".join(made)


def modprobe(text: str) -> str:
    """Return the command that asks for a name or alias."""
    return f"modprobe -- {quote(text)}" if text.startswith("-") else f"modprobe {quote(text)}"


def asked_by(pattern: str, *, kernel_asks: bool) -> Trigger | None:
    """Return what makes somebody ask for an alias; None: nobody but root, as the kernel cannot call modprobe."""
    found = trigger_of(pattern)
    return found if kernel_asks or not found.by_kernel else None


def by_alias(trial: Trial, aliases: Aliases, *, kernel_asks: bool) -> list[Way]:
    """Return the ways by aliases, those that end alike in one.

    Args:
        trial: of the module.
        aliases: of all modules.
        kernel_asks: whether the kernel can call modprobe.

    """
    patterns = aliases.of(trial.module)
    symbol = aliases.symbol(trial.module)
    every = {**patterns, **({symbol: None} if symbol else {})}
    if not every:
        return [Way(BY_ALIAS, CLOSED, why="no alias leads to it")]
    groups: dict[tuple[object, ...], Way] = {}
    for pattern, line in every.items():
        outcome = reached(trial, instance(pattern))
        trigger = asked_by(pattern, kernel_asks=kernel_asks)
        who, what = (trigger.who, trigger.what) if trigger else (ROOT, "")
        result, why, lines = _told(trial, pattern, outcome)
        lines = [*lines, *([line] if line and result == OPEN else [])]
        key = (result, why, tuple(map(id, lines)), who, what)
        if key not in groups:
            groups[key] = Way(
                BY_ALIAS,
                result,
                who=list(dict.fromkeys([who, ROOT])),
                what=what,
                why=why,
                directives=lines,
                command=modprobe(instance(pattern)),
            )
        groups[key].names.append("symbol:*" if pattern == symbol else pattern)
    return sorted(groups.values(), key=lambda way: (way.result == CLOSED, WHO.index(way.who[0])))


def _told(trial: Trial, pattern: str, outcome: Outcome | None) -> tuple[str, str, list[Directive]]:
    """Return the result for an alias, what explains it, and the lines that do so."""
    if outcome is not None:
        return outcome.result, outcome.why, list(outcome.directives)
    answer = trial.resolver.lookup(instance(pattern))
    lines = [hit.directive for hit in answer.hits if hit.directive]
    meant = ", ".join(dict.fromkeys(hit.name for hit in answer.hits)) or "nothing"
    where = "" if lines or answer.source == SYMBOL else f", which {answer.source} has" if answer.source else ""
    return CLOSED, f"the alias means {meant}{where}", lines
