from __future__ import annotations

import os
from pathlib import Path

import pytest

from ringward.guard import pins
from ringward.guard.pins import Pins, build_of, links_of, maps_of, mounted, remove
from ringward.sensor import objects
from ringward.sensor.info import SensorError
from tests.guard.fake_kernel import Maps, use_maps

MOUNTS = "proc /proc proc rw 0 0\nbpf /sys/fs/bpf bpf rw 0 0\ntmpfs /sys/fs/bpf/over tmpfs rw 0 0\n"


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Maps:
    return use_maps(monkeypatch, tmp_path / "pins")


@pytest.mark.parametrize(
    ("path", "there"),
    [("/sys/fs/bpf/ringward", True), ("/sys/fs/bpf", True), ("/sys/fs/bpf/over/x", False), ("/sys/fs/bpfx", False)],
)
def test_whether_a_folder_is_in_a_bpf_file_system(path: str, there: bool) -> None:
    assert mounted(MOUNTS, Path(path)) == there


def test_without_one_nothing_can_be_pinned(tmp_path: Path) -> None:
    with pytest.raises(SensorError, match="mount -t bpf bpf"):
        Pins("b", tmp_path / "ringward")


def test_a_build_is_told_by_what_is_in_its_objects(monkeypatch: pytest.MonkeyPatch) -> None:
    names = ("guard_unload", "guard_autoload")
    found = build_of(names)
    assert found == build_of(reversed(names)) != build_of(names[:1])

    class Other:
        data = b"another"

    monkeypatch.setattr(objects, "load", lambda _name: Other)
    assert build_of(names) != found


def test_maps_are_pinned_once_and_found_again(kernel: Maps) -> None:
    made = Pins("b", pins.FOLDER)
    assert made.maps() == {}
    fd = kernel.made()
    made.pin_maps({"events": fd})
    made.pin_maps({"events": fd, "more": fd})
    assert set(kernel.pinned) == {str(pins.FOLDER / "maps-b" / name) for name in ("events", "more")}
    assert (pins.FOLDER.stat().st_mode & 0o777) == 0o700
    found = maps_of(pins.FOLDER)
    assert sorted(found) == ["events", "more"]
    pins.close(found)
    os.close(fd)


def test_the_newest_links_count_and_the_others_go(kernel: Maps) -> None:
    made = Pins("b", pins.FOLDER)
    fd = kernel.made()
    first = made.pin_links({"one": fd})
    second = made.pin_links({"two": fd})
    for _ in range(9):
        last = made.pin_links({"last": fd})
    assert (first.name, second.name, last.name) == ("links-1", "links-2", "links-11")
    found = links_of(pins.FOLDER)
    assert list(found) == ["last"]
    pins.close(found)
    Pins("other", pins.FOLDER)
    made.drop_others(last)
    assert sorted(path.name for path in pins.FOLDER.iterdir()) == ["links-11", "maps-b"]
    made.drop_others(None)
    assert links_of(pins.FOLDER) == {}
    remove(pins.FOLDER)
    assert not pins.FOLDER.exists()
    os.close(fd)


def test_of_two_builds_the_newer_is_read(kernel: Maps) -> None:
    fd = kernel.made()
    for number, name in enumerate(("a", "b")):
        Pins(name, pins.FOLDER).pin_maps({name: fd})
        os.utime(pins.FOLDER / f"maps-{name}", (number, number))
    found = maps_of(pins.FOLDER)
    assert list(found) == ["b"]
    pins.close(found)
    os.close(fd)


def test_a_folder_that_cannot_be_looked_at_is_not_empty(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def denied(_path: object) -> list[str]:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(pins.os, "listdir", denied)
    with pytest.raises(PermissionError):
        maps_of(tmp_path)


def test_without_pins_there_is_nothing(tmp_path: Path) -> None:
    assert maps_of(tmp_path / "nothing") == {}
    with pytest.raises(FileNotFoundError):
        links_of(tmp_path / "nothing")
