"""A plan as text for a terminal. Pure."""

from __future__ import annotations

import textwrap

from ringward.kmod import lookup
from ringward.kmod.acceptance import COULD_NOT_LOOK, NO, YES
from ringward.kmod.sensitive import GROUPS
from ringward.kmod.step import DEPENDENCY, INSMOD, INSTALL, LOADED, NAMED, PRE, SKIP
from ringward.kmod.verify import VALID

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ringward.kmod.directive import Directive
    from ringward.kmod.lookup import Lookup
    from ringward.kmod.plan import FileFacts, Note, Plan, Planned
    from ringward.kmod.step import Cause

_INDENT = " " * 6
_COLOURS = {YES: "32", NO: "31", COULD_NOT_LOOK: "33"}
_SOURCES = {
    lookup.DEP: "a module",
    lookup.SYMBOL: "a symbol of",
    lookup.COMMAND: "a command of the configuration",
    lookup.BUILTIN: "a part of the kernel",
}


class Shape:
    """What the text is to fit: columns, and whether it may have colours."""

    __slots__ = ("colour", "width")

    def __init__(self, width: int, *, colour: bool = False) -> None:
        self.width = width
        self.colour = colour

    def painted(self, word: str) -> str:
        """Return a result's word in its colour."""
        return f"\x1b[{_COLOURS[word]}m{word}\x1b[0m" if self.colour else word


def text(plan: Plan, shape: Shape, directory: str) -> str:
    """Return the plan.

    Args:
        plan: what is to be shown.
        shape: what it is to fit.
        directory: that module files are shown relative to.

    """
    lines = []
    for answer, notes in plan.answers:
        lines += _wrapped(shape, "", _meaning(answer))
        lines += [line for note in notes for line in _wrapped(shape, _INDENT, f"note: {_noted(note)}")]
    answers = {answer.asked: answer for answer, _ in plan.answers}
    lines.append("")
    for number, planned in enumerate(plan.steps, 1):
        lines += _head(number, planned)
        for what, told in _told(planned, answers, directory):
            lines += _wrapped(shape, _INDENT, f"{what}: {told}")
        if planned.accepted:
            unseen = [check.what for check in planned.checks if check.result == COULD_NOT_LOOK]
            word = shape.painted(planned.accepted)
            more = f" ({', '.join(unseen)})" if unseen else ""
            lines += _wrapped(shape, _INDENT, f"accepted: {word}{more}")
    lines += ["", *_wrapped(shape, "", _summary(plan))]
    for why, whats in _unseen(plan).items():
        lines += _wrapped(shape, "", f"could not look at {', '.join(whats)}: {why}")
    return "\n".join(lines)


def _unseen(plan: Plan) -> dict[str, list[str]]:
    """Return what could not be looked at, by the reason."""
    found: dict[str, list[str]] = {}
    for planned in plan.steps:
        for check in planned.checks:
            if check.result == COULD_NOT_LOOK and check.what not in found.setdefault(check.why, []):
                found[check.why].append(check.what)
    return found


def _meaning(answer: Lookup) -> str:
    """Return what a name means, in words."""
    if answer.source == lookup.NOTHING:
        return f"{answer.asked}: nothing of that name{f' ({answer.why})' if answer.why else ''}"
    names = ", ".join(dict.fromkeys(hit.name for hit in answer.hits))
    if answer.source in _SOURCES:
        what = _SOURCES[answer.source]
        return f"{answer.asked}: {what}" + ("" if names == answer.name else f" {names}")
    return f"{answer.asked}: an alias ({answer.source}) of {names}"


def _place(directive: Directive | None) -> str:
    return f" ({directive.place})" if directive else ""


def _noted(note: Note) -> str:
    if note.directive is None:
        return note.text
    return f"{note.text}: '{note.directive.text}'{_place(note.directive)}"


def cause_text(cause: Cause, name: str, answer: Lookup | None) -> str:
    """Return why a step is there.

    Args:
        cause: of the step.
        name: of its module.
        answer: what the name means that a NAMED cause tells of.

    """
    if cause.kind == DEPENDENCY:
        return f"{cause.of} needs it (modules.dep)"
    if cause.kind != NAMED:
        alias = "" if cause.word.replace("-", "_") == name else f", as {cause.word}"
        return f"softdep of {cause.of}, {'before' if cause.kind == PRE else 'after'} it{alias}{_place(cause.directive)}"
    if answer is None or not cause.word:
        return "asked for"
    return f"alias {cause.word}{_place(cause.directive) or f' ({answer.source})'}"


def _head(number: int, planned: Planned) -> list[str]:
    step = planned.step
    command = f": {step.command.value}" if step.action == INSTALL and step.command else ""
    return [f"{number:>3}  {step.action:<8} {step.name}{command} {step.parameters().strip(' ')}".rstrip()]


def _told(planned: Planned, answers: dict[str, Lookup], directory: str) -> Iterator[tuple[str, str]]:
    """Yield what there is to say of a step: what it is about, and the text."""
    step = planned.step
    for cause in (step.cause, *planned.again):
        yield "because" if cause is step.cause else "and", cause_text(cause, step.name, answers.get(cause.of))
    yield from _why_nothing(planned)
    for option in step.options:
        yield "parameters", f"{option.text}{_place(option.directive) or ' (command line)'}"
    for note in planned.notes:
        yield "note", _noted(note)
    if planned.file and step.action != SKIP:
        yield from _file(planned.file, directory)
    groups: dict[str, list[str]] = {}
    for symbol, group in planned.sensitive:
        groups.setdefault(group, []).append(symbol)
    for group, symbols in groups.items():
        yield "imports", f"{', '.join(symbols)} ({group}: {GROUPS[group]})"
    for check in planned.checks:
        if check.result == NO:
            yield check.what, check.why


def _why_nothing(planned: Planned) -> Iterator[tuple[str, str]]:
    """Yield why a step does nothing."""
    step = planned.step
    if step.why:
        yield "skipped", f"{step.why}{_place(step.directive)}"
    elif step.action == LOADED:
        yield "skipped", f"it is {planned.state} already"
    elif step.action not in {INSMOD, INSTALL} and planned.why_no_file:
        yield "nothing to do", planned.why_no_file


def _file(file: FileFacts, directory: str) -> Iterator[tuple[str, str]]:
    yield "file", f"{file.path.removeprefix(f'{directory}/')}, {file.size} bytes"
    yield "sha256", file.sha256
    why = file.verdict.why.partition(", checked ")[0] if file.verdict.word == VALID else file.verdict.why
    yield "signature", f"{file.verdict.word}: {why}"
    if file.taints:
        flags = [f"{each.letter}{'' if each.certain else '?'} ({each.why})" for each in file.taints]
        yield "taints", ", ".join(flags)


def _summary(plan: Plan) -> str:
    """Return the plan in one sentence."""
    loads = [each.accepted for each in plan.steps if each.step.action == INSMOD]
    commands = sum(each.step.action == INSTALL for each in plan.steps)
    counts = (
        (len(loads), "to load"),
        (loads.count(NO), "of them refused"),
        (loads.count(COULD_NOT_LOOK), "of them not looked at in all"),
        (commands, "commands to run"),
        (len(plan.steps) - len(loads) - commands, "skipped, or there already"),
    )
    return "; ".join(f"{count} {what}" for count, what in counts if count or what == "to load")


def _wrapped(shape: Shape, indent: str, line: str) -> list[str]:
    return textwrap.wrap(
        line,
        shape.width,
        initial_indent=indent,
        subsequent_indent=indent + "  ",
        break_long_words=False,
        break_on_hyphens=False,
    ) or [indent]
