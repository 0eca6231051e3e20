"""The calls of the module system calls that are under way, and how each came out.

Pure: it is driven by records and by a clock that its caller passes in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from typing import NamedTuple

from ringward.sensor.decode import Decoder, Record

PENDING_NS = 1_000_000_000
"""An attempt that has not returned after this is shown without a result."""
KEPT_PENDING = 1024
"""Attempts without a return. The kernel part follows fewer: what is more has lost its return."""
_ENTERED, _RETURNED, _STOPPED = "ATTEMPT_ENTERED", "ATTEMPT_RETURNED", "ATTEMPT_STOPPED"
_RETURN_LOST = "its return was not seen: records were lost meanwhile, and it may be among them"
_NO_ENTRY = (
    "the call's entry was not seen: seccomp or a tracer stopped it, it was in progress when Ringward attached, or its"
    " exit alone is watched (a call that Linux does not have any more, by the guard)"
)


class Outcome(NamedTuple):
    """Result and duration (ns) of a call; None: see `unread`, which has the reason of what the call lacks."""

    result: int | None
    duration: int | None
    unread: dict[str, str]


class Attempts:
    """Attempts from their entry to their return, and what is told of those that do not return.

    Args:
        decoder: of the objects that the records come from.
        process: the id of the process of a task's bytes.
        lost_since: whether records may have been lost after a time, nanoseconds since boot.

    """

    def __init__(
        self, decoder: Decoder, process: Callable[[bytes], str], lost_since: Callable[[int], bool] = lambda _time: False
    ) -> None:
        self._decoder = decoder
        self._process = process
        self._lost_since = lost_since
        self._states = decoder.attempt_states
        self.pending: dict[int, bytes] = {}
        """The record of each attempt that has been seen at entry only."""
        self.shown: set[int] = set()
        """Those of them that an event without a result has told of."""

    def entered(self, record: Record) -> bool:
        """Return whether the record is a call's entry, and keep it then; else the call is over."""
        attempt = record.extra["attempt.id"]
        if record.extra["attempt.state"] == self._states[_ENTERED]:
            self.pending[attempt] = record.tail.data
            return True
        self.pending.pop(attempt, None)
        return False

    def whole(self, record: Record) -> Record:
        """Return the record with its entry, when it is a return that the kernel part could not join with it."""
        if record.extra["attempt.state"] != self._states[_STOPPED]:
            return record
        task = self._decoder.task(record.task)
        for raw in self.pending.values():
            before = self._decoder.task(self._decoder.task_of(raw))
            if (before.tid, before.start_time) == (task.tid, task.start_time):
                entry = self._decoder.one(raw)
                if entry.name == record.name:
                    returned = {"attempt.result": record.extra["attempt.result"]}
                    returned["attempt.state"] = self._states[_RETURNED]
                    return entry._replace(
                        cpu=record.cpu, seq=record.seq, time=record.time, extra=entry.extra | returned
                    )
        return record

    def late(self, now: int) -> Iterator[tuple[Record, str]]:
        """Yield each attempt once that has not returned for long at `now`, nanoseconds since boot, and the reason."""
        self._forget()
        for attempt, raw in self.pending.items():
            waited = now - self._decoder.time_of(raw)
            if waited >= PENDING_NS and attempt not in self.shown:
                self.shown.add(attempt)
                yield self._unreturned(raw, f"the call has not returned after {waited / 1e9:.1f} s")

    def _forget(self) -> None:
        """Let go of attempts whose return was lost: they were told of, and nothing more comes."""
        self.shown &= self.pending.keys()
        for attempt in list(islice(self.pending, max(len(self.pending) - KEPT_PENDING, 0))):
            if attempt in self.shown:
                del self.pending[attempt]

    def ended(self, process: str) -> Iterator[tuple[Record, str]]:
        """Yield the attempts of a process that has ended, by its id, and the reason; they are over."""
        for attempt, raw in list(self.pending.items()):
            if self._process(self._decoder.task_of(raw)) == process:
                del self.pending[attempt]
                yield self._unreturned(raw, "the process ended inside the call")

    def rest(self) -> Iterator[tuple[Record, str]]:
        """Yield the attempts that nothing was told of, and the reason: the sensor ends."""
        for attempt, raw in self.pending.items():
            if attempt not in self.shown:
                self.shown.add(attempt)
                yield self._unreturned(raw, "the call had not returned when Ringward ended")

    def _unreturned(self, raw: bytes, reason: str) -> tuple[Record, str]:
        """Return an attempt and why it has no result; a lost return is no hanging call."""
        return self._decoder.one(raw), _RETURN_LOST if self._lost_since(self._decoder.time_of(raw)) else reason

    def outcome(self, record: Record, reason: str | None = None) -> Outcome:
        """Return how a call came out.

        Args:
            record: of the call.
            reason: why its return was not seen.

        """
        state = record.extra["attempt.state"]
        result: int | None = record.extra["attempt.result"]
        if state == self._states[_STOPPED]:
            unread = {"duration": _NO_ENTRY}
            if result == record.extra["attempt.nr"]:
                # The kernel puts the number back where the result stands (seccomp's KILL and TRAP).
                unread["result"] = "a filter or tracer stopped the call, and the kernel gave no result"
                result = None
            return Outcome(result, None, unread)
        if state == self._states[_ENTERED]:
            return Outcome(None, None, {"result": reason, "duration": reason} if reason else {})
        return Outcome(result, record.time - record.extra["attempt.entered"], {})

    def returned(self, record: Record) -> bool:
        """Return whether both the entry and the return of a call were seen."""
        return bool(record.extra["attempt.state"] == self._states[_RETURNED])
