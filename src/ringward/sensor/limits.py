"""How many of an event are told, and how many were left out: by the kernel part (bpf/limit.bpf.h), or here."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from ringward.events.catalogue.events_limited import EventsLimited
from ringward.events.catalogue.events_lost import EventsLost
from ringward.events.context import Event
from ringward.events.registry import BY_NAME
from ringward.sensor import _native

MOST = 1_000_000_000
"""Of either number."""
RING = "io_uring"
UNKNOWN = "the kernel part has no count of what the limit of {} has left out"
_SECOND = 1_000_000_000
_LIMIT = struct.Struct("<QII")
_LEFT_OUT = struct.Struct("<QQ")
_KEY = struct.Struct("<I")


class Limit(NamedTuple):
    """Of one event."""

    rate: int = 0
    """At most so many a second, on all processors; 0: any number."""
    every: int = 0
    """One of so many, of each processor where the kernel part decides; 0: all. The rate is of what this leaves."""

    def text(self) -> str:
        """Return what is told, as a part of a sentence."""
        sample = f"one of {self.every}" if self.every else ""
        rate = f"at most {self.rate} a second" if self.rate else ""
        return " and ".join(part for part in (sample, rate) if part)


def decided_in_kernel(event: str) -> bool:
    """Return whether the kernel part can leave out an event: nothing else is made of its records."""
    return event not in BY_NAME or event == RING


class KernelLimits:
    """Limits of events that the kernel part leaves out before it makes a record of them.

    Args:
        limits: by event.

    """

    def __init__(self, limits: Mapping[str, Limit]) -> None:
        self._limits = {name: limit for name, limit in limits.items() if decided_in_kernel(name)}
        self.places = {name: place for place, name in enumerate(self._limits, 1)}
        """Key of each event's limit in the maps."""
        self._told = dict.fromkeys(self._limits, 0)
        self._unknown: set[str] = set()
        """Events of which the kernel part has no count, and that it was said of."""
        self._left_out: int | None = None

    @property
    def entries(self) -> dict[str, int]:
        """How many entries maps must have."""
        return dict.fromkeys(("limits", "left_out"), len(self._limits) + 1) if self._limits else {}

    def begin(self, limits: int, left_out: int) -> None:
        """Say what the limits are.

        Args:
            limits: descriptor of the map `limits`.
            left_out: of `left_out`.

        """
        self._left_out = left_out
        for name, place in self.places.items():
            limit = self._limits[name]
            _native.map_update(limits, _KEY.pack(place), _LIMIT.pack(0, limit.rate, limit.every))

    def news(self) -> Iterator[EventsLimited | EventsLost]:
        """Yield what was left out since the last call; and once of which event that is not known."""
        for name, place in self.places.items() if self._left_out is not None else ():
            value = _native.map_lookup(self._left_out or 0, _KEY.pack(place))
            if value is None:
                if name not in self._unknown:
                    yield EventsLost(None, None, None, None, UNKNOWN.format(name))
                self._unknown.add(name)
                continue
            count = sum(left_out for _seen, left_out in _LEFT_OUT.iter_unpack(value))
            if count > self._told[name]:
                yield EventsLimited(count - self._told[name], name, self._limits[name].text())
                self._told[name] = count


@dataclass
class _Shown:
    """What has become of one event."""

    seen: int = 0
    second: int = -1
    passed: int = 0
    """In that second."""
    left_out: int = 0


class ShownLimits:
    """Limits of events whose records the sensor needs itself, as for ancestry: only showing them is limited.

    Args:
        limits: by event.

    """

    def __init__(self, limits: Mapping[str, Limit]) -> None:
        self._limits = {name: limit for name, limit in limits.items() if not decided_in_kernel(name)}
        self._shown = {name: _Shown() for name in self._limits}

    def __bool__(self) -> bool:
        """Return whether there are any."""
        return bool(self._limits)

    def passes(self, event: Event) -> bool:
        """Return whether an event is shown that all filters have let pass; count it."""
        limit = self._limits.get(event.event)
        if limit is None:
            return True
        shown = self._shown[event.event]
        shown.seen += 1
        passes = not limit.every or (shown.seen - 1) % limit.every == 0
        if passes and limit.rate:
            # What comes late counts as of the second that is.
            second = max(event.ktime // _SECOND, shown.second)
            shown.passed = shown.passed + 1 if second == shown.second else 1
            shown.second = second
            passes = shown.passed <= limit.rate
        shown.left_out += not passes
        return passes

    def news(self) -> Iterator[EventsLimited]:
        """Yield what was left out since the last call."""
        for name, shown in self._shown.items():
            if shown.left_out:
                yield EventsLimited(shown.left_out, name, self._limits[name].text())
                shown.left_out = 0
