"""Record layouts: beside bpftool on the built objects, the rules of bpf/events.h, hostile types."""

from __future__ import annotations

import re
import struct
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringward.btf import Btf, BtfError, ElfError, LayoutError, layouts, section, types
from ringward.btf.layout import LONGEST, Field, enum_values, struct_layout
from tests.btf.built import OBJECTS, Maker, bpftool_types, tool

EVENTS_H = Path(__file__).parents[2] / "bpf" / "events.h"
PROCESS = next(path for path in OBJECTS if path.name == "process.bpf.o")
DATA = PROCESS.read_bytes()

every_object = pytest.mark.parametrize("path", OBJECTS, ids=lambda path: path.name)


def btf_of(path: Path) -> Btf:
    return Btf(section(path.read_bytes(), ".BTF"))


def flat(there: list[dict[str, Any]], type_id: int, prefix: str, base: int) -> Iterator[tuple[str, int, int]]:
    """Yield name, offset and size of each member of bpftool's struct, nested ones flattened."""

    def real(number: int) -> dict[str, Any]:
        found = there[number - 1]
        return real(found["type_id"]) if found["kind"] in ("TYPEDEF", "CONST", "VOLATILE") else found

    for member in real(type_id)["members"]:
        found = real(member["type_id"])
        at = base + member["bits_offset"] // 8
        if found["kind"] == "STRUCT":
            inner = prefix if member["name"] == "h" else f"{prefix}{member['name']}."
            yield from flat(there, found["id"], inner, at)
        elif found["kind"] == "ARRAY":
            yield f"{prefix}{member['name']}", at, found["nr_elems"] * real(found["type_id"])["size"]
        else:
            yield f"{prefix}{member['name']}", at, found["size"]


@every_object
def test_records_are_those_of_bpftool(path: Path) -> None:
    there = bpftool_types(path)
    ours = layouts(btf_of(path))
    marks = {t["name"].removeprefix("event_") for t in there if t["kind"] == "VAR" and t["name"].startswith("event_")}
    assert set(ours) == marks
    for name, layout in ours.items():
        (record,) = [t for t in there if t["kind"] == "STRUCT" and t["name"] == name]
        assert layout.size == record["size"]
        assert [(f.name, f.offset, f.size) for f in layout.fields] == list(flat(there, record["id"], "", 0))


def test_every_record_of_the_contract_is_in_an_object() -> None:
    found = {name for path in OBJECTS for name in layouts(btf_of(path))}
    parts = (EVENTS_H, EVENTS_H.with_name("verdicts.h"), EVENTS_H.with_name("syscall_record.h"))
    text = "".join(path.read_text() for path in parts)
    declared = set(re.findall(r"^struct (\w+) \{\n\tstruct header h;", text, re.MULTILINE))
    assert found == declared


def test_sizes_are_those_of_pahole() -> None:
    for path in OBJECTS:
        for name, layout in layouts(btf_of(path)).items():
            done = subprocess.run(
                [tool("pahole"), "-F", "btf", "-C", name, str(path)], check=True, capture_output=True, text=True
            )
            (size,) = re.findall(r"/\* size: (\d+),", done.stdout)[:1]
            assert layout.size == int(size)
            assert "hole" not in done.stdout
            assert "padding" not in done.stdout


@every_object
def test_a_record_is_unpacked_whole(path: Path) -> None:
    for layout in layouts(btf_of(path)).values():
        unpacker = layout.unpacker()
        assert unpacker.size == layout.size == sum(field.size for field in layout.fields)
        data = bytes(i % 251 for i in range(layout.size))
        for field, value in zip(layout.fields, unpacker.unpack(data), strict=True):
            raw = data[field.offset : field.offset + field.size]
            signed = field.code in "bhiq"
            assert value == (int.from_bytes(raw, "little", signed=signed) if isinstance(value, int) else raw)


