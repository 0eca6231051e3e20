from __future__ import annotations

import struct
import threading
from pathlib import Path

import pytest

from ringward.events.catalogue.self_verdict import HOOKS
from ringward.guard.layouts import constants
from ringward.guard.self_canary import SelfCanary
from ringward.sensor import _native

MAPS = {"self_hits": 1, "canaries": 2, "canaries_living": 3}


class Kernel:
    """Counts of hooks that each canary moves, but for those that are deaf; everything else fails as it would."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.deaf: set[str] = set()
        self.counts = dict.fromkeys(HOOKS, 0)
        self.threads: list[int] = []
        self.living: list[int] = []
        self.refuses = False
        for name in ("map_update", "map_delete", "map_lookup", "raw_syscall", "map_open", "program_open"):
            patch.setattr(_native, name, getattr(self, name))

    def map_update(self, fd: int, key: bytes, value: bytes) -> None:
        if fd == MAPS["canaries_living"]:
            self.living.append(struct.unpack("<I", value)[0])
            return
        self.threads.append(struct.unpack("<I", key)[0])
        assert self.threads[-1] == threading.get_native_id() != threading.main_thread().native_id
        for name in HOOKS:
            self.counts[name] += name not in self.deaf

    def map_delete(self, _fd: int, key: bytes) -> None:
        assert struct.unpack("<I", key)[0] == self.threads.pop()

    def map_lookup(self, fd: int, key: bytes) -> bytes:
        assert fd == MAPS["self_hits"]
        return struct.pack("<Q", self.counts[HOOKS[struct.unpack("<I", key)[0]]])

    def raw_syscall(self, *_args: int) -> int:
        return -1

    def map_open(self, _number: int) -> int:
        raise _native.BpfError(1, "Operation not permitted", "open a map by its id", "")

    program_open = map_open


def test_the_hooks_are_those_of_the_kernel_part_in_its_order() -> None:
    found = constants("self_hook", "guard_self")
    last = found.pop("self_hooks")
    assert [found[f"self_{name}"] for name in HOOKS] == list(range(last))


def test_a_hook_that_does_not_decide(monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = Kernel(monkeypatch)
    folders: list[Path] = []
    canary = SelfCanary(MAPS, 5, 6, folders.append)
    assert folders[0].is_dir()
    assert canary.deaf() == []
    # What the first canary has done here is undone, and done again.
    kernel.deaf = {"inode_unlink", "bpf_map"}
    assert canary.deaf() == ["inode_unlink", "bpf_map"]
    assert kernel.threads == []
    canary.close()
    assert not folders[0].exists()
