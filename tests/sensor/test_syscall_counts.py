"""What is read of the kernel part's sums, by the layout that the object's BTF has. Whole: tests/kernel."""

from __future__ import annotations

import struct

import pytest

from ringward.btf import Btf, types
from ringward.events.latency import BUCKETS, Tally
from ringward.sensor import _native, objects
from ringward.sensor.syscall_counts import CallCounts, tally_of

COUNTS, ENTRIES = 3, 4


def btf() -> Btf:
    return objects.load("syscall").btf


def test_the_layouts_are_those_of_the_object() -> None:
    found = btf()
    count, entry = (found.find(types.STRUCT, name) for name in ("call_count", "call_entry"))
    assert count is not None
    assert entry is not None
    assert found.size_of(count) == 8 * (5 + BUCKETS)
    names = [member.name for member in found.resolve(count).members]
    assert names == ["calls", "errors", "timed", "time", "longest", "buckets"]
    assert {member.name: member.offset for member in found.resolve(entry).members} == {
        "entered": 0,
        "key": 8,
        "busy": 12,
    }


def value(*tallies: Tally) -> bytes:
    return b"".join(
        struct.pack(f"<5Q{BUCKETS}Q", one.calls, one.errors, one.timed, one.time, one.longest, *one.buckets)
        for one in tallies
    )


def tally(*durations: int) -> Tally:
    found = Tally()
    for duration in durations:
        found.add(-1 if duration % 2 else 0, duration)
    return found


def test_the_processors_are_summed() -> None:
    assert tally_of(value(tally(1, 2, 3), tally(), tally(400))) == tally(1, 2, 3, 400)


@pytest.fixture(name="maps")
def maps_fixture(monkeypatch: pytest.MonkeyPatch) -> dict[int, dict[bytes, bytes]]:
    """Maps of a made-up kernel."""
    maps: dict[int, dict[bytes, bytes]] = {COUNTS: {}, ENTRIES: {}}
    monkeypatch.setattr(_native, "map_keys", lambda fd: list(maps[fd]))
    monkeypatch.setattr(_native, "map_lookup", lambda fd, key: maps[fd].get(key))
    return maps


def key(number: int) -> bytes:
    return struct.pack("<I", number)


def test_calls_of_all_interfaces_are_one_event(maps: dict[int, dict[bytes, bytes]]) -> None:
    # openat: 257 of 64-bit programs and of x32, 295 of 32-bit ones
    maps[COUNTS] = {
        key(257): value(tally(2, 3)),
        key(1024 + 295): value(tally(4)),
        key(0): value(tally(6)),
    }
    counts = CallCounts(COUNTS, ENTRIES, ["openat", "read"])
    assert counts.read() == {"openat": tally(2, 3, 4), "read": tally(6)}


def test_calls_that_have_not_returned_are_those_of_busy_threads(maps: dict[int, dict[bytes, bytes]]) -> None:
    maps[ENTRIES] = {
        key(100): struct.pack("<QII", 5, 0, 1),
        key(101): struct.pack("<QII", 5, 0, 0),
        key(102): struct.pack("<QII", 5, 257, 1),
        key(103): struct.pack("<QII", 5, 257, 1),
    }
    assert CallCounts(COUNTS, ENTRIES, ["openat", "read", "write"]).under_way() == {"openat": 2, "read": 1}


def test_the_last_sums_stay_when_the_maps_have_gone(maps: dict[int, dict[bytes, bytes]]) -> None:
    maps[COUNTS], maps[ENTRIES] = {key(0): value(tally(6))}, {key(7): struct.pack("<QII", 5, 0, 1)}
    counts = CallCounts(COUNTS, ENTRIES, ["read"])
    counts.finish()
    maps.clear()
    assert counts.read() == {"read": tally(6)}
    assert counts.under_way() == {"read": 1}
