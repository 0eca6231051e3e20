"""Hooks are made to decide: what the kernel does with the calls of the proving thread is made up here."""

from __future__ import annotations

import struct
import threading
from collections.abc import Callable

import pytest

from ringward.guard import proof
from ringward.guard.layouts import constants
from ringward.guard.proof import Hook, Proof
from ringward.sensor import _native
from ringward.sensor.canary_thread import PROOF

MAPS = {"guard_hits": 1, "canaries": 2, "canaries_living": 3, "guard_proof": 4}
NAMES = ("file", "memory", "request")


class Kernel:
    """Counts what each hook decides for a marked thread, but for those that are deaf."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.deaf: set[str] = set()
        self.closed: set[str] = set()
        self.made: list[str] = []
        self.counts = dict.fromkeys(NAMES, 0)
        self.marked: int | None = None
        self.until = 0
        for name in ("map_update", "map_delete", "map_lookup"):
            patch.setattr(_native, name, getattr(self, name))

    def map_update(self, fd: int, key: bytes, value: bytes) -> None:
        if fd == MAPS["canaries"]:
            assert struct.unpack("<I", value) == (PROOF,)
            (self.marked,) = struct.unpack("<I", key)
        if fd == MAPS["guard_proof"]:
            (self.until,) = struct.unpack("<Q", value)

    def map_delete(self, _fd: int, _key: bytes) -> None:
        self.marked = None

    def map_lookup(self, fd: int, key: bytes) -> bytes:
        assert fd == MAPS["guard_hits"]
        numbers = constants("proof")
        (name,) = (one for one in NAMES if numbers[one] == struct.unpack("<I", key)[0])
        return struct.pack("<Q", self.counts[name])

    def decide(self, name: str) -> Callable[[], bool]:
        def reach() -> bool:
            assert self.marked == threading.get_native_id() != threading.main_thread().native_id
            assert self.until
            self.made.append(name)
            self.counts[name] += name not in self.deaf
            return name not in self.closed

        return reach

    def proof(self) -> Proof:
        labels = {"file": "module_verdict", "memory": "module_verdict", "request": "autoload_verdict"}
        return Proof(MAPS, [Hook(labels[name], name, f"each {name}", self.decide(name)) for name in NAMES])


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> Kernel:
    return Kernel(monkeypatch)


def test_each_that_does_not_decide_is_told(kernel: Kernel) -> None:
    one = kernel.proof()
    assert one.undecided() == {}
    assert kernel.made == [*NAMES]
    kernel.deaf = {"memory"}
    assert one.undecided() == {"module_verdict": "each memory"}
    kernel.deaf = {"file", "memory", "request"}
    assert one.undecided() == {"module_verdict": "each file, each memory", "autoload_verdict": "each request"}
    kernel.deaf = set()
    assert one.undecided() == {}
    assert (kernel.marked, kernel.until) == (None, 0)


def test_a_thread_that_came_too_late_says_nothing(kernel: Kernel, monkeypatch: pytest.MonkeyPatch) -> None:
    kernel.deaf = set(NAMES)
    monkeypatch.setattr(proof, "LASTS_NS", 0)
    one = kernel.proof()
    assert one.undecided() == {}
    assert one.unreached == {"module_verdict": "each file, each memory", "autoload_verdict": "each request"}


def test_where_the_kernel_does_not_get_to_the_hook_it_is_not_called_deaf(kernel: Kernel) -> None:
    kernel.deaf = kernel.closed = {"memory"}
    one = kernel.proof()
    assert one.unreached == {}
    assert one.undecided() == {}
    assert one.unreached == {"module_verdict": "each memory"}
    kernel.deaf = kernel.closed = set()
    assert one.undecided() == {}
    assert one.unreached == {}


def test_without_a_hook_nothing_is_done(kernel: Kernel) -> None:
    none = Proof(MAPS, [])
    assert (none.undecided(), none.unreached) == ({}, {})
    assert kernel.marked is None
