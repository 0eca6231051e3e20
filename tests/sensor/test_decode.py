from __future__ import annotations

import struct
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringward.btf.layout import Field
from ringward.sensor.decode import DecodeError, Decoder, Record, Reference
from tests.sensor.kernel_records import Call, Kernel, Value, batch, encode, enums, files, finit, layouts
from tests.sensor.kernel_records import decoder as new_decoder

RECORDS = sorted(layouts())


@cache
def decoder() -> Decoder:
    return new_decoder()


@cache
def reference() -> Reference:
    return Reference(files())


def plain(record: Record) -> tuple[Any, ...]:
    """Return all that a record says, so that two can be compared; types too, because 1 == True."""
    tail = record.tail
    said = [(name, getattr(tail, name)) for name in ("data", "base", "unread", "sources", "differences")]
    return tuple(map(repr, record[:9])), *(tuple(dict.items(v)) if isinstance(v, dict) else v for _, v in said)


def both(data: bytes) -> tuple[list[Any], str | None]:
    """Return what both decoders make of a batch: records, and how it ends; fail when they differ."""
    ends: list[tuple[list[Any], str | None]] = []
    for one in (decoder(), reference()):
        found: list[Any] = []
        error = None
        try:
            found.extend(plain(record) for record in one.records(data))
        except DecodeError as wrong:
            error = str(wrong)
        ends.append((found, error))
    assert ends[0] == ends[1]
    return ends[0]


def a_record(name: str, **given: Value) -> bytes:
    kernel = Kernel()
    arrays = {f.name: bytes(f.size) for f in layouts()[name].fields if f.code.endswith("s") and "." not in f.name}
    return kernel.record(name, kernel.process(), **(arrays | given))


def test_there_are_records_of_every_object() -> None:
    assert set(RECORDS) >= {"create_module", "finit_module", "module_load", "process_exec", "udev_device"}
    assert set(decoder().kinds) == set(RECORDS)


@pytest.mark.parametrize("name", RECORDS)
def test_a_record_of_zeros_is_decoded_alike(name: str) -> None:
    found, error = both(batch(a_record(name)))
    assert error is None
    assert len(found) == 1


def test_a_record_has_what_was_put_into_it() -> None:
    kernel = Kernel()
    proc = kernel.process(comm="insmod")
    raw = finit(
        kernel, proc, "/lib/modules/x.ko", inode=9, flags=6, param_values="a=1", param_values_kernel="a=1"
    ).enter()
    (record,) = decoder().records(batch(raw))
    args: Any = record.args
    assert (record.name, record.hook, record.abi, record.cpu, record.seq) == ("finit_module", "tp_btf", "64-bit", 0, 1)
    assert record.time == kernel.time
    assert (args.fd, args.file.path, args.file.inode, args.file.dev) == (3, "/lib/modules/x.ko", 9, "8:1")
    assert args.param_values == "a=1"
    assert record.tail.sources == {"param_values": "kernel", "file": "entry"}
    task = decoder().task(record.task)
    assert (task.pid, task.start_time, task.comm.rstrip(b"\0")) == (proc.pid, proc.start, b"insmod")
    assert record.extra["attempt.state"] == enums()["attempt_state"]["ATTEMPT_ENTERED"]
    assert decoder().time_of(raw) == kernel.time
    assert decoder().task_of(raw) == record.task
    assert plain(decoder().one(raw)) == plain(record)


def test_a_changed_argument_is_a_difference_in_both() -> None:
    kernel = Kernel()
    call = finit(kernel, kernel.process(), param_values="a=1", param_values_kernel="a=2")
    found, error = both(batch(call.enter(), call.returns()))
    assert error is None
    for record in found:
        ((difference,),) = (record[-1],)
        assert (difference.field, difference.entry, difference.kernel) == ("param_values", "a=1", "a=2")


TEXTS = st.one_of(
    st.none(),
    st.binary(max_size=40),
    st.lists(st.sampled_from(["a", "", "é", "x" * 30, "\x07"]), max_size=4).map(tuple),
    # Offsets and lengths that point anywhere, inside the record or not, cut or not.
    st.integers(0, 0xFFFFFFFF),
    st.integers(100, 700).flatmap(lambda at: st.integers(0, 0xFFFF).map(lambda length: at << 16 | length)),
)


