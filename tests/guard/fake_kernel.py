"""Maps, links and pins behind `_native`, without a kernel: descriptors are real ones, what they hold is here."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from ringward.guard import hold, holder, maps, pins, status
from ringward.sensor import _native
from tests.sensor.made_up_kernel import Link, MadeUp, use

PROGRAM = 7
"""Id of every program of this kernel."""


class Maps:
    """Contents of maps by descriptor; links that hold modules; files in the place of pins."""

    def __init__(self) -> None:
        self.contents: dict[int, dict[bytes, bytes]] = {}
        self.sizes: dict[int, int] = {}
        self.writes: list[tuple[int, bytes, bytes]] = []
        self.held: dict[str, int] = {}
        self.refuse_hold: set[str] = set()
        self.pinned: dict[str, int] = {}
        self.programs = {PROGRAM}
        self.full = False

    def made(self) -> int:
        return os.open("/dev/null", os.O_RDONLY)

    def map_hash(self, _name: str, _key: int, _value: int, entries: int) -> int:
        fd = self.made()
        self.sizes[fd] = entries
        self.contents[fd] = {}
        return fd

    def map_fill(self, fd: int, keys: Any, values: Any) -> None:
        if self.full:
            raise _native.BpfError(7, "Argument list too long", "fill a map", "")
        raw_keys, raw_values = bytes(keys), bytes(values)
        count = len(raw_values) // 4 if fd in self.sizes and len(raw_keys) == 8 * len(raw_values) else None
        step = 32 if count is not None else 4
        count = len(raw_keys) // step
        size = len(raw_values) // count if count else 0
        table = self.contents.setdefault(fd, {})
        for i in range(count):
            table[raw_keys[i * step : (i + 1) * step]] = raw_values[i * size : (i + 1) * size]

    def map_update(self, fd: int, key: bytes, value: bytes) -> None:
        self.writes.append((fd, key, value))
        self.contents.setdefault(fd, {})[key] = value

    def map_lookup(self, fd: int, key: bytes) -> bytes | None:
        return self.contents.get(fd, {}).get(key)

    def map_keys(self, fd: int) -> list[bytes]:
        return list(self.contents.get(fd, {}))

    def map_delete(self, fd: int, key: bytes) -> None:
        self.contents.get(fd, {}).pop(key, None)

    def module_hold(self, name: str) -> int:
        if name in self.refuse_hold:
            raise _native.BpfError(2, "No such file or directory", "hold a module by one of its functions", "")
        fd = self.held[name] = self.made()
        return fd

    def pin(self, fd: int, path: str) -> None:
        Path(path).touch(exist_ok=False)
        self.pinned[path] = fd

    def open_pin(self, path: str, _flags: int = 0, /) -> int:
        if not Path(path).exists():
            raise _native.BpfError(2, "No such file or directory", "open a pinned object", "")
        fd = os.dup(self.pinned[path])
        self.contents[fd] = self.contents.setdefault(self.pinned[path], {})
        return fd

    def program_open(self, number: int) -> int:
        if number not in self.programs:
            raise _native.BpfError(2, "No such file or directory", "open a program by its id", "")
        return self.made()

    def program_info(self, _fd: int) -> dict[str, int | str]:
        return {"id": PROGRAM, "type": 0, "recursion_misses": 0}


def use_maps(patch: pytest.MonkeyPatch, folder: Path, kernel: MadeUp | None = None) -> Maps:
    """Put these maps, and a made-up kernel's programs, in the place of the real ones."""
    made = Maps()
    use(patch, kernel or MadeUp())
    patch.setattr(Link, "fileno", lambda _self: 0, raising=False)
    for name in (
        "map_hash",
        "map_fill",
        "map_update",
        "map_lookup",
        "map_keys",
        "map_delete",
        "module_hold",
        "pin",
        "program_info",
        "program_open",
    ):
        patch.setattr(_native, name, getattr(made, name))
    patch.setattr(_native, "pinned", made.open_pin)
    patch.setattr(pins, "mounted", lambda _mounts, _folder: True)
    patch.setattr(pins, "FOLDER", folder)
    assert {module._native for module in (hold, holder, maps, status)} == {_native}  # type: ignore[attr-defined]
    return made
