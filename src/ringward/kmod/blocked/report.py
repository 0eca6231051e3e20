"""Answers as plain values for JSON; their shapes are in docs/schema/kmod-v1.json."""

from __future__ import annotations

from ringward.kmod import report

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ringward.kmod.blocked.answer import Answer, Way
    from ringward.kmod.report import Value


def way(one: Way) -> Value:
    """Return a way in."""
    return {
        "kind": one.kind,
        "result": one.result,
        "names": one.names,
        "who": one.who,
        "what": one.what or None,
        "why": one.why or None,
        "directives": [report.directive(each) for each in one.directives],
        "command": one.command or None,
    }


def answer(one: Answer) -> Value:
    """Return the answer for one module."""
    return {
        "asked": one.asked,
        "module": one.module,
        "word": one.word,
        "by": one.by or None,
        "why": one.why,
        "ways": [way(each) for each in one.ways],
        "without_effect": [
            {"path": each.path, "line": each.line, "text": each.text, "why": each.why} for each in one.useless
        ],
        "to_close": [
            {"where": each.where, "lines": each.lines, "closes": each.closes, "price": each.price or None}
            for each in one.remedies
        ],
        "unseen": one.unseen,
    }
