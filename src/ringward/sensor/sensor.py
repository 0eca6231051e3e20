"""The sensor: one interface over eBPF and what is left without it."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from types import TracebackType
from typing import Protocol, Self

from ringward.events.context import Event
from ringward.events.filter import Filter
from ringward.events.latency import Tally
from ringward.events.registry import select
from ringward.sensor.clock import Clock, now
from ringward.sensor.container import Cgroup, mount_point, running
from ringward.sensor.degraded import UeventSource
from ringward.sensor.ebpf import COUNT_NS, LOOK_NS, EbpfSource, Elsewhere, Wish, own_event
from ringward.sensor.info import NoModulesError, SensorError, SensorInfo, Totals
from ringward.sensor.ladder import CONTEXT_EVENTS
from ringward.sensor.limits import Limit, ShownLimits
from ringward.sensor.origin import Cause
from ringward.sensor.syscall_counts import CallCounts
from ringward.sensor.syscall_plan import is_decided


class LineReader(Protocol):
    """Takes events as the lines that it makes of them."""

    def encode(self, events: list[Event]) -> bytes:
        """Return the lines of events."""

    def take(self, lines: bytes, count: int) -> None:
        """Take in `count` lines that are made already; they come before the events of the next batch."""


_CLOSED = "the sensor is not open: call open() first"


class Sensor:
    """Module loads and program starts, as they happen.

    Use it as a context manager with `poll`, or as an asynchronous iterator:

        async for event in Sensor(["finit_module"]):
            ...

    Args:
        events: names of events and groups; none: the groups modules and programs.
        only: what is wanted of them; what the kernel can decide is decided there.
        hook: a rung that every event takes that has it (see `ringward.events.hooks.RUNGS`);
            `uevent` does without eBPF.
        follow: number of a process; only what it and its descendants cause is wanted.
        canary_seconds: how often each hook is proved to fire; None: never.
        ring_bytes: size of the ring buffer, a power of two of at least a page; None: 8 MiB.
        elsewhere: programs that are attached already and use the same ring buffer: the guard's.
        head: bytes of each buffer of a system call that are read, at most 1,024.
        counting: system calls are counted in the kernel part and not told, where it can decide all of `only`
            (`ringward.sensor.syscall_plan.is_decided`, and a container that runs); `counts` then gives the sums.
        limits: how many of an event are told, by its name; what is left out is counted, by the kernel part where
            nothing else is made of the event's records (`ringward.sensor.limits.decided_in_kernel`).
        on_demand: where no event of `events` is a start, fork or end of a program, processes are not followed: the
            kernel part tells who a process is when it tells of what that did. Costs nothing while nothing is told,
            and knows of ancestors only what is left of them then.
        judge: makes the events that follow that of a call which Linux has not had since 2.6.
        lines: takes programs by their lines instead of their events, where `only` and `limits` let all pass.

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
        canary_seconds: float | None = 30.0,
        ring_bytes: int | None = None,
        elsewhere: Elsewhere | None = None,
        head: int = 0,
        counting: bool = False,
        limits: Mapping[str, Limit] | None = None,
        on_demand: bool = False,
        judge: Callable[[Event, Cause], Iterable[Event]] | None = None,
        lines: LineReader | None = None,
    ) -> None:
        self.names = select(events)
        self.totals = Totals()
        self._only = only or Filter()
        # The source makes no events but these.
        by_name = not self._only.events or self._only.events.issuperset(self.names)
        self._all = by_name and replace(self._only, events=frozenset()) == Filter()
        self._reader = lines
        self._written: list[tuple[bytes, int]] = []
        counting = counting and is_decided(self._only, self.names)
        cgroup = None
        if counting and self._only.container:
            cgroup = running(self._only.container, mount_point())
            counting = cgroup is not None
        self._wish = Wish(
            self.names,
            _knobs(self._only, follow, cgroup),
            _pids(self._only, follow),
            hook,
            canary_seconds,
            ring_bytes,
            elsewhere,
            self._only,
            head,
            counting,
            limits or {},
            on_demand and not set(CONTEXT_EVENTS) & set(self.names),
            (lines.encode, self._written) if lines and self._all and not limits else None,
            judge,
        )
        self._limits = ShownLimits(limits or {})
        self._limits_told = 0
        self._counts: CallCounts | None = None
        self._source: EbpfSource | UeventSource | None = None
        self._info: SensorInfo | None = None
        self._queue: deque[Event] = deque()

    @property
    def info(self) -> SensorInfo:
        """What is watched and how; also after the end."""
        if self._info is None:
            raise SensorError(_CLOSED)
        return self._info

    @property
    def unheard(self) -> frozenset[str]:
        """Events and aids whose hook was made to fire by a canary, and from which nothing has come yet."""
        source = self._opened()
        return source.unheard if isinstance(source, EbpfSource) else frozenset()

    def _opened(self) -> EbpfSource | UeventSource:
        if self._source is None:
            raise SensorError(_CLOSED)
        return self._source

    def open(self) -> SensorInfo:
        """Attach the best source that this kernel and this user give.

        Raises:
            SensorError: nothing that was asked for can be watched.

        """
        self._source = self._best()
        self._info = self._source.info
        self._counts = self._source.counts
        return self._info

    def _best(self) -> EbpfSource | UeventSource:
        if self._wish.hook == "uevent":
            return UeventSource(self.names, self.totals, None)
        try:
            return EbpfSource(self._wish, self.totals)
        except NoModulesError:
            raise
        except SensorError as error:
            if self._wish.hook is not None or self._wish.elsewhere is not None:
                raise
            return UeventSource(self.names, self.totals, str(error))

    def counts(self) -> dict[str, Tally]:
        """Return what the kernel part has counted so far, by event; also after the end. Empty: every call is told."""
        return self._counts.read() if self._counts else {}

    def not_returned(self) -> Counter[str]:
        """Return how many of the calls that are counted have begun and not returned, by event."""
        return self._counts.under_way() if self._counts else Counter()

    def fileno(self) -> int:
        """Return a descriptor that is readable when there is something to read."""
        return self._opened().fileno()

    def wake_on(self, fd: int) -> None:
        """Let a descriptor that is readable end each `poll`."""
        self._opened().wake_on(fd)

    def poll(self, timeout: float) -> list[Event]:
        """Return the events that are complete; wait up to `timeout` seconds for one."""
        source = self._opened()
        deadline = now() + int(timeout * 1e9)
        source.rest(timeout)
        woken = False
        while True:
            events = self._wanted(source.look())
            left = deadline - now()
            if self._read_lines() or events or woken or left <= 0:
                return events
            woken = source.wait(left)

    def _read_lines(self) -> bool:
        """Hand on what is written already; return whether there was anything."""
        if not self._reader or not self._written:
            return False
        for lines, count in self._written:
            self.totals.events += count
            self._reader.take(lines, count)
        self._written.clear()
        return True

    def _wanted(self, events: list[Event], *, last: bool = False) -> list[Event]:
        if self._all:
            kept = events
        else:
            judge = self._only.judge
            verdicts = [event.hook == "sensor" or judge(event) for event in events]
            kept = [event for event, verdict in zip(events, verdicts, strict=True) if verdict]
            self.totals.unjudged += verdicts.count(None)
        self.totals.filtered += len(events) - len(kept)
        if self._limits:
            kept = [event for event in kept if self._limits.passes(event)]
            if last or now() - self._limits_told >= COUNT_NS:
                kept += self._limited()
        self.totals.events += len(kept)
        return kept

    def _limited(self) -> Iterator[Event]:
        """Yield what was left out where it would have been shown."""
        self._limits_told = now()
        for limited in self._limits.news():
            self.totals.limited += limited.count
            yield own_event(Clock(), self.info.host, limited)

    def close(self) -> list[Event]:
        """Detach; return the events that were still under way, with the last losses."""
        source, self._source = self._source, None
        events = self._wanted(source.close(), last=True) if source else []
        self._read_lines()
        return events

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __aiter__(self) -> Self:
        if self._source is None:
            self.open()
        return self

    async def __anext__(self) -> Event:
        import asyncio  # noqa: PLC0415 - a third of the time of all imports; who awaits this has imported it

        while not self._queue:
            self._queue.extend(self.poll(0))
            if not self._queue:
                await asyncio.sleep(LOOK_NS / 1e9)
        return self._queue.popleft()

    async def aclose(self) -> None:
        """Detach."""
        self.close()


def _knobs(only: Filter, follow: int | None, cgroup: Cgroup | None = None) -> dict[str, int | bytes]:
    """Return what the kernel part is told of a filter."""
    knobs: dict[str, int | bytes] = {}
    if only.kernel_uid is not None:
        knobs |= {"only_uid_set": 1, "only_uid": only.kernel_uid}
    if only.kernel_comm is not None:
        comm = only.kernel_comm.encode()
        knobs |= {"only_comm_set": 1, "only_comm": comm, "only_comm_mask": b"\xff" * (len(comm) + 1)}
    if cgroup is not None:
        knobs |= {"only_cgroup": cgroup.number, "only_cgroup_level": cgroup.level}
    if follow is not None:
        knobs["only_pids"] = 2
    elif only.kernel_pids:
        knobs["only_pids"] = 1
        if len(only.kernel_pids) == 1:
            knobs["only_pid"] = next(iter(only.kernel_pids))
    return knobs


def _pids(only: Filter, follow: int | None) -> frozenset[int]:
    return frozenset({follow}) if follow is not None else frozenset(only.kernel_pids or ())
