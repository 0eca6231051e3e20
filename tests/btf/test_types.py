"""The BTF reader: beside bpftool on the built objects, and on bytes that are no BTF."""

from __future__ import annotations

import struct
import time
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringward.btf import Btf, BtfError, section, types
from tests.btf.built import OBJECTS, Maker, bpftool_types

KINDS = {name: getattr(types, name) for name in ("INT", "PTR", "ARRAY", "STRUCT", "UNION", "ENUM", "FWD", "TYPEDEF")}
KINDS |= {name: getattr(types, name) for name in ("VOLATILE", "CONST", "RESTRICT", "FUNC", "FUNC_PROTO", "VAR")}
KINDS |= {name: getattr(types, name) for name in ("DATASEC", "FLOAT", "DECL_TAG", "TYPE_TAG", "ENUM64")}
ENCODINGS = {"(none)": 0, "SIGNED": 1, "CHAR": 2, "BOOL": 4}
DATA = section(OBJECTS[0].read_bytes(), ".BTF")

every_object = pytest.mark.parametrize("path", OBJECTS, ids=lambda path: path.name)


def named(name: str) -> str:
    return "" if name == "(anon)" else name


def members(there: dict[str, Any]) -> list[types.Member]:
    """Return bpftool's members or variables as ours."""
    found = [
        types.Member(named(m["name"]), m["type_id"], m["bits_offset"] // 8, m.get("bitfield_size", 0))
        for m in there.get("members", ())
    ]
    return found + [types.Member("", v["type_id"], v["offset"]) for v in there.get("vars", ())]


@every_object
def test_types_are_those_of_bpftool(path: Path) -> None:
    ours = Btf(section(path.read_bytes(), ".BTF")).types
    theirs = bpftool_types(path)
    assert len(ours) == len(theirs) + 1, "type 0 is void"
    for there in theirs:
        here = ours[there["id"]]
        assert here.kind == KINDS[there["kind"]]
        assert here.name == named(there["name"])
        if "size" in there:
            assert here.size == there["size"]
        elif there["kind"] not in ("ARRAY", "FWD", "FUNC_PROTO"):
            assert here.size == there["type_id"]
        assert list(here.members) == members(there)
        assert list(here.values) == [(v["name"], v["val"]) for v in there.get("values", ())]
        if there["kind"] == "ARRAY":
            assert (here.size, here.length) == (there["type_id"], there["nr_elems"])
        if there["kind"] == "INT":
            assert here.encoding == ENCODINGS[there["encoding"]]


@every_object
def test_every_size_is_that_of_bpftool(path: Path) -> None:
    btf = Btf(section(path.read_bytes(), ".BTF"))
    sized = [there for there in bpftool_types(path) if there["kind"] in ("INT", "STRUCT", "UNION", "ENUM")]
    assert sized
    for there in sized:
        assert btf.size_of(there["id"]) == there["size"]


def test_types_are_found_by_kind_and_name() -> None:
    make = Maker()
    number = make.integer("int", 4, 1)
    both = make.struct("both", 4, ("x", number, 0))
    alias = make.add(types.TYPEDEF, "both", both)
    btf = Btf(make.bytes())
    assert btf.find(types.STRUCT, "both") == both
    assert btf.find(types.TYPEDEF, "both") == alias
    assert btf.find(types.UNION, "both") is None
    with pytest.raises(BtfError, match="type id 4 of 4"):
        btf.get(4)
    with pytest.raises(BtfError):
        btf.get(-1)


def test_modifiers_and_typedefs_are_looked_through() -> None:
    make = Maker()
    number = make.integer("unsigned int", 4)
    name = make.add(types.TYPEDEF, "pid_nr", number)
    const = make.add(types.CONST, size=name)
    volatile = make.add(types.VOLATILE, size=const)
    pointer = make.add(types.PTR, size=volatile)
    table = make.array(volatile, 7)
    btf = Btf(make.bytes())
    assert btf.plain(volatile) == (name, btf.get(name))
    assert btf.resolve(volatile) == btf.get(number)
    assert (btf.size_of(volatile), btf.size_of(pointer), btf.size_of(table)) == (4, 8, 28)


def test_each_kind_is_passed_over_by_its_length() -> None:
    make = Maker()
    number = make.integer("int", 4)
    make.add(types.FWD, "ahead")
    proto = make.add(types.FUNC_PROTO, size=number, vlen=2, rest=struct.pack("<IIII", 0, number, 0, number))
    make.add(types.FUNC, "f", proto)
    make.add(types.FLOAT, "double", 8)
    make.add(types.DECL_TAG, "tag", number, rest=struct.pack("<I", 0))
    make.add(types.TYPE_TAG, "user", number)
    make.add(types.ENUM64, "wide", 8, 2, struct.pack("<IIIIII", 0, 1, 0, 0, 2, 1))
    variable = make.add(types.VAR, "v", number, rest=struct.pack("<I", 1))
    make.add(types.DATASEC, ".data", 4, 1, struct.pack("<III", variable, 16, 4))
    last = make.integer("last", 8)
    btf = Btf(make.bytes())
    assert len(btf.types) == make.count + 1
    assert btf.get(last) == types.Type(types.INT, "last", 8)
    assert btf.get(last - 1).members == (types.Member("", variable, 16),)


def test_bitfields_have_their_width() -> None:
    make = Maker()
    number = make.integer("unsigned int", 4)
    make.struct("bits", 4, ("low", number, 3 << 24), ("high", number, 5 << 24 | 16), flag=1)
    low, high = Btf(make.bytes()).get(2).members
    assert (low, high) == (types.Member("low", number, 0, 3), types.Member("high", number, 2, 5))


def test_an_enum_keeps_its_sign() -> None:
    make = Maker()
    make.enum("e", A=0, B=-1, C=7)
    assert Btf(make.bytes()).get(1).values == (("A", 0), ("B", -1), ("C", 7))


@pytest.mark.parametrize("kind", [types.TYPEDEF, types.CONST])
def test_a_loop_ends(kind: int) -> None:
    make = Maker()
    make.add(kind, "a", 2)
    make.add(kind, "b", 1)
    btf = Btf(make.bytes())
    with pytest.raises(BtfError, match="loop"):
        btf.resolve(1)
    with pytest.raises(BtfError, match="loop"):
        btf.size_of(2)


def test_an_array_of_itself_ends() -> None:
    make = Maker()
    make.array(1, 1 << 31)
    with pytest.raises(BtfError, match="nested deeper than 32"):
        Btf(make.bytes()).size_of(1)


@pytest.mark.parametrize("kind", [types.FWD, types.FUNC, types.FUNC_PROTO, types.VAR])
def test_what_has_no_size_says_so(kind: int) -> None:
    make = Maker()
    make.add(kind, "f", rest=bytes(4) if kind == types.VAR else b"")
    btf = Btf(make.bytes())
    with pytest.raises(BtfError, match="has no size"):
        btf.size_of(1)
    with pytest.raises(BtfError, match="has no size"):
        btf.size_of(0)


def changed(offset: int, fmt: str, value: int) -> bytes:
    data = bytearray(DATA)
    struct.pack_into(fmt, data, offset, value)
    return bytes(data)


@pytest.mark.parametrize(
    ("data", "match"),
    [
        (b"", "0 bytes hold no BTF header"),
        (DATA[:23], "23 bytes hold no BTF header"),
        (changed(0, "<H", 0x9FEB), "not BTF of this byte order"),
        (changed(2, "<B", 2), "version 2"),
        (changed(12, "<I", 1 << 31), "before their stated length"),
        (changed(20, "<I", 1 << 31), "before their stated length"),
        (changed(4, "<I", 0xFFFFFFFF), "before their stated length"),
        (DATA[:-1], "before their stated length"),
        (changed(24, "<I", 0xFFFFFFF0), "string at 4294967280"),
        (changed(28, "<I", 31 << 24), "unknown kind 31"),
        (changed(28, "<I", 0), "unknown kind 0"),
        (changed(28, "<I", types.STRUCT << 24 | 0xFFFF), "type 1 at byte|string at"),
    ],
)
def test_what_is_wrong_is_named(data: bytes, match: str) -> None:
    with pytest.raises(BtfError, match=match):
        Btf(data)


@pytest.mark.parametrize("kind", [types.VAR, types.DECL_TAG, types.FUNC_PROTO, types.ENUM64])
def test_a_type_that_is_cut_is_not_taken(kind: int) -> None:
    make = Maker()
    make.add(kind, "v", 0, vlen=1)
    with pytest.raises(BtfError, match="past the type section"):
        Btf(make.bytes())


def test_hostile_names_cost_little() -> None:
    """40,000 members, each with a name that would be all of a megabyte."""
    make = Maker()
    make.body = struct.pack("<III", 0, types.STRUCT << 24 | 40_000, 4) + b"".join(
        struct.pack("<III", i, 0, 0) for i in range(1, 40_001)
    )
    make.strings = b"\0" + b"x" * (1 << 20) + b"\0"
    tracemalloc.start()
    start = time.process_time()
    try:
        with pytest.raises(BtfError, match="no end within 512 bytes"):
            Btf(make.bytes())
        assert tracemalloc.get_traced_memory()[1] < 16 << 20
    finally:
        tracemalloc.stop()
    assert time.process_time() - start < 2


def asked(data: bytes) -> None:
    """Ask everything of the types; anything but BtfError goes on to the test."""
    try:
        btf = Btf(data)
    except BtfError:
        return
    for number in range(len(btf.types)):
        try:
            btf.resolve(number)
            assert btf.size_of(number) >= 0
        except BtfError as error:
            assert str(error)  # noqa: PT017 - the other outcome is asserted above


@given(st.binary(max_size=2048))
def test_no_bytes_raise_anything_else(body: bytes) -> None:
    asked(body)
    make = Maker()
    make.body = body
    make.strings = b"\0name\0"
    asked(make.bytes())


@given(st.integers(0, len(DATA)))
def test_no_cut_raises_anything_else(end: int) -> None:
    asked(DATA[:end])


@given(
    st.lists(
        st.tuples(st.integers(0, 23) | st.integers(24, len(DATA) - 1), st.integers(0, 255)), min_size=1, max_size=8
    )
)
def test_no_changed_bytes_raise_anything_else(changes: list[tuple[int, int]]) -> None:
    data = bytearray(DATA)
    for at, value in changes:
        data[at] = value
    asked(bytes(data))
