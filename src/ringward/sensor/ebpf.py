"""The source that sees everything: eBPF programs, their ring buffer, and what is joined from it."""

from __future__ import annotations

import os
import select
import struct
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from time import sleep
from typing import Protocol

from ringward.events.args import Args
from ringward.events.catalogue.events_lost import NOT_COUNTED, EventsLost
from ringward.events.catalogue.sensor_status import SensorStatus
from ringward.events.context import Event
from ringward.events.filter import Filter
from ringward.sensor import _native, procfs
from ringward.sensor.attach import attach, attachments
from ringward.sensor.calls import TAGS
from ringward.sensor.canary import Canary
from ringward.sensor.clock import Clock, now
from ringward.sensor.decode import Decoder, Record
from ringward.sensor.info import Attachment, SensorInfo, Totals
from ringward.sensor.join import Joiner
from ringward.sensor.limits import Limit
from ringward.sensor.loss import CpuCounters, LossTracker, MissTracker
from ringward.sensor.objects import ObjectFile
from ringward.sensor.origin import Cause
from ringward.sensor.process_table import ProcessTable
from ringward.sensor.syscall_watch import CallWatch
from ringward.sensor.syscalls import under_way

BATCH = 1 << 15
"""Bytes of the ring that are taken at once: what becomes of them, ten times as much, still fits a core's own cache."""
LOOK_NS = 50_000_000
"""Program events do not wake the reader: it looks this often."""
SILENCE_NS = 1_000_000_000
"""After so long without a record the next wakes the reader (SILENCE of bpf/buffer.bpf.h is half of it)."""
SILENT_LOOK_NS = 1_200_000_000
"""It looks this often then, for what the time demands."""
REST_NS = 5_000_000
"""After a look that found something, the next comes no sooner."""
COUNT_NS = 1_000_000_000
"""How often the kernel's counters are read."""
LOUD_CANARIES = 20
"""One canary in so many is a loud one (see `Canary.sing`); the first is."""


class Elsewhere(Protocol):
    """Programs that somebody else has attached, and whose records come by the same ring buffer."""

    @property
    def maps(self) -> Mapping[str, int]:
        """Descriptors of the maps that they share with the sensor's own."""

    @property
    def attachments(self) -> Mapping[str, Attachment]:
        """How each of their events and aids is attached."""

    def files(self) -> list[ObjectFile]:
        """Return their objects."""

    def skipped(self) -> dict[str, int]:
        """Return what `ringward.sensor.attach.Attached.skipped` does, of theirs."""


@dataclass(frozen=True)
class Wish:
    """What a source is asked for."""

    events: tuple[str, ...]
    knobs: dict[str, int | bytes] = field(default_factory=dict)
    pids: frozenset[int] = frozenset()
    """Thread groups for the kernel's filter, when a knob says that there is one."""
    hook: str | None = None
    canary_seconds: float | None = 30.0
    ring_bytes: int | None = None
    elsewhere: Elsewhere | None = None
    only: Filter = field(default_factory=Filter)
    """Of system calls: what the kernel can decide of it, it does."""
    head: int = 0
    """Bytes of buffers that are read."""
    counting: bool = False
    """System calls are not told but counted, in the kernel part."""
    limits: Mapping[str, Limit] = field(default_factory=dict)
    """How many of an event are told that the kernel part can leave out, by its name."""
    on_demand: bool = False
    """Processes are not followed: the kernel part tells who one is before what it did."""
    lines: _native.Lines | None = None
    """Makes a line of an event, and gets those of programs that are told by their lines; None: none are."""
    judge: Callable[[Event, Cause], Iterable[Event]] | None = None
    """Makes the events that follow that of a call which Linux has not had since 2.6; None: none do."""


def own_event(clock: Clock, host: str, args: Args) -> Event:
    """Return an event of the stream itself."""
    ktime = now()
    name = args.event_name()
    return Event(
        event=name,
        time=clock.text(ktime),
        ktime=ktime,
        host=host,
        cpu=None,
        seq=None,
        hook="sensor",
        process=None,
        args=args,
        tags=TAGS[name],
        unread=NOT_COUNTED if isinstance(args, EventsLost) and args.count is None else {},
    )


def statuses(clock: Clock, info: SensorInfo, asked: Iterable[str]) -> list[Event]:
    """Return how each event that was asked for is seen, and what is missing of them and of what the sensor needs."""
    found = {name: info.attached[name] for name in asked if name in info.attached}
    return [
        own_event(clock, info.host, args)
        for args in (
            *(SensorStatus("attached", name, how.rung, how.where, None) for name, how in found.items()),
            *(SensorStatus("missing", name, None, None, reason) for name, reason in info.missing.items()),
        )
    ]


def _process_knobs(wish: Wish) -> dict[str, int]:
    """Return what the kernel part tells of processes: their starts and ends, or who does what is told of."""
    return {
        "send_forks": int(not wish.on_demand),
        "send_kernel_forks": int("process_fork" in wish.events),
        "send_exits": int(not wish.on_demand),
        "tells": int(wish.on_demand),
    }


