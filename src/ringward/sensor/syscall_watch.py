"""The kernel part of system calls, from here: what it is told before they are watched, and what it keeps."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ringward.events.filter import Filter
from ringward.events.registry import BY_NAME
from ringward.sensor import _native
from ringward.sensor.limits import RING, KernelLimits, Limit
from ringward.sensor.syscall_counts import ROOM, CallCounts
from ringward.sensor.syscall_plan import plans, wanted_numbers


class CallWatch:
    """What is wanted of system calls.

    Args:
        events: names; those of the catalogue are no plain calls, and left alone.
        only: what is wanted of them.
        head: bytes of buffers that are read.
        counting: they are not told but counted.
        limits: how many of an event are told, by its name.

    """

    def __init__(
        self, events: tuple[str, ...], only: Filter, head: int, *, counting: bool, limits: Mapping[str, Limit]
    ) -> None:
        self.names = tuple(name for name in events if name not in BY_NAME)
        self.counts: CallCounts | None = None
        """What is counted; None: nothing is."""
        self._counting = counting
        self.limits = KernelLimits(limits)
        self._plans = tuple(plans(self.names, only, head, self.limits.places))
        self.knobs: dict[str, int | bytes] = {
            "counting": int(counting),
            "wanted_numbers": wanted_numbers(key for key, _ in self._plans),
            "ring_limit": self.limits.places.get(RING, 0),
        }
        self.threads: int | None = None
        """Descriptor of the map with the calls that are under way and will be told; None: there is none."""

    @property
    def entries(self) -> dict[str, int]:
        """How many entries maps must have."""
        counts = {"call_counts": max(min(len(self._plans), ROOM), 1)} if self._counting else {}
        return counts | self.limits.entries

    def begin(self, map_fd: Callable[[str], int]) -> None:
        """Say what is wanted; the programs are attached.

        Args:
            map_fd: gives the descriptor of a map by its name.

        """
        self.threads = map_fd("call_threads")
        if self._counting:
            self.counts = CallCounts(map_fd("call_counts"), map_fd("call_entries"), self.names)
        table = map_fd("call_plans")
        for key, plan in self._plans:
            _native.map_update(table, key, plan)
