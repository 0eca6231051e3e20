"""Softdep lines, and commands that do not run because of them or of each other."""

from __future__ import annotations

from collections.abc import Iterator

from ringward.kmod.directive import Directive
from ringward.kmod.lint.finding import FINDING, NOTE, Finding, some
from ringward.kmod.lint.subject import Subject, is_own


def operands(*directives: Directive) -> str:
    """Return the modules of softdep lines as the operands of one line that has them all."""
    pre = " ".join(dict.fromkeys(name for each in directives for name in each.pre))
    post = " ".join(dict.fromkeys(name for each in directives for name in each.post))
    return " ".join(part for part in (f"pre: {pre}" if pre else "", f"post: {post}" if post else "") if part)


def _lost(directive: Directive, kept: Directive) -> bool:
    """Return whether a line has modules that another one has not."""
    return not (set(directive.pre) <= set(kept.pre) and set(directive.post) <= set(kept.post))


def shadowed(subject: Subject) -> Iterator[Finding]:
    """Yield softdep lines that an earlier one hides: modprobe takes the first that matches a module."""
    replaced: dict[Directive, list[Directive]] = {}
    own: dict[Directive, list[Directive]] = {}
    for each in subject.config.softdeps:
        hider = subject.hider(each)
        if hider is None:
            continue
        if is_own(each):
            (own if is_own(hider) else replaced).setdefault(hider, []).append(each)
            continue
        lost = _lost(each, hider)
        same = " and has the same modules" if not lost and (each.pre or each.post) else ""
        why = f"has no effect: {hider.place} comes first for '{each.key}'{same}"
        fix = f"make it one line: softdep {hider.key} {operands(hider, each)}" if lost else "remove it"
        if is_own(hider) and lost:
            fix += ", in a file whose name sorts before modules.softdep"
        yield Finding("softdep-shadowed", FINDING, each.path, each.line, each.text, why, fix, (hider.place,))
    for hider, lines in own.items():
        yield from _own(hider, lines)
    for hider, lines in replaced.items():
        lost_lines = [each for each in lines if _lost(each, hider)][:1]  # the module's own first line alone counted
        if lost_lines and not _empties(hider):
            why = f"replaces what the module brings along ({operands(*lost_lines)}): the first line alone counts"
            fix = f"softdep {hider.key} {operands(hider, *lost_lines)}"
            places = tuple(each.place for each in lost_lines)
            yield Finding("softdep-replaces", FINDING, hider.path, hider.line, hider.text, why, fix, places)


def _empties(directive: Directive) -> bool:
    """Return whether a line is there to take a module's softdeps away."""
    return directive.value.split() in (["pre:"], ["post:"], ["pre:", "post:"])


def _own(hider: Directive, lines: list[Directive]) -> Iterator[Finding]:
    """Yield what is lost of the lines that a module brings along."""
    lost = [each for each in lines if _lost(each, hider)]
    if lost:
        why = f"is the only line of '{hider.key}' that counts; lost with the others: {operands(*lost)}"
        fix = f"softdep {hider.key} {operands(hider, *lost)}, in a file whose name sorts before modules.softdep"
        places = tuple(each.place for each in lost)
        yield Finding("softdep-shadowed", NOTE, hider.path, hider.line, hider.text, why, fix, places)


def empty(subject: Subject) -> Iterator[Finding]:
    """Yield softdep lines that name no modules, without meaning to."""
    own = set()
    for each in subject.config.softdeps:
        if each.pre or each.post or _empties(each):
            continue
        if is_own(each):
            if each.key in own:
                continue
            own.add(each.key)
        words = each.value.split()
        if "pre:" in words or "post:" in words:
            why = "names no modules: a second blank before the first 'pre:' or 'post:' makes that word be overlooked"
            fix = f"softdep {each.key} {' '.join(words)}"
            if not set(words) - {"pre:", "post:"}:
                why, fix = "names no modules", ""
        else:
            why = f"names no modules: '{' '.join(words)[:80]}' stands before any 'pre:' or 'post:'"
            fix = f"softdep {each.key} pre: {' '.join(words)}"[:200]
        level = NOTE if is_own(each) else FINDING
        yield Finding("softdep-empty", level, each.path, each.line, each.text, why, fix)


def missing_operands(subject: Subject) -> Iterator[Finding]:
    """Yield the softdep lines that count and name what no module answers to; such words are passed over."""
    if subject.tree is None:
        return
    for each in dict.fromkeys(subject.softdeps.values()):
        unknown = [name for name in dict.fromkeys(each.pre + each.post) if not subject.meant(name)]
        if unknown:
            level = NOTE if is_own(each) else FINDING
            why = f"no module answers to {some(unknown)}; passed over"
            yield Finding("softdep-operand", level, each.path, each.line, each.text, why, _near(subject, unknown))


def _near(subject: Subject, unknown: list[str]) -> str:
    near = [found for name in unknown if (found := subject.near(name.replace("-", "_")))]
    return f"{some(near)} was meant?" if near else ""


def hidden_commands(subject: Subject) -> Iterator[Finding]:
    """Yield install and remove lines that an earlier one hides."""
    for each in (*subject.config.install, *subject.config.remove):
        hider = subject.hider(each)
        if hider is None:
            continue
        same = hider.value.strip() == each.value.strip()
        why = f"has no effect: {hider.place} comes first for '{each.key}'" + (" and says the same" if same else "")
        level = NOTE if same else FINDING
        yield Finding("install-shadowed", level, each.path, each.line, each.text, why, "remove one", (hider.place,))


def dropped_commands(subject: Subject) -> Iterator[Finding]:
    """Yield install lines whose command is not run because the module has softdeps."""
    dropped: dict[tuple[Directive, Directive], list[str]] = {}
    for name, softdep in subject.softdeps.items():
        install = subject.first("install", name)
        if install and _has_softdeps(subject, name, softdep):
            dropped.setdefault((install, softdep), []).append(name)
    for (install, softdep), names in dropped.items():
        why = f"is not run: '{some(names)}' has a softdep ({operands(softdep)}), and is loaded as usual"
        if not subject.tree:
            why += ", if one of these modules exists"
        fix = f"put 'softdep {names[0]} pre:' where it is read before {softdep.place}: the first such line counts"
        place = (softdep.place,)
        yield Finding("install-softdep", FINDING, install.path, install.line, install.text, why, fix, place)


def _has_softdeps(subject: Subject, name: str, softdep: Directive) -> bool:
    found = subject.resolved(name)
    if found is None:
        return bool(softdep.pre or softdep.post)
    return name in subject.modules and bool(found.pre or found.post)


def pulled_in_by_softdeps(subject: Subject) -> dict[str, list[tuple[str, Directive]]]:
    """Return the modules that softdeps load, each with whose softdep it is, and the line."""
    found: dict[str, list[tuple[str, Directive]]] = {}
    for name, line in subject.softdeps.items():
        if not subject.exists(name):
            continue
        for word in dict.fromkeys(line.pre + line.post):
            for module in subject.meant(word):
                found.setdefault(module, []).append((name, line))
    return found
