from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from ringward.trust import files


def test_what_may_be_trusted(tmp_path: Path) -> None:
    path = tmp_path / "x"
    assert files.fault(str(path)) == ""
    files.make_private(str(path))
    assert files.fault(str(path)) is None
    path.chmod(0o644)
    assert files.fault(str(path)) is None
    for mode in (0o620, 0o602, 0o666):
        path.chmod(mode)
        assert files.fault(str(path)) == f"others may write to it (mode {mode:04o})"
    path.chmod(0o600)
    if not os.geteuid():
        os.chown(path, 65534, 0)
        assert files.fault(str(path)) == "it belongs to user 65534"
    assert files.fault(str(tmp_path)) == "it is not a regular file"
    (tmp_path / "link").symlink_to(path)
    assert files.fault(str(tmp_path / "link")) == "it is not a regular file"
    assert files.fault(str(path / "below")) == "Not a directory"


def test_a_private_file_is_new(tmp_path: Path) -> None:
    path = tmp_path / "a/b/x"
    files.make_private(str(path))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with pytest.raises(FileExistsError):
        files.make_private(str(path))


def test_replacing_and_removing(tmp_path: Path) -> None:
    (tmp_path / "draft").write_text("new")
    (tmp_path / "x").write_text("old")
    files.replace(str(tmp_path / "draft"), str(tmp_path / "x"))
    assert [(each.name, each.read_text()) for each in tmp_path.iterdir()] == [("x", "new")]
    for _ in range(2):
        files.remove(str(tmp_path / "x"))
    assert list(tmp_path.iterdir()) == []
