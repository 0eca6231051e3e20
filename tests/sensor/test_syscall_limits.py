"""Limits of system calls: what the kernel part is given and what is told of what it left out. Whole: tests/kernel."""

from __future__ import annotations

import struct

import pytest

from ringward.btf import types
from ringward.events.catalogue.events_limited import EventsLimited
from ringward.sensor import _native, objects
from ringward.sensor.syscall_limits import CallLimits, Limit

LIMITS, LEFT_OUT = 1, 2


@pytest.fixture(name="maps")
def maps_fixture(monkeypatch: pytest.MonkeyPatch) -> dict[int, dict[bytes, bytes]]:
    """Maps of a made-up kernel."""
    maps: dict[int, dict[bytes, bytes]] = {LIMITS: {}, LEFT_OUT: {}}
    monkeypatch.setattr(_native, "map_lookup", lambda fd, key: maps[fd].get(key))
    monkeypatch.setattr(_native, "map_update", lambda fd, key, value: maps[fd].update({key: value}))
    return maps


def test_the_layouts_are_those_of_the_object() -> None:
    btf = objects.load("syscall").btf
    limit, left_out = (btf.find(types.STRUCT, name) for name in ("call_limit", "call_left_out"))
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
    limits = CallLimits({"read": Limit(5), "write": Limit(0, 2)})
    assert limits.news() == []
    limits.begin(LIMITS, LEFT_OUT)
    assert maps[LIMITS] == {
        struct.pack("<I", 1): struct.pack("<QII", 0, 5, 0),
        struct.pack("<I", 2): struct.pack("<QII", 0, 0, 2),
    }
    two = struct.Struct("<QQQQ")
    maps[LEFT_OUT] = {struct.pack("<I", 1): two.pack(9, 3, 9, 4), struct.pack("<I", 2): two.pack(9, 0, 9, 0)}
    assert limits.news() == [EventsLimited(7, "read", "at most 5 a second")]
    assert limits.news() == []
    maps[LEFT_OUT][struct.pack("<I", 2)] = two.pack(9, 0, 9, 1)
    assert limits.news() == [EventsLimited(1, "write", "one of 2")]


def test_without_limits_nothing_is_asked(maps: dict[int, dict[bytes, bytes]]) -> None:
    limits = CallLimits({})
    limits.begin(LIMITS, LEFT_OUT)
    assert (limits.entries, limits.places, limits.news(), maps[LIMITS]) == ({}, {}, [], {})
