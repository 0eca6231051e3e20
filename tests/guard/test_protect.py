from __future__ import annotations

import os
import struct
from pathlib import Path

import pytest

from ringward.guard import launch, protect
from ringward.guard.layouts import constants
from ringward.guard.protect import Protected, Protection
from ringward.sensor import _native

FLAGS = constants("object", protect.OBJECT)


def test_a_directory_is_private_when_it_has_the_database_alone(tmp_path: Path) -> None:
    database = tmp_path / "trust.db"
    for name in ("trust.db", "trust.db.good", "trust.db-journal"):
        (tmp_path / name).touch()
    assert protect.is_private(database)
    (tmp_path / "other").touch()
    assert not protect.is_private(database)
    assert not protect.is_private(tmp_path / "missing" / "trust.db")


def test_what_is_protected(tmp_path: Path) -> None:
    database, rules = tmp_path / "db" / "trust.db", tmp_path / "rules"
    database.parent.mkdir()
    for name in ("trust.db", "trust.db.good"):
        (database.parent / name).touch()
    package, extra = Path("/lib/ringward"), Path("/usr/bin/true")
    always = [Protected(package, tree=True), Protected(Path(launch.interpreter())), Protected(extra)]
    assert protect.own_files(database, rules, package, [extra]) == [Protected(database.parent, tree=True), *always]
    rules.mkdir()
    (database.parent / "other").touch()
    assert protect.own_files(database, rules, package, [extra]) == [
        Protected(database),
        Protected(Path(f"{database}.good")),
        Protected(rules, tree=True),
        *always,
    ]


class Kernel:
    """The maps, and the hook that takes in what is opened."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.maps = {name: number for number, name in enumerate(("self_numbers", "self_enrolling"))}
        self.numbers: set[bytes] = set()
        self.flags: dict[str, int] = {}
        self.next = 0
        self.hears = True
        for name in ("map_update", "map_delete", "map_lookup"):
            patch.setattr(_native, name, getattr(self, name))
        patch.setattr(protect.os, "open", self.open)

    def map_update(self, fd: int, key: bytes, value: bytes) -> None:
        if fd == self.maps["self_numbers"]:
            self.numbers.add(key)
        else:
            self.next = struct.unpack("<I", value)[0]

    def map_delete(self, _fd: int, _key: bytes) -> None:
        self.next = 0

    def map_lookup(self, _fd: int, _key: bytes) -> bytes | None:
        return struct.pack("<I", self.next) if self.next else None

    def open(self, path: Path, _flags: int) -> int:
        if not path.exists():
            raise FileNotFoundError(2, "No such file or directory")
        if self.hears:
            self.flags[str(path)] = self.flags.get(str(path), 0) | self.next
            self.next = 0
        read, write = os.pipe()
        os.close(write)
        return read


def test_a_tree_and_all_above_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = Kernel(monkeypatch)
    protection = Protection(kernel.maps, {})
    folder = tmp_path / "folder"
    folder.mkdir()
    (tmp_path / "link").symlink_to(folder)
    protection.add([Protected(tmp_path / "link", tree=True)])
    assert protection.failed == {}
    assert kernel.flags.pop(str(folder)) == FLAGS["tree"]
    assert kernel.flags == dict.fromkeys(map(str, folder.parents), FLAGS["ancestor"])
    protection.close()


def test_what_cannot_be_protected_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = Kernel(monkeypatch)
    protection = Protection(kernel.maps, {})
    protection.add([Protected(tmp_path / "missing")])
    assert protection.failed == {str(tmp_path / "missing"): "No such file or directory"}
    kernel.hears = False
    protection.add([Protected(tmp_path)])
    assert protection.failed[str(tmp_path)].startswith("the kernel part did not take it")
    protection.close()
