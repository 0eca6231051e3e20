"""Record layouts from an object's BTF: what bpf/events.h compiled to."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, NamedTuple

from ringward.btf import types

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ringward.btf.types import Btf

_MARK = "event_"
_CODES = {(1, False): "B", (1, True): "b", (2, False): "H", (2, True): "h"}
_CODES |= {(4, False): "I", (4, True): "i", (8, False): "Q", (8, True): "q"}
LONGEST = 0xFFFF
"""Bytes of a record's fixed part: a str_loc has 16 bits for an offset (bpf/events.h)."""
_DEEPEST = 16


class LayoutError(ValueError):
    """A record breaks the rules of bpf/events.h; the message names record and member."""


class Field(NamedTuple):
    """One scalar or array of integers of a record, nested structs and arrays of them flattened."""

    name: str  # "task.pid", "file.path", "uids.0.low"
    ctype: str  # the typedef's or type's name: "pid_nr", "str_loc"; "__u8[32]" of an array
    offset: int  # bytes from the start of the record
    size: int  # bytes
    code: str  # struct module format, one item


class Layout(NamedTuple):
    """One record: its fixed part; strings follow it."""

    name: str
    size: int  # bytes of the fixed part
    fields: tuple[Field, ...]

    def unpacker(self) -> struct.Struct:
        """Return the compiled format of the whole fixed part."""
        return struct.Struct("<" + "".join(field.code for field in self.fields))


def _flatten(btf: Btf, type_id: int, prefix: str, base: int, record: str, depth: int = 0) -> Iterator[Field]:
    at = base
    struct_type = btf.resolve(type_id)
    if depth > _DEEPEST or base + struct_type.size > LONGEST:
        raise LayoutError(
            f"record {record}: {prefix or 'it'} is nested deeper than {_DEEPEST} structs or ends past byte {LONGEST}"
        )
    for member in struct_type.members:
        name = f"{prefix}{member.name}"
        offset = base + member.offset
        if offset != at:
            raise LayoutError(f"record {record}: {offset - at} bytes of padding before {name}")
        size = btf.size_of(member.type_id)
        if member.bits or not size:
            raise LayoutError(f"record {record}: member {name} is a bitfield, or has no bytes")
        yield from _member(
            btf, member.type_id, name, prefix if member.name == "h" else f"{name}.", offset, record, depth
        )
        at = offset + size
    if at != base + struct_type.size:
        raise LayoutError(
            f"record {record}: {base + struct_type.size - at} bytes of padding at the end of {prefix or record}"
        )


def _member(btf: Btf, type_id: int, name: str, inner: str, offset: int, record: str, depth: int) -> Iterator[Field]:
    """Yield the fields of one member; `inner`: what the names of those below it begin with."""
    plain, real, size = btf.plain(type_id)[1], btf.resolve(type_id), btf.size_of(type_id)
    element = btf.resolve(real.size) if real.kind == types.ARRAY else None
    if real.kind == types.STRUCT:
        yield from _flatten(btf, type_id, inner, offset, record, depth + 1)
    elif element and element.kind == types.STRUCT:
        if offset + size > LONGEST:
            raise LayoutError(f"record {record}: {name} ends past byte {LONGEST}")
        for i in range(real.length):
            yield from _flatten(btf, real.size, f"{name}.{i}.", offset + i * element.size, record, depth + 1)
    elif element and element.kind == types.INT:
        yield Field(name, f"{element.name}[{real.length}]", offset, size, f"{size}s")
    elif real.kind == types.INT and size in (1, 2, 4, 8):
        yield Field(name, plain.name, offset, size, _CODES[size, bool(real.encoding & 1)])
    else:
        raise LayoutError(f"record {record}: member {name} is of kind {real.kind}, not an integer or an array of them")


def struct_layout(btf: Btf, name: str) -> Layout:
    """Return the layout of `struct name`.

    Raises:
        LayoutError: it does not exist, is too long, or has padding, pointers or bitfields.
        BtfError: it refers to types that there are not.

    """
    type_id = btf.find(types.STRUCT, name)
    if type_id is None:
        raise LayoutError(f"no struct {name} in the object's BTF")
    return Layout(name, btf.size_of(type_id), tuple(_flatten(btf, type_id, "", 0, name)))


def layouts(btf: Btf) -> dict[str, Layout]:
    """Return the layout of every record that the object marks with EVENT(name)."""
    marked = [t.name for t in btf.types if t.kind == types.VAR and t.name.startswith(_MARK)]
    return {name: struct_layout(btf, name) for name in dict.fromkeys(mark.removeprefix(_MARK) for mark in marked)}


def enum_values(btf: Btf, name: str) -> dict[str, int]:
    """Return the constants of `enum name`.

    Raises:
        LayoutError: the object has no such enum.

    """
    type_id = btf.find(types.ENUM, name)
    if type_id is None:
        raise LayoutError(f"no enum {name} in the object's BTF")
    return dict(btf.get(type_id).values)
