"""From the records of system calls to events: names, arguments, what could not be read."""

from __future__ import annotations

import os.path
import struct
from collections.abc import Callable, Iterable, Iterator
from operator import itemgetter
from typing import Any, NamedTuple

from ringward.events.context import Event, Process
from ringward.events.fields import UNREAD_TEXT, decode, file_name, join_path
from ringward.events.syscall_args import NO_DESCRIPTOR, NO_RETURN, NOT_ASKED, CallArgs, call_class
from ringward.events.syscall_flags import error_name
from ringward.events.syscall_kinds import RESULT, Kind
from ringward.events.syscall_table import Call, by_event
from ringward.events.syscall_types import AT_FDCWD, kind_of
from ringward.events.syscall_values import Descriptor, PathValue
from ringward.sensor.clock import Clock
from ringward.sensor.decode import Decoder, Record

WAITING_NS = 1_000_000_000
"""A call that has not returned after this is shown without a result."""
NO_ENTRY = "the call's entry was not seen: seccomp or a tracer stopped it, or it was in progress when Ringward attached"
NO_BASE = "the directory that it begins at could not be read"
MEMORY = frozenset(["string", "in", "out", "strings", "msg_in", "msg_out"])
AT_EXIT = frozenset(["out", "msg_out"])
"""Readings of `Kind`."""
NOTHING_WRITTEN = "the call has written nothing there"
_TOO_FEW = "the caller gave fewer bytes than the structure has"
_ERRORS = 4095
_CUT = 0x8000
_ABSOLUTE = "/"
_BUSY = struct.Struct("<I4xI4x")
"""Before a record in the map `call_threads`: in a call (1), and its bytes."""


class _Field(NamedTuple):
    """One argument of an event's class."""

    name: str
    kind: Kind
    base: int
    """Number of the argument with the directory that a path begins at; -1: the working directory."""
    optional: bool
    """Whether it can be null."""


class _Shape(NamedTuple):
    """What is known of a call before any is seen."""

    event: str
    cls: type[CallArgs]
    fields: tuple[_Field, ...]
    tags: dict[str, tuple[str, ...]]


def _shape(event: str, call: Call) -> _Shape:
    cls = call_class(event)
    kinds = [kind_of(call, one) for one in call.parameters]
    names = [one.name for one in call.parameters]
    fields = tuple(
        _Field(field, kind, names.index(kind.base) if kind.base else -1, optional=type(None) in _members(kind.hint))
        for field, kind in zip(cls.__struct_fields__, kinds, strict=True)
    )
    return _Shape(event, cls, fields, cls.tags())


def _outputs(shape: _Shape, unread: dict[str, str]) -> list[str]:
    """Return the arguments that only the end of the call fills."""
    return [field.name for field in shape.fields if field.kind.reading in AT_EXIT and field.name in unread]


def _members(hint: Any) -> tuple[Any, ...]:
    return getattr(hint, "__args__", ())


class _Raw:
    """A record: its numbers, and the bytes behind them."""

    __slots__ = ("args", "cwd", "data", "entered", "late", "nr", "reads", "result", "state")
    MEMBERS = ("entered", "result", "state", "nr", "args", "reads", "cwd", "late")

    def __init__(self, data: bytes, values: tuple[Any, ...]) -> None:
        self.data = data
        self.entered, self.result, self.state, self.nr, args, reads, self.cwd, self.late = values
        self.args = struct.unpack("<6Q", args)
        self.reads = struct.unpack("<6I", reads)

    def bytes_at(self, loc: int) -> bytes:
        start = loc >> 16
        return self.data[start : start + (loc & 0x7FFF)]


