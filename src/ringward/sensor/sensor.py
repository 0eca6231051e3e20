"""The sensor: attach, read, join; one interface over eBPF and what is left without it."""

from __future__ import annotations

import asyncio
import os
import select as os_select
import struct
from collections import deque
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Self

from ringward.events.catalogue.sensor_status import SensorStatus
from ringward.events.context import Event
from ringward.events.filter import Filter
from ringward.events.registry import select
from ringward.sensor import _native, procfs
from ringward.sensor.attach import Attached, attach, attachments
from ringward.sensor.canary import Canary
from ringward.sensor.clock import Clock, now
from ringward.sensor.decode import Decoder
from ringward.sensor.info import SensorError, SensorInfo, Totals
from ringward.sensor.join import TAGS, Joiner
from ringward.sensor.ladder import Choice
from ringward.sensor.loss import CpuCounters, LossTracker
from ringward.sensor.process_table import ProcessTable

BATCH = 1 << 20
"""Bytes of the ring that are taken at once."""
LOOK_NS = 50_000_000
"""Program events do not wake the reader: it looks this often."""
COUNT_NS = 1_000_000_000
"""How often the kernel's counters are read."""
CANARY_NS = 30_000_000_000
LOUD_CANARIES = 20
"""One canary in so many is a loud one (see `Canary.sing`); the first is."""


