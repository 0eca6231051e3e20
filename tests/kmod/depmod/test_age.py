from __future__ import annotations

import os
from pathlib import Path

import pytest

from ringward.kmod.depmod.age import up_to_date
from ringward.kmod.depmod.module import Place

NOW = 1_700_000_000


@pytest.fixture
def top(tmp_path: Path) -> Path:
    (tmp_path / "kernel/s").mkdir(parents=True)
    touch(tmp_path / "modules.dep", 0)
    touch(tmp_path / "kernel/s/a.ko", -5)
    return tmp_path


def touch(path: Path, seconds: float) -> None:
    path.parent.mkdir(exist_ok=True)
    path.touch()
    os.utime(path, ns=(0, int((NOW + seconds) * 10**9)))


def check(top: Path, output: Path | None = None) -> tuple[bool, list[str]]:
    told: list[str] = []
    answer = up_to_date(
        Place("TOP", str(top)), Place("OUT", str(output or top)), lambda level, text: told.append(f"{level} {text}")
    )
    return answer, told


@pytest.mark.parametrize(("seconds", "answer"), [(-5, True), (0, True), (0.9, True), (1, False), (100, False)])
def test_whole_seconds_count(top: Path, seconds: float, answer: bool) -> None:
    touch(top / "kernel/s/b.ko.xz", seconds)
    assert check(top) == (answer, [])


@pytest.mark.parametrize("name", ["kernel/readme", "kernel/build/b.ko", "kernel/b.o", "modules.order"])
def test_what_does_not_count(top: Path, name: str) -> None:
    touch(top / name, 100)
    assert check(top) == (True, [])


def test_without_modules_dep(top: Path) -> None:
    (top / "modules.dep").unlink()
    assert check(top) == (False, ["ERROR could not fstatat(OUT, modules.dep): No such file or directory"])


def test_without_a_directory(top: Path) -> None:
    assert check(top, top / "none") == (False, ["ERROR could not open directory OUT: No such file or directory"])
    (top / "out").mkdir()
    touch(top / "out/modules.dep", 0)
    assert check(top / "none", top / "out") == (
        False,
        ["ERROR could not read directory TOP: No such file or directory"],
    )
