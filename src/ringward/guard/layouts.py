"""The values of the policy's maps as bytes: their layouts are those of the object that reads them."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from functools import cache
from typing import Any

from ringward.btf.layout import Layout, enum_values, struct_layout
from ringward.sensor import objects

OBJECT = "guard_modules"
"""An object that has all of them."""


@cache
def layout(name: str, owner: str = OBJECT) -> Layout:
    """Return the layout of a struct of bpf/guard_*.bpf.h."""
    return struct_layout(objects.load(owner).btf, name)


@cache
def constants(enum: str, owner: str = OBJECT) -> dict[str, int]:
    """Return the constants of an enum, in lower case and without what it is called by: ``{"modules": 0}``."""
    found = enum_values(objects.load(owner).btf, enum)
    return {name.removeprefix(f"{enum.upper()}_").lower(): value for name, value in found.items()}


@cache
def _members(name: str, owner: str) -> dict[str, tuple[int, struct.Struct]]:
    """Return offset and format of each member; an array of integers is bytes."""
    return {field.name: (field.offset, struct.Struct(f"<{field.code}")) for field in layout(name, owner).fields}


def pack(name: str, values: Mapping[str, int | bytes], owner: str = OBJECT) -> bytes:
    """Return a struct with these members, and 0 in all others.

    Raises:
        KeyError: it has no such member.
        struct.error: a value does not fit.

    """
    data = bytearray(layout(name, owner).size)
    members = _members(name, owner)
    for member, value in values.items():
        offset, form = members[member]
        form.pack_into(data, offset, value)
    return bytes(data)


def unpack(name: str, data: bytes, owner: str = OBJECT) -> dict[str, Any]:
    """Return the members of a struct: numbers; an array of integers is bytes."""
    return {member: form.unpack_from(data, offset)[0] for member, (offset, form) in _members(name, owner).items()}


def words(values: list[int]) -> bytes:
    """Return an array of u32."""
    return struct.pack(f"<{len(values)}I", *values)
