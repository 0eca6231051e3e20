"""Programs that start again and again: their lines say what another sensor's events say of the same processes."""

from __future__ import annotations

import subprocess
import time
from itertools import pairwise

import msgspec

from ringward.events import Event
from ringward.output.jsonl import EventDecoder
from ringward.output.views import JsonView
from ringward.sensor import Sensor
from tests.kernel.witness import SECONDS

LOOPS = 60
LOOP = f"i=0; while [ $i -lt {LOOPS} ]; do /bin/true $1; i=$((i + 1)); done; exit 0"


class Counted(JsonView):
    """Counts the lines of which no event was made."""

    made = 0

    def take(self, lines: bytes, count: int) -> None:
        self.made += count
        super().take(lines, count)


def alike(event: Event) -> Event:
    """Return an event without what each sensor counts and measures for itself."""
    return msgspec.structs.replace(event, seq=None, ktime=0, time="", cpu=None)


def test_lines_are_those_of_the_events_that_another_sensor_makes() -> None:
    view = Counted()
    with (
        Sensor(["programs"], canary_seconds=None, lines=view) as lines,
        Sensor(["programs"], canary_seconds=None) as other,
    ):
        shell = subprocess.Popen(["/bin/sh", "-c", LOOP, "sh", "again"])
        told: list[Event] = []
        text = b""
        until = time.monotonic() + SECONDS
        while not {e.process.pid for e in told if e.event == "process_exit" and e.process} >= {shell.pid}:
            assert time.monotonic() < until
            told += other.poll(0.05)
            text += view.feed(lines.poll(0.05), 0)
        assert shell.wait(SECONDS) == 0
        told += other.close()
        text += view.feed(lines.close(), 0)
    decode = EventDecoder()
    written = [decode(line) for line in text.splitlines()]
    assert lines.totals.events == len(written)
    assert lines.totals.is_complete
    assert other.totals.is_complete
    assert view.made > LOOPS
    mine, theirs = (
        [alike(e) for e in events if e.process and any(one.pid == shell.pid for one in e.process.ancestors)]
        for events in (written, told)
    )
    assert len(mine) == 2 * LOOPS
    assert {e.process.pid: e for e in mine if e.process}.keys() == {
        e.process.pid: e for e in theirs if e.process
    }.keys()
    assert mine == theirs
    # What is each line's own is that of no other.
    for first, second in pairwise(written):
        if first.cpu == second.cpu and first.seq and second.seq:
            assert first.seq < second.seq
            assert first.ktime < second.ktime
