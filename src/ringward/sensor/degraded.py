"""What is left without eBPF: modules that come and go, by the kernel's uevents."""

from __future__ import annotations

import os

from ringward.events.context import Event
from ringward.events.registry import BY_NAME
from ringward.sensor import procfs
from ringward.sensor.clock import Clock
from ringward.sensor.ebpf import statuses
from ringward.sensor.info import Attachment, SensorError, SensorInfo, Totals
from ringward.sensor.uevent import UeventSensor

HOOKS = {name: hook for name, cls in BY_NAME.items() for hook in cls.hooks if hook.rung == "uevent"}
SEEN = tuple(HOOKS)


def _todo(*, root: bool) -> str:
    return "see: ringward doctor" if root else "run as root"


def advice(reason: str, *, root: bool) -> str:
    """Return the one line that a user gets: what is missing, what is left, what to do."""
    return f"no eBPF: {reason}; only {' and '.join(SEEN)} are left, by uevents; {_todo(root=root)}"


class UeventSource:
    """The uevent sensor as a source of `Sensor`.

    Args:
        events: names that are wanted.
        totals: losses are counted there.
        reason: why there is no eBPF; None: this source was asked for.

    Raises:
        SensorError: the socket cannot be had, or nothing that is wanted can be seen this way.

    """

    counts: None = None
    """No uevent tells of a system call."""

    def __init__(self, events: tuple[str, ...], totals: Totals, reason: str | None) -> None:
        self._events = frozenset(events)
        self._totals = totals
        if not self._events.intersection(SEEN):
            wanted = ", ".join(name for name in events if BY_NAME[name].record)
            raise SensorError(
                f"{wanted}: needs eBPF: {reason or 'the uevent hook was asked for'}; uevents tell only of"
                f" {' and '.join(SEEN)}; {_todo(root=os.geteuid() == 0)}"
            )
        self._sensor = UeventSensor()
        self._sensor.open()
        modules, unread = procfs.module_counts()
        missing = reason or "uevents do not tell it"
        self.info = SensorInfo(
            os.uname().release,
            procfs.host(),
            "uevent",
            {name: Attachment(h.rung, h.name, h.loses) for name, h in HOOKS.items() if name in self._events},
            {name: missing for name in events if name not in SEEN and BY_NAME[name].record},
            advice(reason, root=os.geteuid() == 0) if reason else None,
            modules,
            unread,
        )
        self._ready = statuses(Clock(), self.info, events)

    def fileno(self) -> int:
        """Return a descriptor that is readable when there is something to read."""
        return self._sensor.fileno()

    def wake_on(self, fd: int) -> None:
        """Let a descriptor that is readable end each wait."""
        self._sensor.wake_on(fd)

    def wait(self, ns: int) -> bool:
        """Wait for a message, at most `ns` nanoseconds; return whether the descriptor of `wake_on` ended it."""
        return self._sensor.wait(ns)

    def rest(self, seconds: float) -> None:
        """Return at once: uevents are few."""

    def look(self) -> list[Event]:
        """Return what the kernel has told; first of all, what can be seen and what not."""
        ready, self._ready = self._ready, []
        return [*ready, *self._taken(self._sensor.poll(0))]

    def close(self) -> list[Event]:
        """Stop listening; return what had come."""
        ready, self._ready = self._ready, []
        return [*ready, *self._taken(self._sensor.close())]

    def _taken(self, events: list[Event]) -> list[Event]:
        for event in events:
            if event.event == "events_lost":
                self._totals.lose(event.args.count)
        return [event for event in events if event.event in self._events]
