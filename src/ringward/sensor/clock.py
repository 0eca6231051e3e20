"""From nanoseconds since boot to a time of day."""

from __future__ import annotations

import time

NS = 1_000_000_000


class Clock:
    """Converts CLOCK_BOOTTIME to RFC 3339; follows changes of the wall clock by `adjust`."""

    def __init__(self, offset: int | None = None) -> None:
        self._second = -1
        self._prefix = ""
        self.offset = offset if offset is not None else self._measure()

    @staticmethod
    def _measure() -> int:
        return time.time_ns() - time.clock_gettime_ns(time.CLOCK_BOOTTIME)

    def adjust(self) -> None:
        """Measure again what lies between the two clocks."""
        self.offset = self._measure()

    def text(self, ktime: int) -> str:
        """Return the time of day of `ktime`, nanoseconds since boot."""
        second, rest = divmod(ktime + self.offset, NS)
        if second != self._second:
            self._second = second
            self._prefix = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
        return f"{self._prefix}.{rest:09d}Z"


def now() -> int:
    """Return CLOCK_BOOTTIME, nanoseconds."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)