def test_fields_have_the_semantic_types_of_the_contract() -> None:
    found = {field.name: field for field in layouts(btf_of(PROCESS))["process_exec"].fields}
    assert found["task.pid"] == Field("task.pid", "pid_nr", 24, 4, "I")
    assert found["time"].ctype == "ktime_ns"
    assert found["exe.path"].ctype == "path_loc"
    assert found["args"].ctype == "str_list_loc"
    assert found["task.comm"].ctype == "char[16]"
    assert found["task.comm"].code == "16s"
    header = [field.name for field in found.values()][:6]
    assert header == ["kind", "hook", "abi", "cpu", "seq", "time"], "members of h have no prefix"


def test_signed_members_are_signed() -> None:
    codes = {field.name: field.code for field in layouts(btf_of(PROCESS))["process_exit"].fields}
    assert (codes["code"], codes["signal"]) == ("i", "I")


@every_object
def test_enums_are_those_of_bpftool(path: Path) -> None:
    btf = btf_of(path)
    enums = [t for t in bpftool_types(path) if t["kind"] == "ENUM" and t["name"] != "(anon)"]
    # What makes no records has no need of the contract.
    contract = {"event_kind", "hook", "abi", "unread", "attempt_state"} if layouts(btf) else set()
    assert contract <= {t["name"] for t in enums}
    for there in enums:
        assert enum_values(btf, there["name"]) == {v["name"]: v["val"] for v in there["values"]}


def test_what_is_not_there_is_named() -> None:
    btf = btf_of(PROCESS)
    with pytest.raises(LayoutError, match="no struct nothing"):
        struct_layout(btf, "nothing")
    with pytest.raises(LayoutError, match="no enum nothing"):
        enum_values(btf, "nothing")
    make = Maker()
    make.mark("ghost", 0)
    with pytest.raises(LayoutError, match="no struct ghost"):
        layouts(Btf(make.bytes()))


Broken = Callable[[Maker, int, int], None]


def hole(make: Maker, byte: int, word: int) -> None:
    make.struct("r", 8, ("a", byte, 0), ("b", word, 32))


def end(make: Maker, byte: int, word: int) -> None:
    make.struct("r", 8, ("a", word, 0), ("b", byte, 32))


def overlap(make: Maker, byte: int, word: int) -> None:
    make.struct("r", 4, ("a", word, 0), ("b", byte, 0))


def pointer(make: Maker, byte: int, word: int) -> None:
    make.struct("r", 8, ("a", make.add(types.PTR, size=word), 0))


def pointers(make: Maker, byte: int, word: int) -> None:
    make.struct("r", 16, ("a", make.array(make.add(types.PTR, size=word), 2), 0))


def bitfield(make: Maker, byte: int, word: int) -> None:
    make.struct("r", 4, ("a", word, 3 << 24), flag=1)


def union(make: Maker, byte: int, word: int) -> None:
    make.struct("r", 4, ("a", make.add(types.UNION, "u", 4), 0))


def enumeration(make: Maker, byte: int, word: int) -> None:
    make.struct("r", 4, ("a", make.enum("e", A=1), 0))


def flexible(make: Maker, byte: int, word: int) -> None:
    make.struct("r", 4, ("a", word, 0), ("b", make.array(byte, 0), 32))


def long(make: Maker, byte: int, word: int) -> None:
    make.struct("r", LONGEST + 1, ("a", make.array(byte, LONGEST + 1), 0))


def itself(make: Maker, byte: int, word: int) -> None:
    make.struct("r", 4, ("h", make.count + 1, 0))


