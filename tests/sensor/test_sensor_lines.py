"""The sensor where lines are wanted instead of events."""

from __future__ import annotations

from typing import Any

import pytest

from ringward.events import Event
from ringward.events.filter import Filter
from ringward.sensor import Sensor, sensor
from ringward.sensor.ebpf import Wish
from ringward.sensor.limits import Limit
from tests.sensor.test_sensor import Source


class Lines:
    """Takes lines, and makes none."""

    def __init__(self) -> None:
        self.taken: list[tuple[bytes, int]] = []

    def encode(self, _events: list[Event]) -> bytes:
        return b""

    def take(self, lines: bytes, count: int) -> None:
        self.taken.append((lines, count))


def test_lines_are_handed_on_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    wishes: list[Wish] = []
    source = Source()
    monkeypatch.setattr(sensor, "EbpfSource", lambda wish, _totals: wishes.append(wish) or source)
    reader = Lines()
    found = Sensor(["programs"], lines=reader)
    found.open()
    assert wishes[0].lines
    encode, ready = wishes[0].lines
    assert encode == reader.encode
    ready.append((b"a", 3))
    source.looks = [[]]
    assert found.poll(5) == []
    assert (reader.taken, ready, found.totals.events, source.waited) == ([(b"a", 3)], [], 3, [])
    ready.append((b"b", 1))
    assert [one.event for one in found.close()] == ["module_free"]
    assert (reader.taken[1:], found.totals.events) == ([(b"b", 1)], 5)


def test_lines_are_not_made_of_what_a_filter_may_leave_out() -> None:
    some: tuple[dict[str, Any], ...] = ({"only": Filter(comms=("a",))}, {"limits": {"process_exec": Limit(rate=1)}})
    for given in some:
        assert Sensor(["programs"], lines=Lines(), **given)._wish.lines is None
    assert Sensor(["programs"])._wish.lines is None
