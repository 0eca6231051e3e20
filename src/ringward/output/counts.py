"""How often each event came, how often with an error, and how long it took: what ``-c`` prints."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from ringward.events import Event
from ringward.events.latency import Tally
from ringward.output.cells import in_progress

_SHARES = (50, 90, 99)
_WIDTHS = (6, 11, 10, 10, 9, 10, 10, 10, 10)
_NAMES = ("% time", "seconds", "us/call", "calls", "errors", *(f"p{share} us" for share in _SHARES), "max us")
_RULE = " ".join("-" * width for width in (*_WIDTHS, 16))


class Counts:
    """Counts events. A call that is told twice, in progress and at its end, counts once."""

    def __init__(self) -> None:
        self._counts: dict[str, Tally] = {}
        self._open: set[tuple[str, int | None, str | None]] = set()
        self._not_returned: Counter[str] = Counter()

    def add(self, event: Event) -> None:
        """Take in one event."""
        key = (event.event, event.process.tid if event.process else None, event.load.id if event.load else None)
        if in_progress(event):
            self._open.add(key)
            return
        self._open.discard(key)
        self._counts.setdefault(event.event, Tally()).add(event.result, event.duration)

    def merge(self, counts: Mapping[str, Tally], not_returned: Mapping[str, int]) -> None:
        """Take in what was counted elsewhere, and how many of these calls had not returned."""
        for name, count in counts.items():
            self._counts.setdefault(name, Tally()).merge(count)
        self._not_returned.update(not_returned)

    def lines(self) -> list[str]:
        """Return the summary, the most time first: share of time, seconds, us a call and so on."""
        whole = Tally()
        for count in self._counts.values():
            whole.merge(count)
        lines = [_row(_NAMES, "event"), _RULE]
        order = sorted(self._counts.items(), key=lambda item: (-item[1].time, -item[1].calls, item[0]))
        lines += [_row(_cells(count, whole.time), name) for name, count in order]
        lines += [_RULE, _row(_cells(whole, whole.time), "total")]
        waiting = self._not_returned + Counter(key[0] for key in self._open)
        if waiting:
            names = ", ".join(f"{name} {count}" for name, count in sorted(waiting.items()))
            lines.append(f"calls that had not returned: {names}")
        return lines


def _cells(count: Tally, total: int) -> tuple[str, ...]:
    """Return the columns of a line; `total` is the time of all lines, nanoseconds."""
    calls = str(count.calls), str(count.errors or "")
    if not count.timed:
        return "-", "-", "-", *calls, *["-"] * (len(_SHARES) + 1)
    share = f"{100 * count.time / total:.2f}" if total else "-"
    durations = [_us(found or 0) for found in count.percentiles(_SHARES)]
    return share, f"{count.time / 1e9:.6f}", _us(count.time / count.timed), *calls, *durations, _us(count.longest)


def _us(ns: float) -> str:
    """Return a duration in microseconds, with digits behind the point where it is short."""
    return f"{ns / 1000:.2f}" if ns < 10_000 else f"{ns / 1000:.1f}" if ns < 100_000 else f"{ns / 1000:.0f}"


def _row(cells: tuple[str, ...], name: str) -> str:
    return " ".join([*(f"{cell:>{width}}" for cell, width in zip(cells, _WIDTHS, strict=True)), name])
