"""A sensor of prepared events, for tests of what stands behind it."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from ringward.events import BY_NAME, Event, select
from ringward.events.filter import Filter
from ringward.events.latency import Tally
from ringward.sensor.info import Attachment, ModuleCounts, SensorError, SensorInfo, Totals
from ringward.sensor.limits import Limit
from ringward.sensor.sensor import LineReader


def info(**given: Any) -> SensorInfo:
    values: dict[str, Any] = {
        "kernel": "6.12.1",
        "host": "example",
        "kind": "ebpf",
        "attached": {name: Attachment("tp_btf", "x", "") for name in BY_NAME},
        "missing": {},
        "degraded": None,
        "modules": ModuleCounts(1, 2, 3),
        "modules_unread": None,
    }
    return SensorInfo(**(values | given))


class FakeSensor:
    """Gives `batches` one poll after the other, then nothing; `last` when it is closed.

    The class stands for ringward.sensor.sensor.Sensor; tests set its class variables.
    """

    batches: ClassVar[list[list[Event]]] = []
    last: ClassVar[list[Event]] = []
    told: ClassVar[SensorInfo] = info()
    counted: ClassVar[Totals] = Totals()
    fault: ClassVar[str | None] = None
    made: ClassVar[list[FakeSensor]] = []
    tallies: ClassVar[dict[str, Tally]] = {}

    def __init__(
        self,
        events: Iterable[str] = (),
        *,
        only: Filter | None = None,
        hook: str | None = None,
        follow: int | None = None,
        head: int = 0,
        counting: bool = False,
        limits: Mapping[str, Limit] | None = None,
        lines: LineReader | None = None,
    ) -> None:
        self.names = select(events)
        self.only = only
        self.hook = hook
        self.lines = lines
        self.follow = follow
        self.head = head
        self.counting = counting
        self.limits = limits
        self.totals = self.counted
        self.info = self.told
        self.polls: list[float] = []
        self.waker: int | None = None
        self.closed = 0
        self._left = list(self.batches)
        type(self).made.append(self)

    def open(self) -> SensorInfo:
        if self.fault:
            raise SensorError(self.fault)
        return self.info

    def wake_on(self, fd: int) -> None:
        self.waker = fd

    def poll(self, timeout: float) -> list[Event]:
        assert not self.closed
        self.polls.append(timeout)
        if self._left:
            return self._left.pop(0)
        time.sleep(min(timeout, 0.01))
        return []

    def counts(self) -> dict[str, Tally]:
        assert self.closed
        return self.tallies if self.counting else {}

    def not_returned(self) -> Counter[str]:
        return Counter()

    def close(self) -> list[Event]:
        self.closed += 1
        return list(self.last) if self.closed == 1 else []
