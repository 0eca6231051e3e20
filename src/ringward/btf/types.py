"""BTF type information (kernel: Documentation/bpf/btf.rst, include/uapi/linux/btf.h)."""

from __future__ import annotations

import struct
from typing import NamedTuple

_MAGIC = 0xEB9F
_HEADER = struct.Struct("<HBBIIIII")
_TYPE = struct.Struct("<III")

INT, PTR, ARRAY, STRUCT, UNION, ENUM, FWD, TYPEDEF, VOLATILE, CONST, RESTRICT = range(1, 12)
FUNC, FUNC_PROTO, VAR, DATASEC, FLOAT, DECL_TAG, TYPE_TAG, ENUM64 = range(12, 20)
# Bytes behind the common part that are passed over; of FUNC_PROTO and ENUM64, for each element.
_SKIPPED = {FUNC_PROTO: 8, ENUM64: 12, VAR: 4, DECL_TAG: 4}
LONGEST_NAME = 512
"""Bytes of a name, the NUL included (include/linux/kallsyms.h: KSYM_NAME_LEN, the limit of kernel/bpf/btf.c)."""
_MODIFIERS = frozenset((VOLATILE, CONST, RESTRICT, TYPE_TAG))


class BtfError(ValueError):
    """The bytes are not valid BTF; the message says where."""


class Member(NamedTuple):
    """One member of a struct or union, or one variable of a section."""

    name: str
    type_id: int
    offset: int  # bytes
    bits: int = 0  # width of a bitfield; 0: it is none


class Type(NamedTuple):
    """One type. `size` is in bytes where the kind has one, else the id of the type referred to."""

    kind: int
    name: str
    size: int
    members: tuple[Member, ...] = ()
    values: tuple[tuple[str, int], ...] = ()  # of an enum
    length: int = 0  # elements of an array
    encoding: int = 0  # of an int: 1 signed, 2 char, 4 bool


class Btf:
    """All types of one object, by id and by name.

    Raises:
        BtfError: the data is cut off or malformed.

    """

    def __init__(self, data: bytes) -> None:
        if len(data) < _HEADER.size:
            raise BtfError(f"{len(data)} bytes hold no BTF header")
        magic, version, _flags, hdr_len, type_off, type_len, str_off, str_len = _HEADER.unpack_from(data)
        if magic != _MAGIC or version != 1:
            raise BtfError(f"magic {magic:#x} version {version}: not BTF of this byte order")
        self._strings = data[hdr_len + str_off : hdr_len + str_off + str_len]
        self.types: list[Type] = [Type(0, "void", 0)]
        body = data[hdr_len + type_off : hdr_len + type_off + type_len]
        if len(body) != type_len or len(self._strings) != str_len:
            raise BtfError(f"sections end at byte {len(data)} before their stated length")
        at = 0
        try:
            while at < len(body):
                at = self._read(body, at)
        except struct.error as error:
            raise BtfError(f"type {len(self.types)} at byte {at} of the type section: {error}") from error
        if at != len(body):
            raise BtfError(f"the last type ends {at - len(body)} bytes past the type section")
        self._by_name = {(t.kind, t.name): i for i, t in enumerate(self.types) if t.name}

    def _name(self, offset: int) -> str:
        end = self._strings.find(b"\0", offset, offset + LONGEST_NAME)
        if end < 0:
            raise BtfError(f"string at {offset} has no end within {LONGEST_NAME} bytes or the string section")
        return self._strings[offset:end].decode(errors="replace")

    def _read(self, body: bytes, at: int) -> int:
        """Read the type at byte `at`; return where the next one begins."""
        name_off, info, size = _TYPE.unpack_from(body, at)
        kind, vlen = info >> 24 & 0x1F, info & 0xFFFF
        name = self._name(name_off)
        at += _TYPE.size
        if kind in (STRUCT, UNION, DATASEC):
            members, at = self._members(body, at, kind, vlen, bitfields=bool(info >> 31))
            self.types.append(Type(kind, name, size, members))
        elif kind == ENUM:
            pairs = [struct.unpack_from("<Ii", body, at + 8 * i) for i in range(vlen)]
            self.types.append(Type(kind, name, size, values=tuple((self._name(n), v) for n, v in pairs)))
            at += 8 * vlen
        elif kind == INT:
            (word,) = struct.unpack_from("<I", body, at)
            self.types.append(Type(kind, name, size, encoding=word >> 24 & 0xF))
            at += 4
        elif kind == ARRAY:
            element, _index, length = struct.unpack_from("<III", body, at)
            self.types.append(Type(kind, name, element, length=length))
            at += 12
        elif PTR <= kind <= ENUM64:
            self.types.append(Type(kind, name, size))
            at += _SKIPPED.get(kind, 0) * (vlen if kind in (FUNC_PROTO, ENUM64) else 1)
        else:
            raise BtfError(f"type {len(self.types)}: unknown kind {kind}")
        return at

    def _members(
        self, body: bytes, at: int, kind: int, vlen: int, *, bitfields: bool
    ) -> tuple[tuple[Member, ...], int]:
        found: list[Member] = []
        for _ in range(vlen):
            first, second, third = struct.unpack_from("<III", body, at)
            at += 12
            if kind == DATASEC:
                found.append(Member("", first, second))
            else:
                offset, bits = (third & 0xFFFFFF, third >> 24) if bitfields else (third, 0)
                found.append(Member(self._name(first), second, offset // 8, bits))
        return tuple(found), at

    def find(self, kind: int, name: str) -> int | None:
        """Return the id of a type, or None."""
        return self._by_name.get((kind, name))

    def get(self, type_id: int) -> Type:
        """Return a type by id.

        Raises:
            BtfError: there is no such id.

        """
        if not 0 <= type_id < len(self.types):
            raise BtfError(f"type id {type_id} of {len(self.types)}")
        return self.types[type_id]

    def plain(self, type_id: int) -> tuple[int, Type]:
        """Return the id and type behind const, volatile, restrict and type tags."""
        for _ in range(64):
            found = self.get(type_id)
            if found.kind not in _MODIFIERS:
                return type_id, found
            type_id = found.size
        raise BtfError(f"type id {type_id}: more than 64 modifiers, probably a loop")

    def resolve(self, type_id: int) -> Type:
        """Return the type behind modifiers and typedefs."""
        for _ in range(64):
            _, found = self.plain(type_id)
            if found.kind != TYPEDEF:
                return found
            type_id = found.size
        raise BtfError(f"type id {type_id}: more than 64 typedefs, probably a loop")

    def size_of(self, type_id: int, depth: int = 0) -> int:
        """Return the size of a type in bytes."""
        found = self.resolve(type_id)
        if depth > 32:
            raise BtfError(f"type id {type_id}: nested deeper than 32, probably a loop")
        if found.kind == PTR:
            return 8
        if found.kind == ARRAY:
            return found.length * self.size_of(found.size, depth + 1)
        if found.kind in (INT, STRUCT, UNION, ENUM, FLOAT, DATASEC, ENUM64):
            return found.size
        raise BtfError(f"type id {type_id} ({found.name or found.kind}) has no size")
