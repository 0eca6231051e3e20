"""Blacklisted modules that are loaded all the same, because another one wants them."""

from __future__ import annotations

from collections.abc import Iterator

from ringward.kmod.directive import Directive
from ringward.kmod.lint.finding import FINDING, Finding, some
from ringward.kmod.lint.softdeps import pulled_in_by_softdeps
from ringward.kmod.lint.subject import Subject


def pulled_in(subject: Subject) -> Iterator[Finding]:
    """Yield blacklist lines that do not stop a load: modprobe looks at them for the module it was asked for, only."""
    blacklisted = {each.key for each in subject.config.blacklist}
    if not blacklisted or subject.tree is None:
        return
    softdeps = pulled_in_by_softdeps(subject)
    loaded = _loaded(subject, blacklisted, softdeps)
    told = set()
    for each in subject.config.blacklist:
        # An install line stops it as a dependency, too.
        if each.key in told or each.key not in subject.modules or _installs(subject, each.key):
            continue
        told.add(each.key)
        needing = [name for name in subject.dependents.get(each.key, []) if name in loaded]
        wanting = {name: line for name, line in softdeps.get(each.key, []) if name in loaded}
        reasons = []
        if needing:
            reasons.append(f"as a dependency of {some(needing)}")
        if wanting:
            reasons.append(f"by the softdep of {some(list(wanting))}")
        if not reasons:
            continue
        why = f"'{each.key}' is loaded all the same {' and '.join(reasons)}: only the module asked for is looked up"
        fix = f"install {each.key} /bin/false" + (
            "" if not needing else f"; {some(needing)} then cannot be loaded either"
        )
        places = tuple(dict.fromkeys(line.place for line in wanting.values()))
        yield Finding("blacklist-dependency", FINDING, each.path, each.line, each.text, why, fix, places)


def _loaded(subject: Subject, blacklisted: set[str], softdeps: dict[str, list[tuple[str, Directive]]]) -> set[str]:
    """Return the modules that can be loaded for the hardware: those not blacklisted, and what they pull in."""
    wanted: dict[str, list[str]] = {}
    for module, wanting in softdeps.items():
        for name, _line in wanting:
            wanted.setdefault(name, []).append(module)
    left = [name for name in subject.modules if name not in blacklisted]
    loaded = set()
    while left:
        name = left.pop()
        if name not in loaded:
            loaded.add(name)
            left += [*subject.modules.get(name, ()), *wanted.get(name, ())]
    return loaded


def _installs(subject: Subject, name: str) -> bool:
    """Return whether an install command stands in for the module."""
    found = subject.resolved(name)
    return subject.first("install", name) is not None and not (found and (found.pre or found.post))
