from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from ringward.trust.look import identity
from ringward.trust.sources.directory import walk
from ringward.trust.sources.fault import Fault


def found(*tops: object, missing_is_fault: bool = False) -> tuple[list[str], list[Fault]]:
    faults: list[Fault] = []
    files = []
    for folder, some in walk(map(str, tops), faults.append, missing_is_fault=missing_is_fault):
        for name, *facts in some:
            path = Path(folder, name)
            status = path.lstat()
            assert facts == [identity(status), status.st_size, status.st_ctime_ns]
            files.append(str(path))
    return files, faults


def test_it_finds_what_find_does() -> None:
    top = Path("/usr/lib/python3")
    files, faults = found(top)
    told = subprocess.run(["find", top, "-type", "f", "-print0"], capture_output=True, check=True).stdout
    assert sorted(map(os.fsencode, files)) == sorted(told.split(b"\0")[:-1])
    assert faults == []


def test_links_loops_and_odd_names(tmp_path: Path) -> None:
    names = ["a b", "new\nline", "\udcff", "-rf", "*"]
    for name in names:
        (tmp_path / name).touch()
    (tmp_path / "d").mkdir()
    (tmp_path / "d/up").symlink_to("..")
    (tmp_path / "d/loop").symlink_to("loop")
    (tmp_path / "link").symlink_to("/etc/passwd")
    os.mkfifo(tmp_path / "fifo")
    files, faults = found(tmp_path)
    assert sorted(files) == sorted(f"{tmp_path}/{name}" for name in names)
    assert faults == []


def test_no_directory_twice(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d/x").touch()
    assert found(tmp_path, tmp_path / "d")[0] == [f"{tmp_path}/d/x"]
    assert found(tmp_path / "d", tmp_path / "d")[0] == [f"{tmp_path}/d/x"]
    assert found(tmp_path / "d/x")[0] == [f"{tmp_path}/d/x"]


def test_what_is_missing(tmp_path: Path) -> None:
    assert found(tmp_path / "gone") == ([], [])
    assert found(tmp_path / "gone", missing_is_fault=True)[1] == [
        Fault(f"{tmp_path}/gone", "No such file or directory")
    ]
    (tmp_path / "file").touch()
    assert found(tmp_path / "file/below")[1] == [Fault(f"{tmp_path}/file/below", "Not a directory")]


def test_an_unreadable_directory(tmp_path: Path) -> None:
    inner = tmp_path / "inner"
    inner.mkdir(mode=0o000)
    (tmp_path / "x").touch()
    tmp_path.chmod(0o755)
    user = os.geteuid()
    outer = [folder for folder in tmp_path.parents if str(folder).startswith("/tmp/pytest")]
    modes = [folder.stat().st_mode for folder in outer]
    for folder in outer:
        folder.chmod(0o755)
    if not user:
        os.seteuid(65534)
    try:
        files, faults = found(tmp_path)
    finally:
        os.seteuid(user)
        for folder, mode in zip(outer, modes, strict=True):
            folder.chmod(mode)
    assert files == [f"{tmp_path}/x"]
    assert faults == [Fault(str(inner), "Permission denied")]


def test_what_is_removed_meanwhile_is_no_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "x").touch()
    faults: list[Fault] = []
    files = walk([str(tmp_path)], faults.append)
    first = Path(next(files)[0])
    other = tmp_path / ("b" if first.name == "a" else "a")
    (other / "x").unlink()
    other.rmdir()
    assert list(files) == []
    assert faults == []
