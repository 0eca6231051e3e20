"""What the kernel part of system calls is told. Whole: tests/kernel."""

from __future__ import annotations

import os
import struct

import pytest

from ringward.events.filter import Filter
from ringward.events.registry import select
from ringward.sensor import _native, objects, syscall_watch
from ringward.sensor.limits import Limit
from ringward.sensor.syscall_plan import wanted_numbers
from ringward.sensor.syscall_watch import CallWatch

FDS = {"call_plans": 1, "call_threads": 2, "call_counts": 3, "call_entries": 4, "limits": 5, "left_out": 6}


@pytest.fixture(name="maps")
def maps_fixture(monkeypatch: pytest.MonkeyPatch) -> dict[int, dict[bytes, bytes]]:
    """Maps of a made-up kernel."""
    maps: dict[int, dict[bytes, bytes]] = {fd: {} for fd in FDS.values()}
    monkeypatch.setattr(_native, "map_keys", lambda fd: list(maps[fd]))
    monkeypatch.setattr(_native, "map_lookup", lambda fd, key: maps[fd].get(key))
    monkeypatch.setattr(_native, "map_update", lambda fd, key, value: maps[fd].update({key: value}))
    return maps


def test_the_numbers_fit_the_object() -> None:
    assert objects.load("syscall").knobs()["wanted_numbers"][1] == len(wanted_numbers([]))


def test_only_plain_calls_are_wanted(maps: dict[int, dict[bytes, bytes]]) -> None:
    watch = CallWatch(select(["openat", "modules"]), Filter(), 0, counting=False, limits={})
    watch.begin(FDS.__getitem__)
    assert (watch.names, watch.threads) == (("openat",), FDS["call_threads"])
    assert set(maps[1]) == {struct.pack("<I", number) for number in (257, 1024 + 295, 2048 + 257)}
    assert (watch.counts, watch.entries) == (None, {})
    wanted = bytearray(1024)
    wanted[257], wanted[295] = 1 << 0 | 1 << 2, 1 << 1
    assert watch.knobs == {"counting": 0, "ring_limit": 0, "wanted_numbers": bytes(wanted)}


def test_a_summary_has_room_for_each_call_up_to_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    def room(*names: str) -> dict[str, int]:
        return CallWatch(select(names), Filter(), 0, counting=True, limits={}).entries

    assert room("openat") == {"call_counts": 3}
    assert room("calls") == {"call_counts": syscall_watch.ROOM}
    assert room("modules") == {"call_counts": 1}


def test_what_is_counted_can_be_read(maps: dict[int, dict[bytes, bytes]]) -> None:
    watch = CallWatch(("openat",), Filter(), 0, counting=True, limits={})
    watch.begin(FDS.__getitem__)
    maps[4] = {struct.pack("<I", os.getpid()): struct.pack("<QII", 1, 257, 1)}
    assert watch.counts
    assert watch.counts.under_way() == {"openat": 1}
    assert watch.knobs["counting"] == 1


def test_a_limit_is_named_by_the_plans_of_its_calls(maps: dict[int, dict[bytes, bytes]]) -> None:
    watch = CallWatch(("openat", "read"), Filter(), 0, counting=False, limits={"read": Limit(7)})
    assert watch.entries == {"limits": 2, "left_out": 2}
    watch.begin(FDS.__getitem__)
    places = {struct.unpack("<I", key)[0]: struct.unpack_from("<H", plan, 6)[0] for key, plan in maps[1].items()}
    assert places == {257: 0, 1024 + 295: 0, 2048 + 257: 0, 0: 1, 1024 + 3: 1, 2048 + 0: 1}


def test_the_ring_is_told_its_limit() -> None:
    limits = {"read": Limit(7), "process_exec": Limit(1), "io_uring": Limit(0, 3)}
    watch = CallWatch(("read",), Filter(), 0, counting=False, limits=limits)
    assert watch.knobs["ring_limit"] == 2, "that of another event is not the kernel part's"
    assert watch.entries == {"limits": 3, "left_out": 3}
