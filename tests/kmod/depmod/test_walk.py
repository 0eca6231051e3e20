from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from ringward.kmod.depmod.module import Place
from ringward.kmod.depmod.walk import walk


def touch(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()


def found(top: Path, *excluded: str, root: str = "") -> tuple[set[str], list[str]]:
    """Return the paths below a directory, and the messages, without that directory's name."""
    messages: list[str] = []
    place = Place(str(top).removeprefix(root), str(top))
    paths = walk(place, frozenset(excluded), lambda _level, text: messages.append(text), root)
    files = dict(paths)
    assert all(Path(real).is_file() for real in files.values())
    return {path.removeprefix(f"{place.shown}/") for path in files}, [m.replace(place.shown, "TOP") for m in messages]


def test_modules_of_any_depth_and_compression(tmp_path: Path) -> None:
    for name in ("a.ko", "k/b.ko.xz", "k/s/c.ko.gz", ".h/d.ko.zst", "k/readme", "k/x.o"):
        touch(tmp_path / name)
    assert found(tmp_path) == ({"a.ko", "k/b.ko.xz", "k/s/c.ko.gz", ".h/d.ko.zst"}, [])


def test_sources_and_what_is_excluded_are_left_out(tmp_path: Path) -> None:
    for name in ("build/a.ko", "k/source/b.ko", "k/no/c.ko", "k/no.ko", "k/yes.ko"):
        touch(tmp_path / name)
    assert found(tmp_path, "no", "no.ko") == ({"k/yes.ko"}, [])


def test_the_order_is_that_of_the_directory(tmp_path: Path) -> None:
    for number in range(30):
        touch(tmp_path / f"{number * 7919 % 1000}.ko")
    paths = walk(Place(str(tmp_path)), frozenset(), lambda *_: None)
    assert [shown for shown, _ in paths] == [entry.path for entry in os.scandir(tmp_path)]


def test_links_are_followed_but_not_in_a_circle(tmp_path: Path) -> None:
    top = tmp_path / "top"
    touch(top / "k/a.ko")
    touch(tmp_path / "else/b.ko")
    (top / "link.ko").symlink_to("k/a.ko")
    (top / "else").symlink_to(tmp_path / "else")
    (top / "k/up").symlink_to("..")
    (top / "gone.ko").symlink_to("nothing")
    files, messages = found(top)
    assert files == {"k/a.ko", "link.ko", "else/b.ko"}
    assert sorted(messages) == [
        "could not open TOP/gone.ko: No such file or directory",
        "could not open TOP/k/up: a link to a directory above it, not followed",
    ]


def test_links_do_not_leave_a_sysroot(tmp_path: Path) -> None:
    top = tmp_path / "image/lib"
    touch(tmp_path / "image/else/b.ko")
    touch(tmp_path / "outside.ko")
    top.mkdir(parents=True)
    (top / "else").symlink_to("/else")
    (top / "out.ko").symlink_to("../../outside.ko")
    files, messages = found(top, root=str(tmp_path / "image"))
    assert files == {"else/b.ko"}
    assert messages == ["could not open TOP/out.ko: No such file or directory"]


def test_pipes_are_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "p.ko")
    assert found(tmp_path) == (set(), ["unsupported file type TOP/p.ko: 10000"])


def test_directories_deeper_than_the_interpreters_stack(tmp_path: Path) -> None:
    path = str(tmp_path)
    for _ in range(1100):
        path += "/d"
        Path(path).mkdir()
    Path(path, "a.ko").touch()
    try:
        assert found(tmp_path) == ({"d/" * 1100 + "a.ko"}, [])
    finally:
        # Neither shutil nor pytest's own cleaning goes so deep.
        subprocess.run(["rm", "-r", tmp_path / "d"], check=True)


def test_a_directory_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        found(tmp_path / "none")
