"""The ways to show a stream of events: each takes batches and gives the bytes to write."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from operator import attrgetter
from typing import Protocol

from ringward.events import BY_NAME, GROUPS, Event
from ringward.events.latency import Tally
from ringward.output.counts import Counts
from ringward.output.fold import Fold, Row
from ringward.output.jsonl import JsonLines
from ringward.output.table import Table
from ringward.output.template import Template

_STREAM = frozenset(GROUPS["stream"])
_name = attrgetter("event")
# Told by the first screen.
_TOLD = frozenset({"attached", "missing"})


class View(Protocol):
    """What a front end shows events with."""

    shown: int
    """Events shown, those of the stream itself not counted."""
    folded: int
    """Events that are part of another's line."""

    @property
    def full(self) -> bool:
        """Whether as many are shown as were asked for."""

    def expect(self, names: Iterable[str]) -> None:
        """Take in which events can come, before the first one does."""

    def feed(self, events: Iterable[Event], now: int) -> bytes | bytearray:
        """Take in a batch at `now`, nanoseconds since boot; return what to write."""

    def finish(self) -> bytes | bytearray:
        """Return what to write at the end."""


class _Limited:
    """Counts what is shown, up to a limit; None: none."""

    def __init__(self, limit: int | None) -> None:
        self.shown = 0
        self.folded = 0
        self._limit = limit

    @property
    def full(self) -> bool:
        return self._limit is not None and self.shown >= self._limit

    def expect(self, names: Iterable[str]) -> None:
        pass

    def _take(self, events: Iterable[Event]) -> Iterable[Event]:
        """Return those of a batch that are shown, and count them."""
        if self._limit is not None:
            return self._take_some(events)
        batch = list(events)
        self.shown += len(batch) - sum(map(_STREAM.__contains__, map(_name, batch)))
        return batch

    def _take_some(self, events: Iterable[Event]) -> Iterator[Event]:
        for event in events:
            if event.event in _STREAM:
                yield event
            elif not self.full:
                self.shown += 1
                yield event


def _encode(lines: Iterable[str]) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode("utf-8", "backslashreplace")


class JsonView(_Limited):
    """One JSON object a line, one line an event."""

    def __init__(self, limit: int | None = None) -> None:
        super().__init__(limit)
        self._lines = JsonLines()
        self._made: list[bytes] = []

    @property
    def is_whole(self) -> bool:
        """Whether every event is shown, however many come."""
        return self._limit is None

    def encode(self, events: list[Event]) -> bytes:
        """Return the lines of events; they are not shown."""
        return self._lines.encode(events)

    def take(self, lines: bytes, count: int) -> None:
        """Take in `count` lines that are made already, before the next batch."""
        self.shown += count
        self._made.append(lines)

    def feed(self, events: Iterable[Event], now: int) -> bytes:  # noqa: ARG002
        """Take in a batch."""
        made, self._made = self._made, []
        lines = self._lines.encode(self._take(events))
        return b"".join([*made, lines] if lines else made)

    def finish(self) -> bytes:
        """Return nothing: no event waits."""
        return b""


class TemplateView(_Limited):
    """One line an event, as the user composed it."""

    def __init__(self, template: Template, limit: int | None = None) -> None:
        super().__init__(limit)
        self._template = template

    def feed(self, events: Iterable[Event], now: int) -> bytes:  # noqa: ARG002
        """Take in a batch; losses and the sensor's state are for the summary, not for a user's format."""
        return _encode(self._template.render(event) for event in self._take(events) if event.event not in _STREAM)

    def finish(self) -> bytes:
        """Return nothing: no event waits."""
        return b""


class CountView(_Limited):
    """Nothing until the end, then how often each event came."""

    def __init__(self, limit: int | None = None) -> None:
        super().__init__(limit)
        self._counts = Counts()
        self.kept: Callable[[], tuple[Mapping[str, Tally], Mapping[str, int]]] | None = None
        """Gives, at the end, what the sensor did not tell but count, and how many of these calls had not returned."""

    def feed(self, events: Iterable[Event], now: int) -> bytes:  # noqa: ARG002
        """Take in a batch."""
        for event in self._take(events):
            if event.event not in _STREAM:
                self._counts.add(event)
        return b""

    def finish(self) -> bytes:
        """Return the summary."""
        if self.kept:
            counts, not_returned = self.kept()
            self._counts.merge(counts, not_returned)
            self.shown += sum(count.calls for count in counts.values())
        return _encode(self._counts.lines())


class TableView(_Limited):
    """One line a load, a call or a program; steps of a load under its line or not at all.

    Args:
        table: that renders the lines.
        named: events that were asked for by name, which are always lines.
        limit: how many events to show at most.

    """

    def __init__(self, table: Table, named: Iterable[str] = (), limit: int | None = None) -> None:
        super().__init__(limit)
        self.table = table
        self._named = frozenset(named)
        self._fold = Fold(BY_NAME, self._named)
        self.leave_out: Callable[[Event], bool] = lambda _event: False
        """Says which events are no line."""
        self.left_out = 0
        """How many were not."""

    def expect(self, names: Iterable[str]) -> None:
        """Take in which events can come: a step whose call cannot is a line."""
        self._fold = Fold(names, self._named)

    def feed(self, events: Iterable[Event], now: int) -> bytes:
        """Take in a batch."""
        rows = (row for event in events if not self._is_left_out(event) for row in self._fold.feed(event))
        return _encode([*self._lines(rows), *self._lines(self._fold.expire(now))])

    def finish(self) -> bytes:
        """Return the lines of what still waits."""
        return _encode(self._lines(self._fold.finish()))

    def _is_left_out(self, event: Event) -> bool:
        if event.event == "sensor_status":
            return event.args.state in _TOLD
        left_out = self.leave_out(event)
        self.left_out += left_out
        return left_out

    def _lines(self, rows: Iterable[Row]) -> Iterator[str]:
        for row in rows:
            if row.event.event not in _STREAM:
                if self.full:
                    continue
                self.shown += 1
                self.folded += len(row.steps)
            yield from self.table.lines(row)