@pytest.mark.parametrize(
    ("broken", "match"),
    [
        (hole, "3 bytes of padding before b"),
        (end, "3 bytes of padding at the end of r"),
        (overlap, "-4 bytes of padding before b"),
        (pointer, "member a is of kind 2"),
        (pointers, "member a is of kind 3"),
        (bitfield, "member a is a bitfield"),
        (union, "member a is of kind 5"),
        (enumeration, "member a is of kind 6"),
        (flexible, "member b is a bitfield, or has no bytes"),
        (long, "past byte 65535"),
        (itself, "nested deeper than 16 structs"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_record_that_breaks_the_rules_is_refused(broken: Broken, match: str) -> None:
    make = Maker()
    byte, word = make.integer("unsigned char", 1), make.integer("unsigned int", 4)
    broken(make, byte, word)
    with pytest.raises(LayoutError, match=f"record r: .*{match}"):
        struct_layout(Btf(make.bytes()), "r")


def test_a_struct_that_doubles_at_each_level_costs_little() -> None:
    """2**28 members in 28 structs."""
    make = Maker()
    inner, size = make.integer("unsigned char", 1), 1
    for level in range(28):
        inner = make.struct(f"s{level}", size * 2, ("a", inner, 0), ("b", inner, size * 8))
        size *= 2
    make.mark("s27", inner)
    start = time.process_time()
    with pytest.raises(LayoutError):
        layouts(Btf(make.bytes()))
    assert time.process_time() - start < 2


def test_empty_structs_that_double_cost_little() -> None:
    make = Maker()
    inner = make.struct("s0", 0)
    for level in range(1, 40):
        inner = make.struct(f"s{level}", 0, ("a", inner, 0), ("b", inner, 0))
    start = time.process_time()
    with pytest.raises(LayoutError):
        struct_layout(Btf(make.bytes()), "s39")
    assert time.process_time() - start < 2


def test_a_record_marked_many_times_is_laid_out_once() -> None:
    make = Maker()
    record = make.struct("r", 1, ("a", make.integer("unsigned char", 1), 0))
    make.mark("r", record)
    make.mark("r", record)
    assert list(layouts(Btf(make.bytes()))) == ["r"]


def laid_out(data: bytes) -> None:
    """Read an object as the sensor does; anything but the three errors goes on to the test."""
    try:
        btf = Btf(section(data, ".BTF"))
        for layout in layouts(btf).values():
            assert layout.unpacker().size == layout.size <= LONGEST
    except (ElfError, BtfError, LayoutError) as error:
        assert str(error)  # noqa: PT017 - the other outcome is asserted above


_AT, _BTF = DATA.index(section(DATA, ".BTF")), section(DATA, ".BTF")
_TYPES = struct.unpack_from("<I", _BTF, 12)[0]


@given(
    st.lists(
        st.tuples(
            st.integers(0, len(DATA) - 1) | st.integers(_AT, _AT + 24 + _TYPES - 1),
            st.integers(0, 255),
        ),
        min_size=1,
        max_size=6,
    ),
    st.integers(0, len(DATA)) | st.just(len(DATA)),
)
def test_no_changed_object_raises_anything_else(changes: list[tuple[int, int]], cut: int) -> None:
    data = bytearray(DATA)
    for at, value in changes:
        data[at] = value
    laid_out(bytes(data))
    laid_out(bytes(data[:cut]))


@given(
    st.lists(
        st.tuples(st.sampled_from([1, 2, 3, 4, 5, 8]), st.integers(0, 20), st.lists(st.integers(0, 20), max_size=6)),
        max_size=20,
    )
)
def test_no_types_raise_anything_else(shapes: list[tuple[int, int, list[int]]]) -> None:
    """Types that refer to each other in any way."""
    make = Maker()
    for number, (kind, size, refers) in enumerate(shapes, 1):
        if kind in (types.STRUCT, types.UNION):
            rest = b"".join(struct.pack("<III", 0, r, 8 * i) for i, r in enumerate(refers))
            make.add(kind, f"t{number}", size, len(refers), rest)
        elif kind == types.ARRAY:
            make.array(size, len(refers))
        elif kind == types.INT:
            make.integer("n", size)
        else:
            make.add(kind, "t", size)
        make.mark(f"t{number}", number)
    btf = Btf(make.bytes())
    for number in range(1, len(shapes) + 1):
        try:
            assert struct_layout(btf, f"t{number}").size <= LONGEST
        except (BtfError, LayoutError) as error:
            assert str(error)  # noqa: PT017 - the other outcome is asserted above
