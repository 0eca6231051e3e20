"""Steps and directives as plain values for JSON; their shapes are in docs/schema/kmod-v1.json."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ringward.kmod.directive import Directive
    from ringward.kmod.lookup import Lookup
    from ringward.kmod.step import Cause, Step

Value = dict[str, object]


def directive(one: Directive | None) -> Value | None:
    """Return a line of the configuration."""
    if one is None:
        return None
    return {"kind": one.kind, "key": one.key, "value": one.value, "path": one.path, "line": one.line, "text": one.text}


def cause(one: Cause) -> Value:
    """Return why a step is there."""
    return {"kind": one.kind, "of": one.of, "word": one.word, "directive": directive(one.directive)}


def step(one: Step, result: str | None = None) -> Value:
    """Return a step, and what became of it."""
    return {
        "action": one.action,
        "module": one.name,
        "path": one.path,
        "parameters": one.parameters().strip(" "),
        "options": [{"text": each.text, "directive": directive(each.directive)} for each in one.options],
        "cause": cause(one.cause),
        "required": one.required,
        "command": directive(one.command),
        "why": one.why or None,
        "directive": directive(one.directive),
        "result": result,
    }


def answer(one: Lookup) -> Value:
    """Return what a name means."""
    return {
        "asked": one.asked,
        "name": one.name,
        "source": one.source or None,
        "why": one.why or None,
        "modules": [
            {"module": hit.name, "pattern": hit.pattern or None, "directive": directive(hit.directive)}
            for hit in one.hits
        ],
    }
