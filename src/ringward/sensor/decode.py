"""From the bytes of the ring buffer to records with typed arguments.

The work is done by native/decode.c, by a plan for each record that comes from the object's
layout and the class's specs. `Reference` does the same in Python alone.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from typing import NamedTuple

from ringward.btf import Layout
from ringward.events.args import Args
from ringward.events.fields import UNREAD_TEXT, Tail
from ringward.events.registry import BY_NAME
from ringward.sensor import _native
from ringward.sensor.objects import ObjectFile, enums, header_format, task_layout
from ringward.sensor.plan import extra_names, plan

_LENGTH = struct.Struct("<I4x")
_ABI_NAMES = {"ABI_64": "64-bit", "ABI_IA32": "ia32", "ABI_X32": "x32"}


class Record(NamedTuple):
    """One record of the ring buffer. `task` are the bytes of its struct task."""

    name: str
    hook: str
    abi: str
    cpu: int
    seq: int
    time: int
    task: bytes
    args: Args
    extra: dict[str, int]
    tail: Tail


class Task(NamedTuple):
    """`struct task` of bpf/events.h."""

    pid: int
    tid: int
    start_time: int
    parent_start_time: int
    ppid: int
    uid: int
    gid: int
    euid: int
    egid: int
    loginuid: int
    sessionid: int
    mnt_ns: int
    pid_ns: int
    net_ns: int
    user_ns: int
    flags: int
    cgroup: int
    comm: bytes


class DecodeError(ValueError):
    """A record is not what the object's layout says; the message gives kind and length."""


def compile_record(
    cls: type[Args], layout: Layout, header_size: int
) -> Callable[[bytes, Tail], tuple[Args, dict[str, int]]]:
    """Return a function of (record, tail) that reads the arguments of one record in Python alone."""
    fields = [field for field in layout.fields if field.offset >= header_size]
    index = {field.name: i for i, field in enumerate(fields)}
    unpack = struct.Struct("<" + "".join(field.code for field in fields)).unpack_from
    makers = [
        ([index[member] for member in spec.names(name)], None if spec.direct else spec.convert(name))
        for name, spec in cls.specs().items()
    ]
    extra = [(name, index[name]) for name in extra_names(cls, layout)]

    def read(record: bytes, tail: Tail) -> tuple[Args, dict[str, int]]:
        v = unpack(record, header_size)
        made = (make(tail, *(v[i] for i in members)) if make else v[members[0]] for members, make in makers)
        return cls(*made), {name: v[i] for name, i in extra}

    return read


class Decoder:
    """Decodes what `_native.Ring.drain` gives, for the records of some objects."""

    def __init__(self, objects: list[ObjectFile]) -> None:
        contract = enums(objects[0])
        self.attempt_states = contract["attempt_state"]
        self.layouts = {name: layout for obj in objects for name, layout in obj.records.items()}
        kinds = {name.removeprefix("KIND_").lower(): value for name, value in contract["event_kind"].items()}
        self.kinds = {name: kind for name, kind in kinds.items() if name in self.layouts}
        """Of the records that the objects make, by name."""
        self.hooks = {value: name.removeprefix("HOOK_").lower() for name, value in contract["hook"].items()}
        self.abis = {value: _ABI_NAMES[name] for name, value in contract["abi"].items()}
        self.reasons = {
            value: UNREAD_TEXT.get(name.removeprefix("UNREAD_"), "") for name, value in contract["unread"].items()
        }
        self.header = header_format()
        layout = task_layout(objects[0])
        self._unpack_task = layout.unpacker().unpack
        self.task_end = self.header.size + layout.size
        self.task_offsets = {field.name: field.offset for field in layout.fields}
        """Where a `struct task` has its members: bytes."""
        self.flags_at = self.header.size + self.task_offsets["flags"]
        """Where a record has the flags of its task: bytes."""
        self.native = _native.Decoder(
            Record,
            Tail,
            DecodeError,
            self.reasons,
            self.hooks,
            self.abis,
            self.header.size,
            layout.size,
            {kind: plan(name, BY_NAME[name], self.layouts[name]) for name, kind in self.kinds.items()},
        )
        self._task: tuple[bytes, Task | None] = b"", None

    def task(self, data: bytes) -> Task:
        """Return the fields of a `struct task`."""
        last, task = self._task
        if task is None or last is not data:
            task = Task(*self._unpack_task(data))
            self._task = data, task
        return task

    def task_of(self, record: bytes) -> bytes:
        """Return the bytes of a record's `struct task`."""
        return record[self.header.size : self.task_end]

    def time_of(self, record: bytes) -> int:
        """Return when a record was made, nanoseconds since boot."""
        return int(self.header.unpack_from(record)[5])

    def records(self, data: bytes) -> _native.Batch:
        """Return an iterator of the records of a batch.

        Raises:
            DecodeError: (as it is iterated) a record is of unknown kind or shorter than its layout, or the
                batch is cut.

        """
        return self.native.batch(data)

    def one(self, data: bytes) -> Record:
        """Return the record that these bytes are.

        Raises:
            DecodeError: they are of unknown kind or shorter than their layout.

        """
        return self.native.one(data)


class Reference:
    """The same in Python alone: says what the native decoder has to do, and is what it is tested against."""

    def __init__(self, objects: list[ObjectFile]) -> None:
        self._decoder = decoder = Decoder(objects)
        self._readers = {
            kind: (
                name,
                decoder.layouts[name].size,
                compile_record(BY_NAME[name], decoder.layouts[name], decoder.task_end),
            )
            for name, kind in decoder.kinds.items()
        }

    def records(self, data: bytes) -> Iterator[Record]:
        """Yield the records of a batch.

        Raises:
            DecodeError: as `Decoder.records`.

        """
        at, end = 0, len(data)
        while at < end:
            base = at + _LENGTH.size
            length = _LENGTH.unpack_from(data, at)[0] if base <= end else 0
            at = base + (length + 7 & ~7)
            if base > end or at > end:
                raise DecodeError("the batch is cut")
            yield self.one(data[base : base + length])

    def one(self, data: bytes) -> Record:
        """Return the record that these bytes are.

        Raises:
            DecodeError: as `Decoder.one`.

        """
        decoder = self._decoder
        if len(data) < decoder.task_end:
            raise DecodeError(f"a record of {len(data)} bytes is shorter than its header")
        kind, hook, abi, cpu, seq, time = decoder.header.unpack_from(data)
        reader = self._readers.get(kind)
        if reader is None or len(data) < reader[1]:
            raise DecodeError(f"record of kind {kind} with {len(data)} bytes: not in the objects' layouts")
        if hook not in decoder.hooks or abi not in decoder.abis:
            raise DecodeError(f"record of kind {kind}: no hook {hook} or no ABI {abi}")
        tail = Tail(data, 0, decoder.reasons)
        args, extra = reader[2](data, tail)
        task = decoder.task_of(data)
        return Record(reader[0], decoder.hooks[hook], decoder.abis[abi], cpu, seq, time, task, args, extra, tail)
