"""From the bytes of the ring buffer to records with typed arguments.

One function per record is compiled from the object's layout and the class's specs, so
that a record costs one unpack and one call of its class.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from ringward.btf import Layout
from ringward.events.args import Args
from ringward.events.fields import UNREAD_TEXT, Tail
from ringward.events.registry import BY_NAME
from ringward.sensor.objects import ObjectFile, enums, header_format, task_layout

_LENGTH = struct.Struct("<I")
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
) -> Callable[[bytes, int, Tail], tuple[Args, dict[str, int]]]:
    """Return a function of (data, base, tail) that reads the arguments of one record."""
    fields = [field for field in layout.fields if field.offset >= header_size]
    index = {field.name: i for i, field in enumerate(fields)}
    unpack = struct.Struct("<" + "".join(field.code for field in fields)).unpack_from
    scope: dict[str, Any] = {"cls": cls, "unpack": unpack, "at": header_size}
    parts = []
    for number, (name, spec) in enumerate(cls.specs().items()):
        values = [f"v[{index[member]}]" for member in spec.names(name)]
        if spec.direct:
            parts.append(values[0])
        else:
            scope[f"f{number}"] = spec.convert(name)
            parts.append(f"f{number}(tail, {', '.join(values)})")
    extra = ", ".join(f"{name!r}: v[{index[name]}]" for name in sorted(cls.extra) if name in index and name != "pad")
    source = (
        "def read(data, base, tail):\n"
        "    v = unpack(data, base + at)\n"
        f"    return cls({', '.join(parts)}), {{{extra}}}\n"
    )
    exec(source, scope)  # noqa: S102 - the source is made of names from the catalogue alone
    return scope["read"]  # type: ignore[no-any-return]


class Decoder:
    """Decodes what `_native.Ring.drain` gives, for the records of some objects."""

    def __init__(self, objects: list[ObjectFile]) -> None:
        contract = enums(objects[0])
        kinds = {value: name.removeprefix("KIND_").lower() for name, value in contract["event_kind"].items()}
        self._hooks = {value: name.removeprefix("HOOK_").lower() for name, value in contract["hook"].items()}
        self._abis = {value: _ABI_NAMES[name] for name, value in contract["abi"].items()}
        self._reasons = {
            value: UNREAD_TEXT.get(name.removeprefix("UNREAD_"), "") for name, value in contract["unread"].items()
        }
        self.attempt_states = {name: value for name, value in contract["attempt_state"].items()}
        self._header = header_format()
        task = task_layout(objects[0])
        self._task = task.unpacker()
        self._task_end = self._header.size + task.size
        layouts = {name: layout for obj in objects for name, layout in obj.records.items()}
        self._readers = {
            kind: (name, layouts[name].size, compile_record(BY_NAME[name], layouts[name], self._task_end))
            for kind, name in kinds.items()
            if name in layouts
        }

    def task(self, data: bytes) -> Task:
        """Return the fields of a `struct task`."""
        return Task(*self._task.unpack(data))

    def records(self, data: bytes) -> Iterator[Record]:
        """Yield the records of a batch.

        Raises:
            DecodeError: a record is of unknown kind or shorter than its layout.

        """
        header, readers, hooks, abis, reasons = self._header, self._readers, self._hooks, self._abis, self._reasons
        header_size, task_end = header.size, self._task_end
        at, end = 0, len(data)
        while at < end:
            (length,) = _LENGTH.unpack_from(data, at)
            base = at + 8
            at = base + (length + 7 & ~7)
            if length < task_end or at > end:
                raise DecodeError(f"a record of {length} bytes is shorter than its header, or the batch is cut")
            kind, hook, abi, cpu, seq, time = header.unpack_from(data, base)
            reader = readers.get(kind)
            if reader is None or length < reader[1]:
                raise DecodeError(f"record of kind {kind} with {length} bytes: not in the objects' layouts")
            tail = Tail(data, base, reasons)
            args, extra = reader[2](data, base, tail)
            task = data[base + header_size : base + task_end]
            yield Record(reader[0], hooks[hook], abis[abi], cpu, seq, time, task, args, extra, tail)