def values(field: Field) -> st.SearchStrategy[Value]:
    if field.ctype == "path_loc":
        return st.one_of(
            st.sampled_from(["/", "/usr/bin/kmod", "/x"]), TEXTS.filter(lambda v: not isinstance(v, tuple))
        )
    if field.ctype in {"str_loc", "str_list_loc"}:
        return TEXTS
    if field.code.endswith("s"):
        return st.binary(min_size=field.size, max_size=field.size)
    top = 1 << 8 * field.size
    if field.code.islower():
        return st.integers(-top // 2, top // 2 - 1)
    return st.one_of(st.integers(0, 3), st.integers(0, top - 1))


@st.composite
def hostile_records(draw: st.DrawFn) -> bytes:
    name = draw(st.sampled_from(RECORDS))
    made: dict[str, Value] = {field.name: draw(values(field)) for field in layouts()[name].fields}
    made["kind"] = enums()["event_kind"][f"KIND_{name.upper()}"]
    if draw(st.integers(0, 9)):
        made["hook"], made["abi"] = draw(st.integers(0, 5)), draw(st.integers(0, 2))
    for member, value in made.items():
        # A list is a text of several strings here, whatever the member's own type.
        if isinstance(value, tuple):
            made[member] = b"".join(part.encode() + b"\0" for part in value)  # type: ignore[union-attr]
    return encode(layouts()[name], made)


@settings(max_examples=400, deadline=None)
@given(st.lists(hostile_records(), max_size=4))
def test_whatever_a_record_says_both_say_the_same(records: list[bytes]) -> None:
    both(batch(*records))


@settings(max_examples=200, deadline=None)
@given(st.lists(hostile_records(), min_size=1, max_size=3), st.data())
def test_a_batch_that_is_cut_or_changed_ends_alike(records: list[bytes], data: st.DataObject) -> None:
    whole = bytearray(batch(*records))
    for _ in range(data.draw(st.integers(0, 4))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    both(bytes(whole[: data.draw(st.integers(0, len(whole)))]))


@given(st.binary(max_size=200))
def test_garbage_is_refused_alike(data: bytes) -> None:
    both(data)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"\x01", "the batch is cut"),
        (struct.pack("<I4x", 100) + bytes(99), "the batch is cut"),
        (struct.pack("<I4x", 0xFFFFFFFF), "the batch is cut"),
        (batch(bytes(20)), "a record of 20 bytes is shorter than its header"),
        (batch(bytes(400)), "record of kind 0 with 400 bytes"),
        (batch(b"\xff\xff" + bytes(400)), "record of kind 65535 with 402 bytes"),
        (batch(a_record("process_exec")[:130]), "with 130 bytes: not in the objects' layouts"),
    ],
)
def test_what_is_no_record_says_why(data: bytes, reason: str) -> None:
    found, error = both(data)
    assert found == []
    assert error is not None
    assert reason in error


def test_records_before_the_fault_are_given() -> None:
    found, error = both(batch(a_record("process_exit"), a_record("process_fork"), b"\xff\xff" + bytes(400)))
    assert len(found) == 2
    assert error is not None


def test_an_unknown_hook_is_refused() -> None:
    raw = bytearray(a_record("process_exit"))
    raw[2] = 200
    assert "no hook 200" in (both(batch(bytes(raw)))[1] or "")
    with pytest.raises(DecodeError, match="no hook 200"):
        decoder().one(bytes(raw))
    with pytest.raises(DecodeError, match="shorter than its header"):
        decoder().one(b"x")


def test_what_is_not_bytes_is_refused() -> None:
    for wrong in (bytearray(8), "x", None):
        with pytest.raises(TypeError):
            decoder().records(wrong)  # type: ignore[arg-type]
        with pytest.raises(TypeError):
            decoder().one(wrong)  # type: ignore[arg-type]


def test_the_numbers_of_a_batch_are_told_as_runs() -> None:
    kernel = Kernel()
    proc = kernel.process()
    records = [kernel.record("process_exit", proc, cpu=cpu) for cpu in (0, 1, 0, 1, 1)]
    kernel.seq[0] += 5
    records += [kernel.record("process_exit", proc, cpu=cpu) for cpu in (0, 1, 0)]
    found = decoder().records(batch(*records))
    assert (found.runs(), found.time()) == ([], 0)
    assert len(list(found)) == 8
    assert found.runs() == [(0, 1, 2), (1, 1, 4), (0, 8, 9)]
    assert found.time() == decoder().one(records[-1]).time


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(1, 6)), max_size=300))
def test_runs_are_the_numbers_in_their_order(numbers: list[tuple[int, int]]) -> None:
    raw = bytearray(a_record("process_exit"))
    records = []
    for cpu, seq in numbers:
        struct.pack_into("<IQ", raw, 4, cpu, seq)
        records.append(bytes(raw))
    found = decoder().records(batch(*records))
    assert len(list(found)) == len(numbers)
    for cpu in range(4):
        flat = [seq for c, first, last in found.runs() if c == cpu for seq in range(first, last + 1)]
        assert flat == [seq for c, seq in numbers if c == cpu]


def test_the_task_of_a_record_is_read_once() -> None:
    (record,) = decoder().records(batch(a_record("process_exit")))
    assert decoder().task(record.task) is decoder().task(record.task)
    other = bytes(record.task[:4]) + struct.pack("<I", 99) + record.task[8:]
    assert decoder().task(other).tid == 99
    assert decoder().task(record.task).tid != 99


def test_records_stay_when_the_batch_goes() -> None:
    kernel = Kernel()
    call = Call(kernel, kernel.process(), "create_module", 174, {"name": "first"})
    data = bytearray(batch(call.enter()))
    (record,) = decoder().records(bytes(data))
    del data
    assert record.args.name == "first"  # type: ignore[attr-defined]
