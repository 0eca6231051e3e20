"""Names that no module has, and places where only a module's name does anything."""

from __future__ import annotations

from collections.abc import Iterator

from ringward.kmod.directive import Directive
from ringward.kmod.lint.finding import FINDING, NOTE, Finding, some
from ringward.kmod.lint.subject import Subject, is_own
from ringward.kmod.lookup import is_pattern
from ringward.kmod.names import module_name

_BLOCKS = ("true", "false", ":")
"""Programs that an install line names to keep a module out."""


def _blocks(command: str) -> bool:
    """Return whether a command does nothing but keep a module out."""
    words = command.split()
    return bool(words) and words[0].rpartition("/")[2] in _BLOCKS


def _finding(
    rule: str, directive: Directive, why: str, fix: str = "", level: str = FINDING, others: tuple[str, ...] = ()
) -> Finding:
    return Finding(rule, level, directive.path, directive.line, directive.text, why, fix, others)


def spelling(subject: Subject) -> Iterator[Finding]:
    """Yield keys that cannot be a module's name, whatever modules there are."""
    for each in subject.config.directives:
        if "\r" in each.text and not subject.on_cmdline(each):
            why = "a carriage return at the line's end is part of its last word"
            yield _finding("carriage-return", each, why, "save the file with Unix line ends")
            continue
        if each.kind in {"options", "blacklist"} and not subject.on_cmdline(each) and is_pattern(each.key):
            yield _finding(
                "not-a-pattern", each, f"has no effect: '{each.kind}' compares names, it matches no patterns"
            )
        elif each.kind != "alias" and each.key.endswith((".ko", ".ko.gz", ".ko.xz", ".ko.zst")):
            why = f"has no effect: '{each.key}' is a file's name; the module's is '{module_name(each.key)}'"
            yield _finding("no-such-module", each, why, f"{each.kind} {module_name(each.key)}")


def unknown(subject: Subject) -> Iterator[Finding]:
    """Yield directives about modules that do not exist, are built in, or cannot be meant."""
    if subject.tree is None:
        return
    for each in subject.config.directives:
        if is_own(each) or each.key.endswith(".ko") or "\r" in each.text:
            continue
        if subject.on_cmdline(each) and (each.kind == "options" or not each.key or "-" in each.key or '"' in each.key):
            # Parameters of the kernel itself look like options, and built in code takes its own from there.
            continue
        if each.kind == "alias":
            yield from _alias(subject, each)
        elif is_pattern(each.key):
            if each.kind == "softdep" and not subject.matched(each.key):
                yield _missing(subject, each, f"has no effect: no module matches '{each.key}'")
        elif each.key in subject.modules:
            continue
        elif subject.is_builtin(each.key):
            yield from _builtin(subject, each)
        else:
            yield from _nobody(subject, each)


def _builtin(subject: Subject, each: Directive) -> Iterator[Finding]:
    """Yield a directive about a built in module: modprobe does nothing for those, but follows an operand's softdeps."""
    if each.kind in {"weakdep", "remove"} or (each.kind == "softdep" and each.key in subject.asked):
        return
    fix = {
        "options": f"put {each.key}.{each.value.strip()} on the kernel command line",
        "blacklist": "initcall_blacklist= on the kernel command line stops built in code",
        "install": "initcall_blacklist= on the kernel command line stops built in code",
    }.get(each.kind, "")
    yield _finding("builtin", each, f"has no effect: '{each.key}' is part of the kernel, nothing is loaded", fix)


def _nobody(subject: Subject, each: Directive) -> Iterator[Finding]:
    """Yield a directive whose key is no module's name, unless it has an effect all the same."""
    aliased = subject.aliased(each.key)
    if each.key in subject.asked:
        return
    if each.kind in {"install", "remove"}:
        if aliased or not _blocks(each.value):
            return  # the command itself is what the name means
    elif each.key in subject.commands:
        return
    if each.kind == "options" and (aliased or any(each.key == alias.key for alias in subject.config.aliases)):
        return
    if each.kind == "blacklist" and aliased:
        why = f"has no effect: '{each.key}' is an alias, and 'blacklist' takes modules' names"
        fix = "; ".join(f"blacklist {name}" for name in dict.fromkeys(aliased[:3]))
        yield _finding("blacklist-alias", each, why, fix)
    elif each.kind != "weakdep":
        yield _missing(subject, each, f"has no effect: there is no module '{each.key}'")


def _missing(subject: Subject, each: Directive, why: str) -> Finding:
    near = subject.near(each.key)
    fix = f"{near} was meant?" if near else ""
    return _finding("no-such-module", each, why, fix)


def _alias(subject: Subject, each: Directive) -> Iterator[Finding]:
    """Yield an alias that leads nowhere, or that hides a module."""
    hidden = subject.matched(each.key) if is_pattern(each.key) else [each.key] if each.key in subject.modules else []
    hidden = [name for name in hidden if name != each.value]
    if hidden:
        why = f"'{some(hidden)}' cannot be loaded by name any more: the alias comes first, and means '{each.value}'"
        yield _finding("alias-hides-module", each, why, level=NOTE)
    if subject.exists(each.value) or subject.first("install", each.value):
        return
    meant = [name for name in subject.meant(each.value) if name != each.value]
    if each.value in {"off", "null"}:
        why = f"'{each.value}' has no special meaning: loading by this alias fails, as no module is called so"
        yield _finding("no-such-module", each, why, f"install {each.key} /bin/false")
    elif meant:
        why = f"leads to '{each.value}', which is an alias itself and is not followed"
        yield _finding("alias-of-alias", each, why, "" if each.key == meant[0] else f"alias {each.key} {meant[0]}")
    else:
        yield _missing(subject, each, f"there is no module '{each.value}'")


def repeated(subject: Subject) -> Iterator[Finding]:
    """Yield options that give a parameter of a module again, with another value; the kernel gets both."""
    given: dict[tuple[str, str], tuple[str, Directive]] = {}
    for each in subject.config.options:
        for option in each.value.split():
            name, equals, value = option.partition("=")
            before = given.get((each.key, name))
            if before and equals and before[0] != value:
                why = f"'{each.key}' gets '{name}' a second time, as {value} instead of {before[0]}; most take the last"
                yield _finding("options-repeated", each, why, level=NOTE, others=(before[1].place,))
            given[each.key, name] = value, each