class SystemCalls:
    """Makes events of records.

    Args:
        decoder: of the objects that the records come from.
        context: process of a task's bytes.
        clock: for the time of day.
        host: name of the machine.

    """

    def __init__(
        self,
        decoder: Decoder,
        context: Callable[[bytes], Process],
        clock: Clock,
        host: str,
    ) -> None:
        layout = decoder.layouts.get("syscall")
        if layout is not None:
            places = {field.name: place for place, field in enumerate(layout.fields)}
            self._unpack = layout.unpacker().unpack_from
            self._take = itemgetter(*(places[name] for name in _Raw.MEMBERS))
        self._reasons = decoder.reasons
        states = decoder.attempt_states
        self._entered, self._stopped = states["ATTEMPT_ENTERED"], states["ATTEMPT_STOPPED"]
        self._context = context
        self._clock = clock
        self._host = host
        self._calls = {(call.abi, call.number): (name, call) for name, calls in by_event().items() for call in calls}
        self._shapes: dict[tuple[str, int], _Shape] = {}
        self._waiting: set[tuple[bytes, int]] = set()
        """Calls that were shown in progress: thread and time of entry."""

    def event(self, record: Record, *, waiting: str = "") -> Event:
        """Return the event of one record.

        Args:
            record: as the decoder gives it.
            waiting: why there is no result, for a call that has not returned and has no record yet.

        """
        raw = _Raw(record.tail.data, self._take(self._unpack(record.tail.data, record.tail.base)))
        shape = self._shape_of(record.abi, raw.nr)
        unread: dict[str, str] = {}
        args = shape.cls(*[self._value(raw, at, field, unread) for at, field in enumerate(shape.fields)])
        result: int | None = raw.result
        duration: int | None = record.time - raw.entered
        if raw.state == self._entered:
            result = duration = None
            reason = waiting or NO_RETURN
            unread |= dict.fromkeys(("result", "duration", *(("cpu", "seq") if waiting else ())), reason)
            unread |= dict.fromkeys(_outputs(shape, unread), reason)
        elif raw.state == self._stopped:
            duration = None
            unread["duration"] = NO_ENTRY
        failed = result is not None and -_ERRORS <= result < 0
        return Event(
            event=shape.event,
            time=self._clock.text(record.time),
            ktime=record.time,
            host=self._host,
            cpu=None if waiting else record.cpu,
            seq=None if waiting else record.seq,
            hook=record.hook,
            abi=record.abi,
            process=self._context(record.task),
            args=args,
            result=result,
            error=error_name(-result) if failed and result is not None else None,
            duration=duration,
            tags=shape.tags,
            sources={field.name: "exit" for at, field in enumerate(shape.fields) if raw.late >> at & 1},
            unread=unread,
        )

    def _shape_of(self, abi: str, nr: int) -> _Shape:
        found = self._shapes.get((abi, nr))
        if found is None:
            found = self._shapes[abi, nr] = _shape(*self._calls[abi, nr])
        return found

    def _value(self, raw: _Raw, at: int, field: _Field, unread: dict[str, str]) -> Any:
        """Return an argument; leave in `unread` why it is None."""
        kind = field.kind
        if kind.reading in MEMORY:
            return self._memory(raw, at, field, unread)
        value = raw.args[at] & (1 << 8 * kind.size) - 1
        if kind.signed and value >> 8 * kind.size - 1:
            value -= 1 << 8 * kind.size
        if kind.reading != "nothing":
            return self._descriptor(value, raw, raw.reads[at], field, unread)
        if field.optional and not value:
            unread[field.name] = UNREAD_TEXT["NULL"]
            return None
        return kind.show(value)

    def _memory(self, raw: _Raw, at: int, field: _Field, unread: dict[str, str]) -> Any:
        """Return what an argument points to."""
        kind, loc = field.kind, raw.reads[at]
        if not loc >> 16:
            unread[field.name] = self._reason(loc) if loc else NOT_ASKED
            return None
        if loc & _CUT:
            unread[field.name] = _cut(loc)
        found = raw.bytes_at(loc)
        if kind.path:
            return self._path(raw, decode(found), field, unread)
        if kind.reading == "string":
            return decode(found)
        try:
            return kind.show(found)
        except (ValueError, struct.error):
            unread[field.name] = _TOO_FEW if found or kind.length != RESULT else NOTHING_WRITTEN
            return None

    def _reason(self, code: int) -> str:
        return self._reasons.get(code, f"code {code}")

    def _descriptor(self, number: int, raw: _Raw, loc: int, field: _Field, unread: dict[str, str]) -> Descriptor:
        name = field.name
        path = file_name(raw.bytes_at(loc)) if loc >> 16 else None
        if path is None and number >= 0:
            unread[f"{name}.path"] = self._reason(loc)
        elif path is None:
            unread[f"{name}.path"] = NO_DESCRIPTOR
        elif loc & _CUT:
            unread[f"{name}.path"] = _cut(loc)
        return Descriptor("AT_FDCWD" if field.kind.reading == "dirfd" and number == AT_FDCWD else number, path)

    def _path(self, raw: _Raw, given: str, field: _Field, unread: dict[str, str]) -> PathValue:
        if given.startswith(_ABSOLUTE):
            return PathValue(given, given)
        loc = raw.reads[field.base] if field.base >= 0 else raw.cwd
        if not loc >> 16:
            unread[f"{field.name}.path"] = NO_BASE
            return PathValue(given, None)
        base = join_path(raw.bytes_at(loc))
        return PathValue(given, os.path.join(base, given) if given else base)  # noqa: PTH118 - text, not a file

    def waiting(self, records: Iterable[Record], now: int) -> Iterator[Event]:
        """Yield an event for each call that has been in progress for long and was not shown so.

        Args:
            records: of calls that had not returned at `now`.
            now: nanoseconds since boot.

        """
        there: set[tuple[bytes, int]] = set()
        for record in records:
            raw = self._take(self._unpack(record.tail.data, record.tail.base))
            key = record.task, raw[0]
            if now - raw[0] < WAITING_NS:
                continue
            there.add(key)
            if key not in self._waiting:
                yield self.event(record, waiting=f"the call has not returned after {(now - raw[0]) / 1e9:.1f} s")
        self._waiting = there


def _cut(loc: int) -> str:
    return f"cut after {loc & 0x7FFF} bytes"


def under_way(value: bytes) -> bytes | None:
    """Return the record of a value of the map `call_threads`; None when its thread is in no call."""
    busy, size = _BUSY.unpack_from(value)
    return value[_BUSY.size : _BUSY.size + size] if busy == 1 else None
