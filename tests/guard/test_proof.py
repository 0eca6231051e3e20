"""Hooks that judge are made to decide: what the kernel does with the calls of the proving thread is made up here."""

from __future__ import annotations

import errno
import socket
import struct
import threading
from collections.abc import Collection

import pytest

from ringward.guard import proof
from ringward.guard.layouts import constants
from ringward.guard.policy import operation_number
from ringward.guard.proof import Proof
from ringward.sensor import _native
from ringward.sensor.canary_thread import PROOF
from ringward.trust.rules import Operation

MAPS = {"guard_hits": 1, "canaries": 2, "canaries_living": 3, "guard_proof": 4}
MEMORY = 8
FILES, REQUESTS, REMOVALS = map(operation_number, (Operation.MODULES, Operation.AUTOLOAD, Operation.UNLOAD))
CALLS = {313: FILES, 175: MEMORY, 176: REMOVALS}
ALL = (Operation.MODULES, Operation.AUTOLOAD, Operation.UNLOAD, Operation.SELF)
NAMES = {
    FILES: {Operation.MODULES: "images in files"},
    MEMORY: {Operation.MODULES: "images in memory"},
    REQUESTS: {Operation.AUTOLOAD: "requests"},
    REMOVALS: {Operation.UNLOAD: "removals"},
}


class Kernel:
    """Counts what each hook decides for a marked thread, but for those that are deaf."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.deaf: set[int] = set()
        self.made: list[int] = []
        self.answers = {FILES: -errno.EKEYREJECTED, MEMORY: -errno.EKEYREJECTED, REMOVALS: -errno.ENOENT}
        self.asks = True
        self.counts = dict.fromkeys(NAMES, 0)
        self.marked: int | None = None
        self.until = 0
        for name in ("map_update", "map_delete", "map_lookup", "raw_syscall"):
            patch.setattr(_native, name, getattr(self, name))
        patch.setattr(socket, "socket", self.socket)
        patch.setattr(proof, "asks_for_modules", lambda: self.asks)

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
        return struct.pack("<Q", self.counts[struct.unpack("<I", key)[0]])

    def _decide(self, hook: int) -> None:
        assert self.marked == threading.get_native_id() != threading.main_thread().native_id
        assert self.until
        self.made.append(hook)
        self.counts[hook] += hook not in self.deaf

    def raw_syscall(self, number: int, *_args: int) -> int:
        self._decide(CALLS[number])
        return self.answers[CALLS[number]]

    def socket(self, _family: int, _kind: int) -> socket.socket:
        self._decide(REQUESTS)
        raise OSError(errno.EAFNOSUPPORT, "Address family not supported by protocol")


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> Kernel:
    return Kernel(monkeypatch)


def proving(judged: Collection[Operation] = ALL) -> Proof:
    return Proof(MAPS, judged)


def test_the_mark_is_the_kernel_parts() -> None:
    assert operation_number(Operation.UNLOAD) == constants("operation")["unload"]


def test_each_that_does_not_decide_is_told(kernel: Kernel) -> None:
    one = proving()
    assert one.undecided() == {}
    for hook, names in NAMES.items():
        kernel.deaf = {hook}
        assert one.undecided() == names
    kernel.deaf = {FILES, MEMORY}
    assert one.undecided() == {Operation.MODULES: "images in files, images in memory"}
    kernel.deaf = set()
    assert one.undecided() == {}
    assert kernel.marked is None
    assert kernel.until == 0


def test_what_is_not_judged_is_not_asked(kernel: Kernel) -> None:
    assert proving([Operation.AUTOLOAD, Operation.SELF]).undecided() == {}
    assert kernel.made == [REQUESTS]
    assert proving([Operation.SELF]).undecided() == {}


def test_a_thread_that_came_too_late_says_nothing(kernel: Kernel, monkeypatch: pytest.MonkeyPatch) -> None:
    kernel.deaf = set(NAMES)
    monkeypatch.setattr(proof, "LASTS_NS", 0)
    assert proving().undecided() == {}


def test_where_the_kernel_does_not_get_to_the_hook_nothing_is_said(kernel: Kernel) -> None:
    kernel.deaf = set(NAMES)
    kernel.asks = False
    kernel.answers = dict.fromkeys(kernel.answers, -errno.EPERM)
    assert proving().undecided() == {}
