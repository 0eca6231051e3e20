"""Because another module is loaded: one that needs it, or one whose softdep names it."""

from __future__ import annotations

from ringward.kmod.blocked.answer import AS_DEPENDENCY, BY_SOFTDEP, CLOSED, OPEN, Way
from ringward.kmod.blocked.by_alias import asked_by, instance, modprobe
from ringward.kmod.blocked.by_name import RANK
from ringward.kmod.lookup import Hit
from ringward.kmod.reverse import WEAK
from ringward.kmod.step import POST, PRE
from ringward.kmod.triggers import ROOT, WHO, named

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ringward.kmod.blocked.by_alias import Aliases
    from ringward.kmod.blocked.trial import Outcome, Trial
    from ringward.kmod.reverse import Reverse

_NOBODY = {AS_DEPENDENCY: "no module needs it", BY_SOFTDEP: "no softdep that counts names it"}


def pulling(reverse: Reverse, module: str) -> list[str]:
    """Return the modules that may pull one in, those nearest to it first."""
    found: dict[str, None] = {}
    left = [module]
    for name in left:
        wants = [want.module for want in reverse.soft(name) if want.kind != WEAK]
        for each in (*reverse.all_dependents(name), *wants):
            if each != module and each not in found:
                found[each] = None
                left.append(each)
    return list(found)


class Asked:
    """The requests that lead to a module.

    who: who can make one, and what makes them: of `triggers.WHO`.
    text: one of them: the module's name if that leads to it, else an alias.
    """

    __slots__ = ("text", "who")

    def __init__(self) -> None:
        self.text = ""
        self.who: dict[str, str] = {}

    def add(self, text: str, who: str, what: str) -> None:
        """Add a request."""
        self.text = self.text or text
        self.who.setdefault(who, what)


class Requests:
    """Who asks for the modules that pull another one in.

    Args:
        trial: of that other one.
        aliases: of all modules.
        kernel_asks: whether the kernel can call modprobe.

    """

    def __init__(self, trial: Trial, aliases: Aliases, *, kernel_asks: bool) -> None:
        self.resolver = trial.resolver
        self.aliases = aliases
        self.kernel_asks = kernel_asks

    def of(self, name: str) -> Asked:
        """Return the requests that lead to a module; none has no text."""
        found = Asked()
        if self._leads(name, name):
            trigger = named(name) if self.kernel_asks else None
            if trigger:
                found.add(name, trigger.who, f"{trigger.what}, for {name}")
            found.add(name, ROOT, "")
        if self.resolver.blacklisted(name):
            return found
        for pattern in self.aliases.of(name):
            trigger = asked_by(pattern, kernel_asks=self.kernel_asks)
            who, what = (trigger.who, trigger.what) if trigger else (ROOT, "")
            text = instance(pattern)
            if who not in found.who and self._leads(text, name):
                found.add(text, who, f"{what}{', for ' if what else ''}{pattern} of {name}")
        return found

    def _leads(self, asked: str, name: str) -> bool:
        return any(hit.name == name for hit in self.resolver.lookup(asked).hits)


def by_dependency(trial: Trial, reverse: Reverse, requests: Requests) -> list[Way]:
    """Return the ways by other modules, those that end alike in one.

    Args:
        trial: of the module.
        reverse: who needs whom.
        requests: who asks for them.

    """
    groups: dict[tuple[object, ...], Way] = {}
    for name in pulling(reverse, trial.module):
        asked = requests.of(name)
        if not asked.text:
            continue
        # Whoever pulls it in may be unloaded and loaded again.
        outcome = trial.hit(Hit(name), unloaded=name)
        kind = _kind(outcome, reverse, trial.module, name)
        lines = [*outcome.directives]
        if outcome.result == OPEN and outcome.step and outcome.step.cause.directive:
            lines.append(outcome.step.cause.directive)
        key = (kind, outcome.result, outcome.why, tuple(map(id, lines)))
        if key not in groups:
            groups[key] = Way(kind, outcome.result, why=outcome.why, directives=lines, command=modprobe(asked.text))
        _add(groups[key], name, asked)
    ways = sorted(groups.values(), key=lambda way: (way.kind == BY_SOFTDEP, RANK.index(way.result)))
    missing = {AS_DEPENDENCY, BY_SOFTDEP} - {way.kind for way in ways}
    return ways + [Way(kind, CLOSED, why=_NOBODY[kind]) for kind in (AS_DEPENDENCY, BY_SOFTDEP) if kind in missing]


def _add(way: Way, name: str, asked: Asked) -> None:
    """Add a module, and who can ask for it, to a way."""
    way.names.append(name)
    least = min(asked.who, key=WHO.index)
    if not way.who or WHO.index(least) < WHO.index(way.who[0]):
        way.what = asked.who[least]
    way.who = sorted({*way.who, *asked.who}, key=WHO.index)


def _kind(outcome: Outcome, reverse: Reverse, module: str, name: str) -> str:
    """Return whether a module is pulled in as a dependency or by a softdep."""
    if outcome.step is not None:
        return BY_SOFTDEP if outcome.step.cause.kind in {PRE, POST} else AS_DEPENDENCY
    return AS_DEPENDENCY if name in reverse.all_dependents(module) else BY_SOFTDEP
