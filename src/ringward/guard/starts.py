"""What follows from starts of programs that nothing vouches for: each is logged once, and waits for a decision."""

from __future__ import annotations

from collections.abc import Iterable

from ringward.events.catalogue.program_verdict import ProgramVerdict
from ringward.events.context import Event
from ringward.guard.learn import started
from ringward.guard.programs import Judge, Packed, trusted
from ringward.guard.waiting import Waiting
from ringward.sensor.clock import Clock
from ringward.trust.entry import Pending

MOST_SEEN = 1 << 16
"""Digests that are remembered; after so many it begins anew."""


class Starts:
    """What was told of starts.

    Args:
        judge: of starts.
        learns: they are learned; else they are what would be refused.

    """

    def __init__(self, judge: Judge, *, learns: bool) -> None:
        self._judge = judge
        self._learns = learns
        self._clock = Clock()
        self._seen: set[str] = set()
        self._waiting = Waiting()

    def know(self, digests: Packed) -> None:
        """Judge by other digests from now on."""
        self._judge.know(trusted(digests))
        self._seen.clear()

    def fresh(self, events: Iterable[Event]) -> list[Event]:
        """Take in events; return the starts among them of digests that were not told of before."""
        found = []
        for event in events:
            args = event.args
            if not isinstance(args, ProgramVerdict) or args.verdict == "known":
                continue
            key = args.digest or f"{args.role} {args.path}"
            if key in self._seen:
                continue
            if len(self._seen) >= MOST_SEEN:
                self._seen.clear()
            self._seen.add(key)
            found.append(event)
            waits = started(event, self._clock.offset, learns=self._learns)
            if waits:
                self._waiting.add(waits)
        return found

    def due(self, time: int, *, at_once: bool = False) -> list[Pending]:
        """Return what is to be written.

        Args:
            time: nanoseconds since boot.
            at_once: all of it, however new.

        """
        return self._waiting.due(time, at_once=at_once)
