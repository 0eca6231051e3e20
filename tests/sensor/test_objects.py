"""The shipped objects, their knobs, and the contract with the catalogue in both directions."""

from __future__ import annotations

import re
import subprocess
from dataclasses import replace
from itertools import pairwise

import pytest

from ringward.btf import Field, Layout, section
from ringward.events import BY_NAME
from ringward.sensor import objects
from ringward.sensor.objects import ContractError, ObjectFile
from tests.btf.built import OBJECTS, tool

WITHOUT_EVENTS = frozenset({"decide", "guard_request"})
"""Objects that tell nothing: they have no filter, and none of the enums of records."""
telling_object = pytest.mark.parametrize("name", [name for name in objects.names() if name not in WITHOUT_EVENTS])
every_object = pytest.mark.parametrize("name", objects.names())


def test_names_are_those_of_the_files() -> None:
    assert objects.names() == tuple(path.name.removesuffix(".bpf.o") for path in OBJECTS)


def test_an_object_that_was_not_built_is_missing() -> None:
    with pytest.raises(FileNotFoundError):
        objects.load("nothing")


@every_object
def test_an_object_is_read_once_and_keeps_the_contract(name: str) -> None:
    found = objects.load(name)
    assert objects.load(name) is found
    assert found.name == name
    objects.check(found)


@telling_object
def test_knobs_are_the_variables_of_the_read_only_data(name: str) -> None:
    """Beside the data section that the compiler put into the object's own BTF."""
    (path,) = [path for path in OBJECTS if path.name == f"{name}.bpf.o"]
    done = subprocess.run(
        [tool("bpftool"), "btf", "dump", "file", str(path), "format", "raw"], check=True, capture_output=True, text=True
    )
    names = dict(re.findall(r"^\[(\d+)\] VAR '(\w+)'", done.stdout, re.MULTILINE))
    (rodata,) = re.findall(r"DATASEC '\.rodata' .*\n((?:\t.*\n)*)", done.stdout)
    there = {
        names[number]: (int(offset), int(size))
        for number, offset, size in re.findall(r"type_id=(\d+) offset=(\d+) size=(\d+)", rodata)
    }
    knobs = objects.load(name).knobs()
    assert {"only_uid_set", "only_uid", "only_comm_set", "only_comm", "only_pids"} <= set(knobs)
    assert {name: size for name, (_, size) in knobs.items()} == {name: size for name, (_, size) in there.items()}
    # The compiler leaves offsets to the loader; symbols have them.
    spans = sorted(knobs.values())
    assert all(at + size <= following for (at, size), (following, _) in pairwise(spans))


def test_knobs_are_written_where_they_are() -> None:
    found = objects.load("process")
    knobs = found.knobs()
    initial = section(found.data, ".rodata")
    data = found.with_knobs(initial, {"only_uid": 1000, "only_uid_set": 1, "only_comm": b"modprobe", "nonsense": 7})
    assert len(data) == len(initial)

    def read(name: str) -> bytes:
        at, size = knobs[name]
        return data[at : at + size]

    assert int.from_bytes(read("only_uid"), "little") == 1000
    assert int.from_bytes(read("only_uid_set"), "little") == 1
    assert read("only_comm") == b"modprobe".ljust(16, b"\0")
    assert int.from_bytes(read("only_pids"), "little") == 0
    changed = {i for i in range(len(data)) if data[i] != initial[i]}
    for name in ("only_uid", "only_uid_set", "only_comm"):
        at, size = knobs[name]
        changed -= set(range(at, at + size))
    assert changed == set()


def test_a_name_that_is_too_long_is_cut_to_its_room() -> None:
    found = objects.load("process")
    initial = section(found.data, ".rodata")
    at, size = found.knobs()["only_comm"]
    data = found.with_knobs(initial, {"only_comm": b"x" * 40})
    assert data[at : at + size] == b"x" * size
    assert len(data) == len(initial)


def test_an_object_without_read_only_data_has_no_knobs() -> None:
    data = objects.load("process").data.replace(b"\0.rodata\0", b"\0.r0data\0")
    assert ObjectFile("x", data, objects.load("process").btf, {}).knobs() == {}


@telling_object
def test_each_object_has_the_same_enums(name: str) -> None:
    assert objects.enums(objects.load(name)) == objects.enums(objects.load("process"))


def test_the_header_is_that_of_the_records() -> None:
    header, task = objects.header_format(), objects.task_layout(objects.load("process"))
    for name in objects.names():
        for layout in objects.load(name).records.values():
            before = [field for field in layout.fields if field.offset < header.size]
            assert [field.name for field in before] == ["kind", "hook", "abi", "cpu", "seq", "time"]
            assert "".join(field.code for field in before) == header.format.lstrip("<")
            behind = [field for field in layout.fields if field.name.startswith("task.")]
            assert [(f.name.removeprefix("task."), f.offset - header.size) for f in behind] == [
                (f.name, f.offset) for f in task.fields
            ]


def with_record(name: str, layout: Layout) -> ObjectFile:
    found = objects.load("process")
    return replace(found, records={name: layout})


def test_a_record_without_a_class_is_refused() -> None:
    layout = objects.load("process").records["process_exit"]
    for name in ("process_gone", "events_lost"):
        with pytest.raises(ContractError, match=f"record {name} of process.bpf.o has no class in the catalogue"):
            objects.check(with_record(name, layout))


def test_a_member_that_a_field_needs_and_is_not_there_is_named() -> None:
    layout = objects.load("process").records["process_exit"]
    fields = tuple(field for field in layout.fields if field.name != "signal")
    with pytest.raises(ContractError, match=r"event process_exit reads 'signal', which record process_exit"):
        objects.check(with_record("process_exit", layout._replace(fields=fields)))


def test_a_member_that_nothing_uses_is_named() -> None:
    layout = objects.load("process").records["process_exit"]
    more = (*layout.fields, Field("secret", "__u32", layout.size, 4, "I"))
    with pytest.raises(ContractError, match=r"member 'secret' of record process_exit in process\.bpf\.o"):
        objects.check(with_record("process_exit", layout._replace(fields=more)))


def test_padding_needs_no_field() -> None:
    layout = objects.load("process").records["process_exit"]
    more = (*layout.fields, Field("x.pad", "__u32", layout.size, 4, "I"))
    objects.check(with_record("process_exit", layout._replace(fields=more)))


def test_every_record_of_the_catalogue_is_in_exactly_one_object() -> None:
    found = [record for name in objects.names() for record in objects.load(name).records]
    assert sorted(found) == sorted(name for name, cls in BY_NAME.items() if cls.record)
