"""Limits of events: what the kernel part is given, what is decided here, what is told of both. Whole: tests/kernel."""

from __future__ import annotations

import struct

import pytest
from msgspec.structs import replace

from ringward.btf import types
from ringward.events.catalogue.events_limited import EventsLimited
from ringward.events.catalogue.events_lost import EventsLost
from ringward.sensor import _native, objects
from ringward.sensor.limits import KernelLimits, Limit, ShownLimits
from tests.output.event_factory import event

LIMITS, LEFT_OUT = 1, 2


@pytest.fixture(name="maps")
def maps_fixture(monkeypatch: pytest.MonkeyPatch) -> dict[int, dict[bytes, bytes]]:
    """Maps of a made-up kernel."""
    maps: dict[int, dict[bytes, bytes]] = {LIMITS: {}, LEFT_OUT: {}}
    monkeypatch.setattr(_native, "map_lookup", lambda fd, key: maps[fd].get(key))
    monkeypatch.setattr(_native, "map_update", lambda fd, key, value: maps[fd].update({key: value}))
    return maps


@pytest.mark.parametrize("name", ["syscall", "io_uring"])
def test_the_layouts_are_those_of_the_object(name: str) -> None:
    btf = objects.load(name).btf
    limit, left_out = (btf.find(types.STRUCT, name) for name in ("event_limit", "event_left_out"))
    assert limit is not None
    assert left_out is not None
    assert {one.name: one.offset for one in btf.resolve(limit).members} == {"passed": 0, "rate": 8, "every": 12}
    assert {one.name: one.offset for one in btf.resolve(left_out).members} == {"seen": 0, "left_out": 8}
    assert (btf.size_of(limit), btf.size_of(left_out)) == (16, 16)


@pytest.mark.parametrize(
    ("limit", "text"),
    [
        (Limit(5), "at most 5 a second"),
        (Limit(0, 9), "one of 9"),
        (Limit(5, 9), "one of 9 and at most 5 a second"),
    ],
)
def test_a_limit_says_what_it_is(limit: Limit, text: str) -> None:
    assert limit.text() == text


def test_what_is_left_out_is_told_once(maps: dict[int, dict[bytes, bytes]]) -> None:
    limits = KernelLimits({"read": Limit(5), "process_exec": Limit(1), "write": Limit(0, 2)})
    assert list(limits.news()) == []
    limits.begin(LIMITS, LEFT_OUT)
    maps[LEFT_OUT] = {struct.pack("<I", place): bytes(32) for place in (1, 2)}
    assert list(limits.news()) == []
    assert maps[LIMITS] == {
        struct.pack("<I", 1): struct.pack("<QII", 0, 5, 0),
        struct.pack("<I", 2): struct.pack("<QII", 0, 0, 2),
    }
    two = struct.Struct("<QQQQ")
    maps[LEFT_OUT] = {struct.pack("<I", 1): two.pack(9, 3, 9, 4), struct.pack("<I", 2): two.pack(9, 0, 9, 0)}
    assert list(limits.news()) == [EventsLimited(7, "read", "at most 5 a second")]
    assert list(limits.news()) == []
    maps[LEFT_OUT][struct.pack("<I", 2)] = two.pack(9, 0, 9, 1)
    assert list(limits.news()) == [EventsLimited(1, "write", "one of 2")]


def test_what_the_kernel_part_has_no_count_of_is_said_once_and_is_no_zero(maps: dict[int, dict[bytes, bytes]]) -> None:
    limits = KernelLimits({"read": Limit(5), "write": Limit(0, 2)})
    limits.begin(LIMITS, LEFT_OUT)
    maps[LEFT_OUT] = {struct.pack("<I", 2): struct.pack("<QQ", 9, 4)}
    first, second = limits.news()
    assert isinstance(first, EventsLost)
    assert (first.count, "limit of read" in first.reason) == (None, True)
    assert second == EventsLimited(4, "write", "one of 2")
    assert list(limits.news()) == []


def test_without_limits_nothing_is_asked(maps: dict[int, dict[bytes, bytes]]) -> None:
    limits = KernelLimits({})
    limits.begin(LIMITS, LEFT_OUT)
    assert (limits.entries, limits.places, list(limits.news()), maps[LIMITS]) == ({}, {}, [], {})


def told(limits: ShownLimits, *times: float, name: str = "process_exec") -> list[bool]:
    """Return whether events at some times, in seconds since boot, are shown."""
    return [limits.passes(replace(event(), event=name, ktime=int(time * 1e9))) for time in times]


def test_one_of_so_many_is_shown() -> None:
    limits = ShownLimits({"process_exec": Limit(0, 3)})
    assert told(limits, *range(7)) == [True, False, False, True, False, False, True]
    assert list(limits.news()) == [EventsLimited(4, "process_exec", "one of 3")]
    assert list(limits.news()) == []
    assert told(limits, 8) == [False]
    assert list(limits.news()) == [EventsLimited(1, "process_exec", "one of 3")]


def test_so_many_a_second_are_shown() -> None:
    limits = ShownLimits({"process_exec": Limit(2)})
    assert told(limits, 5.0, 5.1, 5.9, 6.0, 6.1, 6.2) == [True, True, False, True, True, False]
    assert told(limits, 5.99) == [False], "of the second before, told late"
    assert told(limits, 9.5) == [True]
    assert list(limits.news()) == [EventsLimited(3, "process_exec", "at most 2 a second")]


def test_the_rate_is_of_the_sample() -> None:
    limits = ShownLimits({"process_exec": Limit(1, 2)})
    assert told(limits, 5.0, 5.1, 5.2, 5.3, 6.0) == [True, False, False, False, True]


def test_only_what_nothing_else_is_made_of_is_left_to_the_kernel() -> None:
    limits = {name: Limit(0, 1000) for name in ("read", "io_uring", "process_exec", "finit_module")}
    assert list(KernelLimits(limits).places) == ["read", "io_uring"]
    shown = ShownLimits(limits)
    assert bool(shown)
    assert not ShownLimits({"read": Limit(1)})
    assert [told(shown, 1, 1, name=name) for name in limits] == [[True, True]] * 2 + [[True, False]] * 2
