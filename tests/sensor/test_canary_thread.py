"""The thread that makes hooks fire is marked as long as it does, whatever happens to it."""

from __future__ import annotations

import struct
import threading

import pytest

from ringward.sensor import _native
from ringward.sensor.canary_thread import canary_thread, forget

MAPS = {"canaries": 7, "canaries_living": 8}


@pytest.fixture
def done(monkeypatch: pytest.MonkeyPatch) -> list[tuple[object, ...]]:
    found: list[tuple[object, ...]] = []
    monkeypatch.setattr(_native, "map_update", lambda *args: found.append(("update", *args)))
    monkeypatch.setattr(_native, "map_delete", lambda *args: found.append(("delete", *args)))
    return found


def number(value: int) -> bytes:
    return struct.pack("<I", value)


def test_a_thread_is_marked_and_unmarked(done: list[tuple[object, ...]]) -> None:
    thread = number(threading.get_native_id())
    with pytest.raises(KeyError), canary_thread(MAPS):
        raise KeyError
    assert done == [
        ("update", 8, number(1), number(1)),
        ("update", 7, thread, number(1)),
        ("delete", 7, thread),
        ("update", 8, number(1), number(0)),
    ]


def test_where_no_thread_can_be_marked_there_is_none(
    done: list[tuple[object, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def update(fd: int, *args: bytes) -> None:
        if fd == MAPS["canaries"]:
            raise _native.BpfError(7, "Argument list too long", "update a map", "")
        done.append(("update", fd, *args))

    monkeypatch.setattr(_native, "map_update", update)
    with pytest.raises(_native.BpfError), canary_thread(MAPS):
        pass
    assert done == [("update", 8, number(1), number(1)), ("update", 8, number(1), number(0))]


def test_marks_of_a_process_that_was_killed_are_forgotten(
    done: list[tuple[object, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = {MAPS["canaries"]: [number(41), number(42)], MAPS["canaries_living"]: [number(n) for n in range(3)]}
    monkeypatch.setattr(_native, "map_keys", kept.__getitem__)
    forget(MAPS)
    assert done == [
        ("delete", 7, number(41)),
        ("delete", 7, number(42)),
        *(("update", 8, number(n), number(0)) for n in range(3)),
    ]
