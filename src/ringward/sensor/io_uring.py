"""From the records of io_uring's requests to results: what is complete, what takes long, what is never told."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ringward.sensor.attempts import Outcome
from ringward.sensor.decode import Decoder, Record

WAITING_NS = 1_000_000_000
"""A request that is not complete after this is shown without a result."""
NO_WORD = "the program wants no word of its success (IOSQE_CQE_SKIP_SUCCESS), and the kernel gives none"
NO_PLACE = "too many requests were in progress for this one to be followed"


class RingRequests:
    """Knows which requests were shown in progress."""

    def __init__(self, decoder: Decoder) -> None:
        self._entered = decoder.attempt_states["ATTEMPT_ENTERED"]
        self._shown: set[tuple[int, int]] = set()
        """Address and time of submission."""

    def outcome(self, record: Record) -> Outcome:
        """Return how a request came out, of which the record has come."""
        if record.extra["state"] != self._entered:
            return Outcome(record.extra["result"], record.time - record.extra["submitted"], {})
        silent = "IOSQE_CQE_SKIP_SUCCESS" in getattr(record.args, "flags", ())
        return Outcome(None, None, dict.fromkeys(("result", "duration"), NO_WORD if silent else NO_PLACE))

    def waiting(self, records: Iterable[Record], now: int) -> Iterator[tuple[Record, dict[str, str]]]:
        """Yield each request that is in progress for long and was not shown so, and what it lacks.

        Args:
            records: of requests that were not complete at `now`, and have no record yet.
            now: nanoseconds since boot.

        """
        there = set()
        for record in records:
            key = record.extra["request"], record.extra["submitted"]
            waited = now - key[1]
            if waited < WAITING_NS:
                continue
            there.add(key)
            if key not in self._shown:
                reason = f"the request has not returned after {waited / 1e9:.1f} s"
                yield record, dict.fromkeys(("result", "duration", "cpu", "seq"), reason)
        self._shown = there
