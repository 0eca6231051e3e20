"""Lines that the user composes of fields: ``{time} {process.comm} {args.name}``. Nothing is evaluated."""

from __future__ import annotations

import difflib
import re
import types
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Union, get_args, get_origin, get_type_hints

import msgspec

from ringward.events import BY_NAME, Event
from ringward.output import cells
from ringward.output.text import fit, fit_right, safe

_PART = re.compile(r"\{\{|\}\}|\{([^{}:]*)(?::([<>]?)(\d{1,4}))?\}|[{}]")
_ESCAPES = {r"\t": "\t", r"\n": "\n", "\\\\": "\\"}
_EMPTY = "-"

CELLS: dict[str, Callable[[Event], str]] = {
    "subject": cells.subject,
    "outcome": cells.outcome,
    "digest": cells.digest,
    "cause": lambda event: cells.causes(event)[0],
}
"""Names that are no members of an event: the cells of the table, in full."""


class TemplateError(ValueError):
    """The template names a field that no event has, or has a brace too many."""


class Template:
    """A template, checked.

    Args:
        text: with ``{field}`` or ``{field:WIDTH}`` (``:>WIDTH`` aligns to the right), ``{{`` and ``}}`` for braces,
            and ``\\t``, ``\\n``, ``\\\\``.
        events: names of the events that can come.

    Raises:
        TemplateError: the message gives the nearest names.

    """

    def __init__(self, text: str, events: Iterable[str]) -> None:
        names = tuple(events)
        self._parts: list[str | Callable[[Event], str]] = []
        at = 0
        for found in _PART.finditer(text):
            self._literal(text[at : found.start()])
            at = found.end()
            if found[0] in ("{{", "}}"):
                self._parts.append(found[0][0])
            elif found[1] is None:
                raise TemplateError(f"a single '{found[0]}' at {found.start() + 1}; write '{found[0] * 2}' for a brace")
            else:
                self._parts.append(_field(found[1].strip(), found[2], found[3], names))
        self._literal(text[at:])

    def _literal(self, text: str) -> None:
        if text:
            self._parts.append(re.sub(r"\\[tn\\]", lambda found: _ESCAPES[found[0]], text))

    def render(self, event: Event) -> str:
        """Return the template with the values of `event`; what is null or not there is ``-``."""
        return "".join(part if isinstance(part, str) else part(event) for part in self._parts)


def shown(value: Any) -> str:
    """Return a value as one safe text."""
    if value is None or value in ("", ()):
        return _EMPTY
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple) and all(isinstance(item, str) for item in value):
        return safe(" ".join(value))
    if isinstance(value, str | int):
        return safe(str(value))
    return safe(msgspec.json.encode(value).decode())


def _get(value: Any, part: str) -> Any:
    if isinstance(value, dict):
        return value.get(part)
    if isinstance(value, tuple):
        return value[int(part)] if part.isdigit() and int(part) < len(value) else None
    return getattr(value, part, None)


def _field(path: str, align: str, width: str | None, events: tuple[str, ...]) -> Callable[[Event], str]:
    cell = CELLS.get(path)
    parts = path.split(".")
    if cell is None:
        _check(path, events)

    def render(event: Event) -> str:
        value: Any = event
        if cell is not None:
            value = cell(event)
        else:
            for part in parts:
                value = _get(value, part)
        return shown(value)

    if not width:
        return render
    pad = fit_right if align == ">" else fit
    return lambda event: pad(render(event), int(width))


def _check(path: str, events: tuple[str, ...]) -> None:
    first, *rest = path.split(".")
    if first == "args" and rest:
        kinds = [cls for name in events for cls in _hints(BY_NAME[name], rest[0])]
        known = any(_reaches(kind, rest[1:]) for kind in kinds)
    else:
        known = any(_reaches(kind, rest) for kind in _hints(Event, first))
    if not known:
        names = list(fields(events))
        near = difflib.get_close_matches(path, names, 3, 0.5)
        hint = (
            f"did you mean {', '.join(near)}?"
            if near
            else "fields begin with: " + ", ".join([*Event.__struct_fields__, *CELLS])
        )
        raise TemplateError(f"no field '{path}' in these events; {hint}")


def _hints(cls: type[msgspec.Struct], name: str) -> Iterator[Any]:
    if name in cls.__struct_fields__:
        yield get_type_hints(cls)[name]


def _choices(hint: Any) -> Iterator[Any]:
    """Yield what a hint stands for, without None."""
    if get_origin(hint) in (Union, types.UnionType):
        for one in get_args(hint):
            yield from _choices(one)
    elif hint is not type(None):
        yield hint


def _reaches(hint: Any, parts: list[str]) -> bool:
    if not parts:
        return True
    for one in _choices(hint):
        inner = get_origin(one) or one
        if inner is dict and len(parts) == 1:
            return True
        if inner is tuple and parts[0].isdigit() and _reaches(get_args(one)[0], parts[1:]):
            return True
        members = _hints(inner, parts[0]) if isinstance(inner, type) and issubclass(inner, msgspec.Struct) else ()
        if any(_reaches(member, parts[1:]) for member in members):
            return True
    return False


def fields(events: Iterable[str]) -> Iterator[str]:
    """Yield every field that a template can name for these events, dotted; of lists, the first item's."""
    yield from CELLS
    yield from _dotted("", Event, ())
    for name in events:
        yield from _dotted("args.", BY_NAME[name], ())


def _dotted(prefix: str, cls: type[msgspec.Struct], above: tuple[type, ...]) -> Iterator[str]:
    for name, hint in get_type_hints(cls).items():
        if name not in cls.__struct_fields__:
            continue
        yield prefix + name
        for one in _choices(hint):
            step, inner = "", one
            if get_origin(one) is tuple:
                step, inner = "0.", get_args(one)[0]
            if isinstance(inner, type) and issubclass(inner, msgspec.Struct) and inner not in above:
                yield from _dotted(f"{prefix}{name}.{step}", inner, (*above, cls))
