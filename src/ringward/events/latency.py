"""How often a call came, how often it failed, and how long it took: sums and a histogram of durations. Pure.

The buckets are those of `struct call_count` (bpf/syscall_record.h): four for each power of two nanoseconds, so that a
percentile is at most a quarter off.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

LOW, HIGH = 6, 38
"""Powers of two, nanoseconds: below the first are four buckets of one width; what reaches the second is in the last."""
BUCKETS = 4 * (HIGH - LOW + 1)
_ERRORS = 4095


def bucket_of(ns: int) -> int:
    """Return the number of the bucket that a duration of `ns` nanoseconds is in."""
    if not ns >> LOW:
        return ns >> LOW - 2
    if ns >> HIGH:
        return BUCKETS - 1
    power = ns.bit_length() - 1
    return (power - LOW + 1) * 4 + (ns >> power - 2 & 3)


def bounds(bucket: int) -> tuple[int, int]:
    """Return the shortest duration of a bucket, and that of the next; nanoseconds."""
    if bucket < 4:
        return bucket << LOW - 2, bucket + 1 << LOW - 2
    shift = LOW - 2 + (bucket - 4) // 4
    return 4 + bucket % 4 << shift, 5 + bucket % 4 << shift


@dataclass(slots=True)
class Tally:
    """The sums of one call.

    Attributes:
        calls: how many.
        errors: of which returned an error.
        timed: of which it is known how long they took.
        time: nanoseconds of these.
        longest: nanoseconds.
        buckets: timed calls by duration.

    """

    calls: int = 0
    errors: int = 0
    timed: int = 0
    time: int = 0
    longest: int = 0
    buckets: list[int] = field(default_factory=lambda: [0] * BUCKETS)

    def add(self, result: int | None, duration: int | None) -> None:
        """Take in one call: its result, None when it has none, and nanoseconds, None when they are not known."""
        self.calls += 1
        self.errors += result is not None and -_ERRORS <= result < 0
        if duration is not None:
            self.timed += 1
            self.time += duration
            self.longest = max(self.longest, duration)
            self.buckets[bucket_of(duration)] += 1

    def merge(self, other: Tally) -> None:
        """Take in what another has counted."""
        self.calls += other.calls
        self.errors += other.errors
        self.timed += other.timed
        self.time += other.time
        self.longest = max(self.longest, other.longest)
        self.buckets = [mine + theirs for mine, theirs in zip(self.buckets, other.buckets, strict=True)]

    def percentiles(self, shares: Iterable[int]) -> list[int | None]:
        """Return for each share (percent) a duration that so many calls did not exceed, nanoseconds.

        Within its bucket it is taken to lie where an even spread puts it. None: no call was timed.
        """
        return [self._percentile(share) for share in shares]

    def _percentile(self, share: int) -> int | None:
        rank = -(-self.timed * share // 100)
        before = 0
        for bucket, count in enumerate(self.buckets):
            if count and before + count >= rank:
                low, high = bounds(bucket)
                return min(low + (high - low) * (2 * (rank - before) - 1) // (2 * count), self.longest)
            before += count
        return None
