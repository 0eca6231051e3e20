"""The summary of system calls that the kernel part keeps (bpf/syscall_count.bpf.h)."""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Iterable

from ringward.events.latency import BUCKETS, Tally
from ringward.events.syscall_table import ABIS, NUMBERS, by_event
from ringward.sensor import _native

ROOM = 512
"""Calls that the kernel part has room for, of some 1,100 bytes on each CPU. Those beyond are counted as lost."""
_COUNT = struct.Struct(f"<5Q{BUCKETS}Q")
_ENTRY = struct.Struct("<QII")
_KEY = struct.Struct("<I")


def tally_of(value: bytes) -> Tally:
    """Return the sums of a call, of all CPUs, from the bytes of its `struct call_count` of each."""
    found = Tally()
    for calls, errors, timed, time, longest, *buckets in _COUNT.iter_unpack(value):
        found.merge(Tally(calls, errors, timed, time, longest, buckets))
    return found


class CallCounts:
    """Reads what the kernel part has counted.

    Args:
        counts: descriptor of the map `call_counts`.
        entries: of `call_entries`.
        events: that are counted.

    """

    def __init__(self, counts: int, entries: int, events: Iterable[str]) -> None:
        self._counts = counts
        self._entries = entries
        self._names = {
            ABIS.index(call.abi) * NUMBERS + call.number: name for name in events for call in by_event()[name]
        }
        self._last: tuple[dict[str, Tally], Counter[str]] | None = None

    def read(self) -> dict[str, Tally]:
        """Return the sums so far, by event; those of the end after `finish`."""
        if self._last:
            return self._last[0]
        found: dict[str, Tally] = {}
        for key in set(_native.map_keys(self._counts)):
            value = _native.map_lookup(self._counts, key)
            if value:
                found.setdefault(self._name(key), Tally()).merge(tally_of(value))
        return found

    def under_way(self) -> Counter[str]:
        """Return how many calls have begun and not returned, by event."""
        if self._last:
            return self._last[1]
        found: Counter[str] = Counter()
        for key in set(_native.map_keys(self._entries)):
            value = _native.map_lookup(self._entries, key)
            if value:
                _entered, call, busy = _ENTRY.unpack(value)
                found[self._names[call]] += bool(busy)
        return +found

    def _name(self, key: bytes) -> str:
        return self._names[_KEY.unpack(key)[0]]

    def finish(self) -> None:
        """Keep what was counted: the maps are about to go."""
        self._last = self.read(), self.under_way()
