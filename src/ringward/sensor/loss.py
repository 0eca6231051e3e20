"""What is missing from the stream: gaps in the numbers, joined with the kernel's own count.

A gap alone is no loss: a program that is preempted submits its record after a later one.
The kernel part counts every number whose record found no room; the gaps say which.
A program that the kernel does not even run takes no number: the kernel itself counts those.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from ringward.events.catalogue.events_lost import EventsLost

RING_FULL = (
    "the ring buffer was full, but for the eighth that program events leave to the others, or all record slots of the"
    " CPU were in use"
)
NO_PLACE = "the kernel's summary had no place for another system call: it was not counted"


class CpuCounters(NamedTuple):
    """`struct counters` of one CPU."""

    seq: int
    dropped: int
    filtered: int
    unpaired: int
    uncounted: int = 0


class LossTracker:
    """Follows the sequence numbers of each CPU."""

    def __init__(self) -> None:
        self._next: dict[int, int] = {}
        self._missing: dict[int, list[tuple[int, int]]] = {}
        self._told: dict[int, int] = {}
        """The last number that a reported loss reaches to."""
        self._dropped: dict[int, int] = {}
        self._unpaired: dict[int, int] = {}
        self._uncounted: dict[int, int] = {}

    def saw(self, cpu: int, seq: int) -> None:
        """Take in the number of a record that arrived."""
        expected = self._next.get(cpu, 1)
        if seq == expected:
            self._next[cpu] = seq + 1
        elif seq > expected:
            first = max(expected, self._told.get(cpu, 0) + 1)
            if first < seq:
                self._missing.setdefault(cpu, []).append((first, seq - 1))
            self._next[cpu] = seq + 1
        else:
            self._fill(cpu, seq)

    def saw_run(self, cpu: int, first: int, last: int) -> None:
        """Take in that the records with these numbers, and all between, arrived in this order."""
        self.saw(cpu, first)
        if self._next[cpu] == first + 1:
            self._next[cpu] = last + 1
        else:
            for seq in range(first + 1, last + 1):
                self.saw(cpu, seq)

    def _fill(self, cpu: int, seq: int) -> None:
        ranges = self._missing.get(cpu, [])
        for i, (first, last) in enumerate(ranges):
            if first <= seq <= last:
                ranges[i : i + 1] = [r for r in ((first, seq - 1), (seq + 1, last)) if r[0] <= r[1]]
                return

    def losses(self, counters: list[CpuCounters]) -> list[EventsLost]:
        """Return what was lost between the counters of the last call and these, for each CPU.

        The numbers named are the ones that are missing when everything that the kernel had
        given by `counters` has been read before.
        """
        found: list[EventsLost] = []
        for cpu, now in enumerate(counters):
            lost = now.dropped - self._dropped.get(cpu, 0)
            self._dropped[cpu] = now.dropped
            unpaired = now.unpaired - self._unpaired.get(cpu, 0)
            self._unpaired[cpu] = now.unpaired
            if unpaired:
                reason = "too many calls at once: their results come without what is read before"
                found.append(EventsLost(unpaired, cpu, None, None, reason))
            uncounted = now.uncounted - self._uncounted.get(cpu, 0)
            self._uncounted[cpu] = now.uncounted
            if uncounted:
                found.append(EventsLost(uncounted, cpu, None, None, NO_PLACE))
            if lost:
                first, last = self._between(cpu, lost, now.seq)
                self._told[cpu] = last
                found.append(EventsLost(lost, cpu, first, last, RING_FULL))
            if lost or not now.dropped:
                # What is still missing was submitted late, or has been reported just now.
                self._missing[cpu] = [
                    (max(first, now.seq + 1), last) for first, last in self._missing.get(cpu, []) if last > now.seq
                ]
        return found

    def _between(self, cpu: int, lost: int, given: int) -> tuple[int, int]:
        """Return the numbers between which `lost` ones are; `given` is the last that the kernel had given."""
        ranges = [(first, min(last, given)) for first, last in self._missing.get(cpu, []) if first <= given]
        first = min((r[0] for r in ranges), default=max(self._next.get(cpu, 1), self._told.get(cpu, 0) + 1))
        if sum(last - first + 1 for first, last in ranges) < lost:
            # Some were lost behind what has been read so far.
            return first, max(first, given)
        return first, max(r[1] for r in ranges)


class MissTracker:
    """Follows how often the kernel skipped a program instead of running it: such a run took no number."""

    def __init__(self) -> None:
        self._known: dict[str, int] = {}

    def losses(self, skipped: Mapping[str, int]) -> list[EventsLost]:
        """Return what was skipped since the last call.

        Args:
            skipped: by reason, the kernel's count since the program was attached.

        """
        found = []
        for reason, count in skipped.items():
            new = count - self._known.get(reason, 0)
            if new > 0:
                self._known[reason] = count
                found.append(EventsLost(new, None, None, None, reason))
        return found
