from __future__ import annotations

import os
from pathlib import Path

import pytest

from ringward.kmod.sysroot import inside
from ringward.trust.places import Places


def test_links_in_directories_are_followed(tmp_path: Path) -> None:
    (tmp_path / "usr/bin").mkdir(parents=True)
    (tmp_path / "bin").symlink_to("usr/bin")
    (tmp_path / "usr/bin/ls").symlink_to("/bin/other")
    (tmp_path / "abs").symlink_to("/usr/../bin/")
    (tmp_path / "up").symlink_to("../../../../etc")
    places = Places(str(tmp_path))
    assert places.real("/bin/ls") == f"{tmp_path}/usr/bin/ls"
    assert places.real("/abs/ls") == f"{tmp_path}/usr/bin/ls"
    assert places.real("/up/passwd") == f"{tmp_path}/etc/passwd"
    assert places.real("/top") == f"{tmp_path}/top"
    assert places.shown(f"{tmp_path}/usr/bin/ls") == "/usr/bin/ls"
    for path in ("/bin", "/abs", "/up", "/usr/bin/../lib", "/nowhere/below", "/"):
        assert places.directory(path).rstrip("/") == inside(str(tmp_path), path).rstrip("/"), path


def test_without_a_root_it_is_this_system() -> None:
    places = Places("/")
    assert places.root == ""
    for path in ("/bin", "/lib", "/etc/alternatives", "/proc/self/fd", "/usr/bin/../lib/./systemd", "/"):
        assert places.directory(path).partition("/proc/")[0] == os.path.realpath(path).partition("/proc/")[0]
    assert places.real("/bin/sh") == os.path.realpath("/bin") + "/sh"
    assert places.shown("/usr/bin/sh") == "/usr/bin/sh"


def test_a_loop(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(OSError, match="Too many levels"):
        Places(str(tmp_path)).real("/a/x")