def _read_contexts(reader: int, *, wanted: bool) -> None:
    """Say who reads what the kernel part tells of processes: what it told an earlier reader, this one does not know.

    Args:
        reader: descriptor of the map of that name.
        wanted: else it is to tell nobody; programs of an earlier reader may be attached.

    """
    _native.map_update(reader, struct.pack("<I", 0), struct.pack("<Q", now() if wanted else 0))


class EbpfSource:
    """Attached programs and the stream that they make.

    Raises:
        SensorError: not one event of those asked for can be seen with eBPF.

    """

    def __init__(self, wish: Wish, totals: Totals) -> None:
        self._totals = totals
        calls = self._calls = CallWatch(wish.events, wish.only, wish.head, counting=wish.counting, limits=wish.limits)
        self._canary_ns = None if wish.canary_seconds is None else int(wish.canary_seconds * 1e9)
        knobs = {**wish.knobs, **_process_knobs(wish), "watcher": os.getpid(), **calls.knobs}
        other = self._elsewhere = wish.elsewhere
        theirs = dict(other.attachments) if other else {}
        ours = [name for name in wish.events if name not in theirs]
        shared = other.maps if other else None
        self._attached, choice = attach(
            ours, knobs, wish.hook, wish.ring_bytes, shared, calls.entries, follow=not wish.on_demand
        )
        host, (modules, unread) = procfs.host(), procfs.module_counts()
        how, missing = {**attachments(self._attached, choice), **theirs}, dict(choice.missing)
        if "syscall" in how:
            how.update(dict.fromkeys(calls.names, how["syscall"]))
        elif "syscall" in missing:
            missing.update(dict.fromkeys(calls.names, missing["syscall"]))
        self.info = SensorInfo(os.uname().release, host, "ebpf", how, missing, None, modules, unread)
        self._decoder = Decoder([*self._attached.files(), *(other.files() if other else ())])
        self._clock = Clock()
        table = ProcessTable(self._decoder.task)
        self._ring = _native.Ring(self._attached.map_fd("events"))
        self._epoll = select.epoll()
        # Of each wake-up once: that something is in the ring is no reason to read it.
        self._epoll.register(self._ring.fileno(), select.EPOLLIN | select.EPOLLET)
        self._waker: int | None = None
        self._losses, self._misses = LossTracker(), MissTracker()
        hooks = (*choice.hooks, *choice.aids, *theirs)
        self._canary = Canary(hooks, self._attached.map_fds(), self._lost_since)
        self._joiner = Joiner(
            self._decoder,
            table,
            self._clock,
            host,
            frozenset(wish.events),
            self._canary.heard,
            frozenset(choice.hooks),
            procfs.module_names(),
            self._lost_since,
            wish.judge,
            wish.lines,
        )
        for pid in wish.pids:
            key, one = struct.pack("<I", pid), struct.pack("<I", 1)
            _native.map_update(self._attached.map_fd("wanted_pids"), key, one)
        if "syscall" in choice.hooks:
            calls.begin(self._attached.map_fd)
        if choice.hooks.keys() & {"syscall", "io_uring"}:
            calls.limits.begin(self._attached.map_fd("limits"), self._attached.map_fd("left_out"))
        self.counts = calls.counts
        """What is counted in the kernel part; None: nothing is."""
        self._requests = self._attached.map_fd("ring_requests") if "io_uring" in choice.hooks else None
        _read_contexts(self._attached.map_fd("context_reader"), wanted=wish.on_demand)
        table.seed()
        self._looked = self._counted = self._found = now()
        self._sung = self._songs = self._filtered = 0
        self._read = self._due = self._echo = self._reached = 0
        """Bytes of the ring read so far; to be read until `_given` can be judged; and until the last canary can; and
        when the last record of them was made, nanoseconds since boot."""
        self._given: list[CpuCounters] = []
        self._dropped = self._dropped_by = 0
        """What was lost in the kernel part so far, and the time by which the last of it was."""
        module_calls = [hook for hook in choice.hooks.values() if hook.object == "module_syscall"]
        self._unpaired_lose = any(hook.rung != "tp_btf" for hook in module_calls)
        """Whether the return of a call that found no place is seen nowhere."""
        self._rest_until = 0
        self._ready = statuses(self._clock, self.info, wish.events)

    def _under_way(self, table: int | None) -> Iterator[Record]:
        """Yield a record of each system call, or request of io_uring, that is in progress; None: none is watched."""
        for key in _native.map_keys(table) if table is not None else ():
            value = _native.map_lookup(table, key) if table is not None else None
            record = under_way(value) if value else None
            if record:
                yield self._decoder.one(record)

    def _own(self, args: Args) -> Event:
        return own_event(self._clock, self.info.host, args)

    @property
    def unheard(self) -> frozenset[str]:
        """What the canary is owed (`Canary.owed`)."""
        return self._canary.owed

    def fileno(self) -> int:
        """Return a descriptor that is readable when the kernel wants to be read."""
        return self._epoll.fileno()

    def wake_on(self, fd: int) -> None:
        """Let a descriptor that is readable end each wait."""
        self._epoll.register(fd, select.EPOLLIN)
        self._waker = fd

    def wait(self, ns: int) -> bool:
        """Wait for the kernel's wake-up, at most `ns` nanoseconds and never past the next look.

        Returns:
            whether it was ended by the descriptor of `wake_on`.

        """
        silent = now() - self._found >= SILENCE_NS
        ready = self._epoll.poll(min(ns, SILENT_LOOK_NS if silent else LOOK_NS) / 1e9)
        return any(fd == self._waker for fd, _ in ready)

    def rest(self, seconds: float) -> None:
        """Let the ring fill a little after a look that has emptied it; at most `seconds`.

        The first event after a silence is read at once. In a stream of them each look would
        find one or two, and cost more than they do. What the kernel does not wake for waits as
        long as it does in silence.
        """
        left = min(seconds, (self._rest_until - now()) / 1e9)
        if left > 0:
            sleep(left)
            self._epoll.poll(min(seconds - left, (LOOK_NS - REST_NS) / 1e9))

    def look(self) -> list[Event]:
        """Read what the ring has, and do what the time demands."""
        events, self._ready = self._ready, []
        began = now()
        behind = self._ring.pending() > BATCH
        data = self._ring.drain(BATCH)
        if data:
            events.extend(self._take(data, lines=not events))
        time = now()
        if data:
            self._found = time
            if not behind:
                self._rest_until = began + REST_NS
        if time - self._looked >= LOOK_NS:
            self._looked = time
            # A reader that is behind has the returns still before it.
            events.extend(self._joiner.tick(self._reached if behind else began))
        if time - self._counted >= COUNT_NS:
            self._counted = time
            events.extend(self._count())
        if self._canary_ns is not None and time - self._sung >= self._canary_ns:
            self._sung = time
            self._canary.sing(time, loud=self._songs % LOUD_CANARIES == 0)
            self._echo = self._read + self._ring.pending()
            self._songs += 1
        return events

    def _take(self, data: bytes, *, lines: bool) -> list[Event]:
        """Return what the records of a batch complete; note their numbers.

        Args:
            data: the batch.
            lines: no event waits that comes before those that are told by their lines.

        """
        self._read += len(data)
        batch = self._decoder.records(data)
        events = self._joiner.take(batch, lines=lines)
        self._reached = batch.time()
        for cpu, first, last in batch.runs():
            self._losses.saw_run(cpu, first, last)
        return events

    def _count(self) -> Iterator[Event]:
        """Read the kernel's counters; yield what was lost and which hooks went deaf."""
        self._clock.adjust()
        self._lost_since(self._counted)
        counters = self._counters()
        if self._read >= self._due:
            yield from self._lost()
            self._given, self._due = counters, self._read + self._ring.pending()
        yield from self._joiner.system_calls.waiting(self._under_way(self._calls.threads), now())
        yield from self._joiner.waiting(self._under_way(self._requests), now())
        for told in self._calls.limits.news():
            if isinstance(told, EventsLost):
                self._totals.lose(told.count)
            else:
                self._totals.limited += told.count
            yield self._own(told)
        filtered = sum(c.filtered for c in counters)
        self._totals.filtered += filtered - self._filtered
        self._filtered = filtered
        silent, self._joiner.silent = self._joiner.silent, {}
        for name, load in silent.items():
            yield self._heard(name, f"load {load} finished without it: it is attached and did not run")
        for name, deaf in self._canary.changes(now()) if self._read >= self._echo else ():
            yield self._heard(name, "its canary was not heard: it is attached and does not run" if deaf else None)

    def _lost(self) -> Iterator[Event]:
        """Yield what was lost until `_given`: all that the kernel had given by then has been read."""
        skipped = {**self._attached.skipped(), **(self._elsewhere.skipped() if self._elsewhere else {})}
        lost = self._losses.losses(self._given) + self._misses.losses(skipped)
        for loss in lost:
            self._totals.lose(loss.count)
            self._canary.excuse()
            yield self._own(loss)

    def _heard(self, name: str, deaf: str | None) -> Event:
        found = self.info.attached[name]
        return self._own(SensorStatus("deaf" if deaf else "heard", name, found.rung, found.where, deaf))

    def _counters(self) -> list[CpuCounters]:
        raw = _native.map_lookup(self._attached.map_fd("counters"), struct.pack("<I", 0)) or b""
        return [CpuCounters(*fields) for fields in struct.iter_unpack("<5Q", raw)]

    def _lost_since(self, time: int) -> bool:
        dropped = sum(c.dropped + c.unpaired * self._unpaired_lose for c in self._counters())
        if dropped != self._dropped:
            self._dropped, self._dropped_by = dropped, now()
        return self._dropped_by > time

    def close(self) -> list[Event]:
        """Detach; return the events that were still under way, with the last losses."""
        events: list[Event] = self._ready
        if self.counts:
            self._attached.detach("syscall")
            self.counts.finish()
        self._given, self._due = self._counters(), 0
        while data := self._ring.drain(BATCH):
            events.extend(self._take(data, lines=not events))
        events.extend(self._joiner.flush())
        events.extend(self._count())
        self._epoll.close()
        self._ring.close()
        self._attached.close()
        return events
