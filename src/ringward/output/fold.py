"""Steps of one load put under the line of the call that they belong to. Pure: driven by events and their times."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from ringward.events import Event
from ringward.output.cells import LOADS, in_progress

HOLD_NS = 3_000_000_000
"""How long a step waits for its call, and a request for its load."""
KEPT = 8192
"""Steps and requests that wait at most; the oldest are shown on their own beyond."""

CALLS = LOADS | {"delete_module"}
REQUESTS = frozenset({"module_request", "usermodehelper"})
STEPS = frozenset({"module_digest", "module_load", "do_init_module", "module_free"})

NO_LOAD = "no load"
NO_LOAD_YET = "no load yet"


@dataclass(frozen=True, slots=True)
class Row:
    """What becomes one line.

    Attributes:
        event: that the line is of.
        steps: of the same lifecycle, which have no line of their own.
        note: what stands for the result.

    """

    event: Event
    steps: tuple[Event, ...] = ()
    note: str = ""


@dataclass(slots=True)
class _Held:
    since: int
    events: list[Event] = field(default_factory=list)


@dataclass(slots=True)
class _Asked:
    since: int
    events: list[Event] = field(default_factory=list)
    helper: int | None = None
    """Pid of the program that the kernel started for it."""
    loaded: bool = False


class Fold:
    """Makes rows of events.

    Args:
        selected: names of the events that can come; a step whose call cannot is a row.
        named: names that were asked for one by one: always rows.

    """

    def __init__(self, selected: Iterable[str], named: Iterable[str] = ()) -> None:
        chosen, own = frozenset(selected), frozenset(named)
        self._steps = STEPS - own if chosen & CALLS else frozenset()
        self._requests = REQUESTS - own if chosen & LOADS else frozenset()
        self._held: OrderedDict[str, _Held] = OrderedDict()
        self._asked: OrderedDict[str, _Asked] = OrderedDict()

    def feed(self, event: Event) -> Iterator[Row]:
        """Take in one event; yield the rows that it completes."""
        name = event.event
        if name in self._steps:
            key = self._key(event)
            self._held.setdefault(key, _Held(event.ktime)).events.append(event)
            if len(self._held) > KEPT:
                yield from self._drop_held(next(iter(self._held)))
        elif name in self._requests:
            yield from self._request(event)
        elif name in CALLS:
            held = self._held.pop(self._key(event), None)
            steps = held.events if held else []
            if name in LOADS:
                steps = [*self._request_of(event), *steps]
            yield Row(event, tuple(steps))
        else:
            yield Row(event)
            if event.load:
                yield from self._program(event, event.load.id)

    def expire(self, now: int) -> Iterator[Row]:
        """Yield what has waited too long at `now`, nanoseconds since boot."""
        limit = now - HOLD_NS
        while self._held and next(iter(self._held.values())).since <= limit:
            yield from self._drop_held(next(iter(self._held)))
        while self._asked and next(iter(self._asked.values())).since <= limit:
            yield from self._drop_asked(next(iter(self._asked)), NO_LOAD_YET)

    def finish(self) -> Iterator[Row]:
        """Yield everything that still waits: no more events come."""
        while self._held:
            yield from self._drop_held(next(iter(self._held)))
        while self._asked:
            yield from self._drop_asked(next(iter(self._asked)), NO_LOAD_YET)

    @staticmethod
    def _key(event: Event) -> str:
        if event.load:
            return event.load.id
        # A module that was loaded before the sensor has no lifecycle; its unload is one call of one thread.
        tid = event.process.tid if event.process else 0
        return f"{tid}/{getattr(event.args, 'name', '')}"

    def _request(self, event: Event) -> Iterator[Row]:
        if event.load is None or (event.result is not None and event.result < 0):
            yield Row(event)
            return
        self._asked.setdefault(event.load.id, _Asked(event.ktime)).events.append(event)
        if len(self._asked) > KEPT:
            yield from self._drop_asked(next(iter(self._asked)), NO_LOAD_YET)

    def _request_of(self, event: Event) -> list[Event]:
        """Return the request that a load is the answer to; a dependency is not the answer yet."""
        if event.load is None:
            return []
        asked = self._asked.get(event.load.id.rsplit(".", 1)[0])
        if asked is None:
            return []
        asked.loaded = True
        if event.load.needed_by or in_progress(event):
            return []
        found, asked.events = asked.events, []
        return found

    def _program(self, event: Event, chain: str) -> Iterator[Row]:
        asked = self._asked.get(chain)
        if asked is None or event.process is None:
            return
        if event.event == "process_exec" and asked.helper is None:
            asked.helper = event.process.pid
        elif event.event == "process_exit" and event.process.pid == asked.helper:
            yield from self._drop_asked(chain, NO_LOAD)

    def _drop_held(self, key: str) -> Iterator[Row]:
        for event in self._held.pop(key).events:
            yield Row(event)

    def _drop_asked(self, chain: str, note: str) -> Iterator[Row]:
        asked = self._asked.pop(chain)
        if asked.loaded or not asked.events:
            return
        # What the kernel started for it, is a step of it.
        first, *steps = asked.events
        yield Row(first, tuple(steps), note)
