"""How many of a system call are told: what the kernel part is given, and what it left out (bpf/syscall_limit.bpf.h)."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import NamedTuple

from ringward.events.catalogue.events_limited import EventsLimited
from ringward.sensor import _native

MOST = 1_000_000_000
"""Of either number."""
_LIMIT = struct.Struct("<QII")
_LEFT_OUT = struct.Struct("<QQ")
_KEY = struct.Struct("<I")


class Limit(NamedTuple):
    """Of one event."""

    rate: int = 0
    """At most so many a second, on all processors; 0: any number."""
    every: int = 0
    """One of so many, on each processor; 0: all. The rate is of those that this leaves."""

    def text(self) -> str:
        """Return what is told, as a part of a sentence."""
        sample = f"one of {self.every}" if self.every else ""
        rate = f"at most {self.rate} a second" if self.rate else ""
        return " and ".join(part for part in (sample, rate) if part)


class CallLimits:
    """Limits of system calls.

    Args:
        limits: by event.

    """

    def __init__(self, limits: Mapping[str, Limit]) -> None:
        self._limits = dict(limits)
        self.places = {name: place for place, name in enumerate(self._limits, 1)}
        """Key of each event's limit in the maps."""
        self._told = dict.fromkeys(self._limits, 0)
        self._left_out: int | None = None

    @property
    def entries(self) -> dict[str, int]:
        """How many entries maps must have."""
        return dict.fromkeys(("call_limits", "call_left_out"), len(self._limits) + 1) if self._limits else {}

    def begin(self, limits: int, left_out: int) -> None:
        """Say what the limits are.

        Args:
            limits: descriptor of the map `call_limits`.
            left_out: of `call_left_out`.

        """
        self._left_out = left_out
        for name, place in self.places.items():
            limit = self._limits[name]
            _native.map_update(limits, _KEY.pack(place), _LIMIT.pack(0, limit.rate, limit.every))

    def news(self) -> list[EventsLimited]:
        """Return what was left out since the last call."""
        found: list[EventsLimited] = []
        if self._left_out is None:
            return found
        for name, place in self.places.items():
            value = _native.map_lookup(self._left_out, _KEY.pack(place)) or b""
            count = sum(left_out for _seen, left_out in _LEFT_OUT.iter_unpack(value))
            if count > self._told[name]:
                found.append(EventsLimited(count - self._told[name], name, self._limits[name].text()))
                self._told[name] = count
        return found
