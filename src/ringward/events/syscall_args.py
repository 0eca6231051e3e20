"""Classes of the arguments of system calls, made from the table: one for each event that is a call."""

from __future__ import annotations

import json
import keyword
from functools import cache
from typing import Annotated, Any, ClassVar

import msgspec

from ringward.events.args import Args
from ringward.events.catalogue.syscall import Syscall
from ringward.events.fields import OPT, TOCTOU, K, Spec, U
from ringward.events.hooks import Ladder
from ringward.events.syscall_kinds import Kind
from ringward.events.syscall_table import Call, by_event
from ringward.events.syscall_types import kind_of
from ringward.events.syscall_values import Descriptor, PathValue

_ADDRESSES = 1 << 32
"""Numbers from here on are easier to know as addresses."""
NO_RETURN = "the call does not return"
NOT_ASKED = "buffers are not read unless their first bytes are asked for"
NO_DESCRIPTOR = "it is no descriptor"
EXPECTED = frozenset({NO_RETURN, NOT_ASKED, NO_DESCRIPTOR})
"""Reasons that say nothing is wrong."""


class CallArgs(Args, frozen=True):
    """Arguments of one system call."""

    group: ClassVar[str] = "calls"
    hooks: ClassVar[Ladder] = Syscall.hooks
    use_case: ClassVar[str] = Syscall.use_case
    issues: ClassVar[str] = Syscall.issues
    related: ClassVar[tuple[str, ...]] = ("syscall",)
    gives: ClassVar[frozenset[str]] = Syscall.gives
    name_of_event: ClassVar[str] = ""
    call: ClassVar[Call]
    kinds: ClassVar[tuple[Kind, ...]] = ()

    @classmethod
    def event_name(cls) -> str:
        """Return the event's name: the call's."""
        return cls.name_of_event

    def subject(self) -> str:
        """Return the arguments in a line; a directory descriptor is part of the path that begins at it."""
        bases = {kind.base for kind in self.kinds}
        shown = (
            written(getattr(self, name))
            for name, one in zip(self.__struct_fields__, self.call.parameters, strict=True)
            if one.name not in bases
        )
        return ", ".join(shown)


def written(value: Any) -> str:
    """Return one argument for a line."""
    if isinstance(value, PathValue):
        text = f'"{value.given if value.path is None else value.path}"'
    elif isinstance(value, Descriptor):
        text = f"{value.fd}<{value.path}>" if value.path is not None else str(value.fd)
    elif isinstance(value, list):
        text = f"[{', '.join(json.dumps(one, ensure_ascii=False) for one in value)}]"
    elif isinstance(value, tuple) and all(isinstance(one, str) for one in value):
        text = "|".join(value) or "0"
    elif isinstance(value, tuple):
        text = f"[{', '.join(written(one) for one in value)}]"
    elif isinstance(value, dict):
        text = "{" + ", ".join(f"{name}={written(one)}" for name, one in value.items()) + "}"
    elif isinstance(value, int) and value >= _ADDRESSES:
        text = hex(value)
    else:
        text = "-" if value is None else str(value)
    return text


def field_name(parameter: str) -> str:
    """Return the field of a parameter: its name, with an underscore where Python has a word of that name."""
    return f"{parameter}_" if keyword.iskeyword(parameter) or hasattr(CallArgs, parameter) else parameter


def _spec(ctype: str, name: str, kind: Kind) -> Spec:
    if kind.path:
        return Spec(ctype, f"The path {name}.", U, TOCTOU, OPT)
    if kind.reading in ("fd", "dirfd"):
        return Spec(ctype, f"The descriptor {name}, and its file at entry.", K, OPT)
    if kind.reading != "nothing":
        return Spec(ctype, f"What {name} points to.", U, TOCTOU, OPT)
    return Spec(ctype, f"The argument {name}.", U)


@cache
def call_class(name: str) -> type[CallArgs]:
    """Return the class of the event that is this call.

    Raises:
        KeyError: there is no such call.

    """
    call = by_event()[name][0]
    kinds = tuple(kind_of(call, one) for one in call.parameters)
    fields = [
        (field_name(one.name), Annotated[kind.hint, _spec(one.ctype, one.name, kind)])
        for one, kind in zip(call.parameters, kinds, strict=True)
    ]
    title = "".join(part.capitalize() for part in name.split("_"))
    found: Any = msgspec.defstruct(
        title, fields, bases=(CallArgs,), frozen=True, gc=False, module=__name__, namespace={"__doc__": f"{name}(2)."}
    )
    found.name_of_event = name
    found.call = call
    found.kinds = kinds
    made: type[CallArgs] = found
    return made


def call_names() -> tuple[str, ...]:
    """Return the event of every system call, in the order of the table."""
    return tuple(by_event())
