"""What is missing from the stream: gaps in the numbers, joined with the kernel's own count.

A gap alone is no loss: a program that is preempted submits its record after a later one.
The kernel part counts every number whose record found no room; the gaps say which.
"""

from __future__ import annotations

from typing import NamedTuple

from ringward.events.catalogue.events_lost import EventsLost

RING_FULL = "the ring buffer was full, or all record slots of the CPU were in use"


class CpuCounters(NamedTuple):
    """`struct counters` of one CPU."""

    seq: int
    dropped: int
    filtered: int
    unpaired: int


class LossTracker:
    """Follows the sequence numbers of each CPU."""

    def __init__(self) -> None:
        self._next: dict[int, int] = {}
        self._missing: dict[int, list[tuple[int, int]]] = {}
        self._dropped: dict[int, int] = {}
        self._unpaired: dict[int, int] = {}

    def saw(self, cpu: int, seq: int) -> None:
        """Take in the number of a record that arrived."""
        expected = self._next.get(cpu, 1)
        if seq == expected:
            self._next[cpu] = seq + 1
        elif seq > expected:
            self._missing.setdefault(cpu, []).append((expected, seq - 1))
            self._next[cpu] = seq + 1
        else:
            self._fill(cpu, seq)

    def _fill(self, cpu: int, seq: int) -> None:
        ranges = self._missing.get(cpu, [])
        for i, (first, last) in enumerate(ranges):
            if first <= seq <= last:
                ranges[i : i + 1] = [r for r in ((first, seq - 1), (seq + 1, last)) if r[0] <= r[1]]
                return

    def losses(self, counters: list[CpuCounters]) -> list[EventsLost]:
        """Return what was lost since the last call, by the kernel's counters of each CPU."""
        found: list[EventsLost] = []
        for cpu, now in enumerate(counters):
            lost = now.dropped - self._dropped.get(cpu, 0)
            self._dropped[cpu] = now.dropped
            unpaired = now.unpaired - self._unpaired.get(cpu, 0)
            self._unpaired[cpu] = now.unpaired
            if unpaired:
                reason = "too many module calls at once: their results come without the arguments read in between"
                found.append(EventsLost(unpaired, cpu, None, None, reason))
            if lost:
                ranges = self._missing.get(cpu, [])
                first = min((r[0] for r in ranges), default=self._next.get(cpu, 1))
                last = max((r[1] for r in ranges), default=now.seq)
                found.append(EventsLost(lost, cpu, first, max(first, last), RING_FULL))
            if lost or not now.dropped:
                # What is still missing was submitted late, or has been reported just now.
                self._missing.pop(cpu, None)
        return found
