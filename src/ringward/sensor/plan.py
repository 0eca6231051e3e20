"""How the native decoder makes each field of a record: from the object's layout and the class's specs.

The plain cases of a spec have a reading of the same meaning in native/plan.c; whatever is not
plain (not read, cut, different), and every other spec, is done by the spec's own function.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ringward.btf import Layout
from ringward.btf.layout import Field
from ringward.events.args import Args
from ringward.events.context import FileId
from ringward.events.fields import File, Flags, Hex, Numbers, Path, RacyText, Spec, Text, Texts, Truth

_READINGS: dict[type[Spec], str] = {
    Hex: "hex",
    Truth: "truth",
    Numbers: "numbers",
    Text: "text",
    Texts: "texts",
    Path: "path",
    RacyText: "racy",
    Flags: "flags",
    File: "file",
}

Member = tuple[str, int, int, str]
"""Name; offset and size in bytes; u, s or b: unsigned, signed, bytes."""
Reading = tuple[str, str, Callable[..., Any] | None, tuple[Member, ...], object]
"""Reading, field, the spec's function, members, and what the reading needs besides."""
Plan = tuple[str, type[Args], int, tuple[Reading, ...], tuple[Member, ...]]
"""Name, class, bytes of the fixed part, one reading a field, members that no field shows."""
Known = tuple[set[str] | None, int, str]
"""For a field that tells whether a name is in a set: the set, number of the name's field, reason when it is None."""


def member(field: Field) -> Member:
    """Return a member as the native decoder wants it."""
    kind = "b" if field.code.endswith("s") else "s" if field.code.islower() else "u"
    return field.name, field.offset, field.size, kind


def _reading(spec: Spec) -> str:
    """Return the native reading of a spec; a subclass that reads as its base does has the base's."""
    alike = (name for cls, name in _READINGS.items() if type(spec).convert is cls.convert)
    return next(alike, "call")


def extra_names(cls: type[Args], layout: Layout) -> list[str]:
    """Return the members of a record that no field shows and the joiner uses."""
    there = {field.name for field in layout.fields}
    return [name for name in sorted(cls.extra) if name in there and name != "pad"]


def plan(name: str, cls: type[Args], layout: Layout, known: Mapping[str, Known] | None = None) -> Plan:
    """Return how a record of `layout` becomes an instance of `cls`.

    Args:
        name: of the event.
        cls: of the catalogue.
        layout: of the record.
        known: fields that are looked up in a set.

    """
    members = {field.name: member(field) for field in layout.fields}
    readings: list[Reading] = []
    for field, spec in cls.specs().items():
        wanted = tuple(members[one] for one in spec.names(field))
        if known and field in known:
            readings.append(("known", field, None, (), known[field]))
        elif spec.direct:
            readings.append(("number", field, None, wanted, None))
        else:
            aux = FileId if type(spec) is File else spec.keys if isinstance(spec, Numbers) else None
            readings.append((_reading(spec), field, spec.convert(field), wanted, aux))
    extra = tuple(members[one] for one in extra_names(cls, layout))
    return name, cls, layout.size, tuple(readings), extra