class Sensor:
    """Module loads and program starts, as they happen.

    Use it as a context manager with `poll`, or as an asynchronous iterator:

        async for event in Sensor(["finit_module"]):
            ...

    Args:
        events: names of events and groups; none: the groups modules and programs.
        only: what is wanted of them; what the kernel can decide is decided there.
        hook: a rung that every event takes that has it (see `ringward.events.hooks.RUNGS`).
        follow: number of a process; only what it and its descendants cause is wanted.
        canary: prove from time to time that each hook fires.

    Raises:
        UnknownNameError: a name is neither an event nor a group.

    """

    def __init__(
        self,
        events: Iterable[str] = (),
        *,
        only: Filter | None = None,
        hook: str | None = None,
        follow: int | None = None,
        canary: bool = True,
    ) -> None:
        self.names = select(events)
        self.totals = Totals()
        self._only = only or Filter()
        self._forced = hook
        self._follow = follow
        self._want_canary = canary
        self._attached: Attached | None = None
        self._info: SensorInfo | None = None
        self._ready: deque[Event] = deque()
        self._queue: deque[Event] = deque()
        self._filtered_in_kernel = 0

    @property
    def info(self) -> SensorInfo:
        """What is watched and how; set by `open`."""
        if self._info is None:
            raise SensorError("the sensor is not open: call open() first")
        return self._info

    def open(self) -> SensorInfo:
        """Load and attach.

        Raises:
            SensorError: nothing that was asked for can be watched.

        """
        attached, choice = attach(self.names, self._knobs(), self._forced)
        self._attached = attached
        host = os.uname()
        modules, unread = procfs.module_counts()
        self._info = SensorInfo(
            host.release, host.nodename, "ebpf", attachments(attached, choice), choice.missing, None, modules, unread
        )
        decoder = Decoder(attached.files())
        self._clock = Clock()
        self._table = ProcessTable(decoder.task)
        self._decoder = decoder
        self._ring = _native.Ring(attached.map_fd("events"))
        self._epoll = os_select.epoll()
        self._epoll.register(self._ring.fileno(), os_select.EPOLLIN)
        self._losses = LossTracker()
        self._misses: dict[str, int] = {}
        self._canary = Canary(choice.hooks, attached.map_fd("canaries"))
        self._joiner = Joiner(
            decoder,
            self._table,
            self._clock,
            host.nodename,
            frozenset(self.names),
            self._canary.heard,
            frozenset(choice.hooks),
            procfs.module_names(),
        )
        self._wants_pids()
        self._table.seed()
        self._looked = self._counted = now()
        self._sung = 0
        self._songs = 0
        self._ready.extend(self._statuses(choice))
        return self._info

    def _knobs(self) -> dict[str, int | bytes]:
        knobs: dict[str, int | bytes] = {}
        if self._only.kernel_uid is not None:
            knobs |= {"only_uid_set": 1, "only_uid": self._only.kernel_uid}
        if self._only.kernel_comm is not None:
            knobs |= {"only_comm_set": 1, "only_comm": self._only.kernel_comm.encode()}
        if self._follow is not None:
            knobs["only_pids"] = 2
        elif self._only.kernel_pids:
            knobs["only_pids"] = 1
        return knobs

    def _wants_pids(self) -> None:
        assert self._attached  # noqa: S101 - set by open(), which calls this
        pids = {self._follow} if self._follow is not None else set(self._only.kernel_pids or ())
        for pid in pids:
            if pid is not None:
                key, one = struct.pack("<I", pid), struct.pack("<I", 1)
                _native.map_update(self._attached.map_fd("wanted_pids"), key, one)

    def _statuses(self, choice: Choice) -> Iterator[Event]:
        for name, attachment in self.info.attached.items():
            yield self._own(SensorStatus("attached", name, attachment.rung, attachment.where, None))
        for name, reason in choice.missing.items():
            yield self._own(SensorStatus("missing", name, None, None, reason))

    def _own(self, args: SensorStatus | object) -> Event:
        """Return an event of the stream itself."""
        ktime = now()
        name = type(args).event_name()  # type: ignore[attr-defined]
        return Event(
            event=name,
            time=self._clock.text(ktime),
            ktime=ktime,
            host=self.info.host,
            cpu=None,
            seq=None,
            hook="sensor",
            process=None,
            args=args,
            tags=TAGS[name],
        )

    def fileno(self) -> int:
        """Return a descriptor that is readable when the kernel wants to be read."""
        return self._epoll.fileno()

    def poll(self, timeout: float) -> list[Event]:
        """Return the events that are complete; wait up to `timeout` seconds for one."""
        deadline = now() + int(timeout * 1e9)
        while True:
            events = self._look()
            left = deadline - now()
            if events or left <= 0:
                return events
            self._epoll.poll(min(left, LOOK_NS) / 1e9)

    def _look(self) -> list[Event]:
        """Read what the ring has, and do what the time demands."""
        events = list(self._ready)
        self._ready.clear()
        data = self._ring.drain(BATCH)
        if data:
            saw, feed = self._losses.saw, self._joiner.feed
            for record in self._decoder.records(data):
                saw(record.cpu, record.seq)
                events.extend(feed(record))
        time = now()
        if time - self._looked >= LOOK_NS:
            self._looked = time
            events.extend(self._joiner.tick(time))
        if time - self._counted >= COUNT_NS:
            self._counted = time
            events.extend(self._count())
        if self._want_canary and time - self._sung >= CANARY_NS:
            self._sung = time
            self._canary.sing(time, loud=self._songs % LOUD_CANARIES == 0)
            self._songs += 1
        return self._wanted(events)

    def _wanted(self, events: list[Event]) -> list[Event]:
        match = self._only.match
        kept = [event for event in events if event.hook == "sensor" or match(event)]
        self.totals.events += len(kept)
        self.totals.filtered += len(events) - len(kept)
        return kept

    def _count(self) -> Iterator[Event]:
        """Read the kernel's counters; yield what was lost and which hooks went deaf."""
        self._clock.adjust()
        counters = self._counters()
        for lost in self._losses.losses(counters):
            self.totals.lost += lost.count
            yield self._own(lost)
        filtered = sum(c.filtered for c in counters)
        self.totals.filtered += filtered - self._filtered_in_kernel
        self._filtered_in_kernel = filtered
        silent, self._joiner.silent = self._joiner.silent, {}
        for name, load in silent.items():
            found = self.info.attached[name]
            reason = f"load {load} finished without it: it is attached and did not run"
            yield self._own(SensorStatus("deaf", name, found.rung, found.where, reason))
        for name, deaf in self._canary.changes(now()):
            found = self.info.attached[name]
            reason = "its canary was not heard: it is attached and does not run" if deaf else None
            yield self._own(SensorStatus("deaf" if deaf else "heard", name, found.rung, found.where, reason))

    def _counters(self) -> list[CpuCounters]:
        assert self._attached  # noqa: S101 - callers run after open()
        raw = _native.map_lookup(self._attached.map_fd("counters"), struct.pack("<I", 0)) or b""
        return [CpuCounters(*fields) for fields in struct.iter_unpack("<QQQQ", raw)]

    def close(self) -> list[Event]:
        """Detach; return the events that were still under way, with the last losses."""
        if self._attached is None:
            return []
        events: list[Event] = []
        while data := self._ring.drain(BATCH):
            for record in self._decoder.records(data):
                self._losses.saw(record.cpu, record.seq)
                events.extend(self._joiner.feed(record))
        events.extend(self._joiner.flush())
        events.extend(self._count())
        events = self._wanted(events)
        self._epoll.close()
        self._ring.close()
        self._attached.close()
        self._attached = None
        return events

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __aiter__(self) -> Self:
        if self._attached is None:
            self.open()
        return self

    async def __anext__(self) -> Event:
        while not self._queue:
            self._queue.extend(self.poll(0))
            if not self._queue:
                await asyncio.sleep(LOOK_NS / 1e9)
        return self._queue.popleft()

    async def aclose(self) -> None:
        """Detach."""
        self.close()
