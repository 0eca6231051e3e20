"""How often each event came, how often with an error, and how long it took: what ``-c`` prints."""

from __future__ import annotations

from dataclasses import dataclass

from ringward.events import Event
from ringward.output.cells import in_progress


@dataclass(slots=True)
class _Count:
    calls: int = 0
    errors: int = 0
    nanoseconds: int = 0
    timed: int = 0


class Counts:
    """Counts events. A call that is told twice, in progress and at its end, counts once."""

    def __init__(self) -> None:
        self._counts: dict[str, _Count] = {}
        self._open: set[tuple[str, int | None, str | None]] = set()

    def add(self, event: Event) -> None:
        """Take in one event."""
        key = (event.event, event.process.tid if event.process else None, event.load.id if event.load else None)
        if in_progress(event):
            self._open.add(key)
            return
        self._open.discard(key)
        count = self._counts.setdefault(event.event, _Count())
        count.calls += 1
        count.errors += event.result is not None and event.result < 0
        if event.duration is not None:
            count.timed += 1
            count.nanoseconds += event.duration

    def lines(self) -> list[str]:
        """Return the summary, the most time first: share of time, seconds, us a call, calls, errors, event."""
        total = sum(count.nanoseconds for count in self._counts.values())
        lines = [
            f"{'% time':>6} {'seconds':>11} {'usecs/call':>11} {'calls':>9} {'errors':>9} event",
            f"{'-' * 6} {'-' * 11} {'-' * 11} {'-' * 9} {'-' * 9} {'-' * 16}",
        ]
        order = sorted(self._counts.items(), key=lambda item: (-item[1].nanoseconds, -item[1].calls, item[0]))
        for name, count in order:
            share = f"{100 * count.nanoseconds / total:.2f}" if count.timed and total else "-"
            seconds = f"{count.nanoseconds / 1e9:.6f}" if count.timed else "-"
            each = f"{count.nanoseconds / count.timed / 1000:.0f}" if count.timed else "-"
            lines.append(f"{share:>6} {seconds:>11} {each:>11} {count.calls:>9} {count.errors or '':>9} {name}")
        lines.append(lines[1])
        calls = sum(count.calls for count in self._counts.values())
        errors = sum(count.errors for count in self._counts.values())
        lines.append(
            f"{'100.00' if total else '-':>6} {total / 1e9:>11.6f} {'':>11} {calls:>9} {errors or '':>9} total"
        )
        if self._open:
            lines.append(f"{len(self._open)} calls had not returned: {', '.join(sorted(key[0] for key in self._open))}")
        return lines
