# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import pytest

from vmtest.errors import VmtestError
from vmtest.suites import UnreachableError, archive, fetch_lists

URI = "http://archive.invalid/debian/"


@pytest.fixture
def apt_get(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the place of an apt-get of our own, which keeps its arguments in a file."""
    tool = tmp_path / "bin/apt-get"
    tool.parent.mkdir()
    monkeypatch.setenv("PATH", f"{tool.parent}:/usr/bin:/bin")
    return tool


def write(tool: Path, script: str) -> None:
    tool.write_text(f'#!/bin/sh\necho "$@" >>{tool.parent}/log\n{script}\n')
    tool.chmod(0o755)


def test_the_lists_are_fetched_from_the_archive_that_apt_knows(apt_get: Path, tmp_path: Path) -> None:
    write(apt_get, f'[ "$1" = indextargets ] && echo {URI} && echo other; true')
    options = fetch_lists("trixie", tmp_path / "apt")
    (line,) = (tmp_path / "apt/sources.list").read_text().splitlines()
    assert line.startswith("deb [signed-by=/")
    assert line.endswith(f"] {URI} trixie main")
    assert f"Dir::Etc::SourceList={tmp_path}/apt/sources.list" in options
    assert (tmp_path / "apt/lists/partial").is_dir()
    _asked, update = (apt_get.parent / "log").read_text().splitlines()
    assert update.startswith("update ")
    assert " ".join(options) in update


def test_an_update_that_fails_says_why(apt_get: Path, tmp_path: Path) -> None:
    write(apt_get, f'[ "$1" = indextargets ] && echo {URI} && exit; echo "E: Could not resolve" >&2; exit 100')
    with pytest.raises(UnreachableError, match=r"lists of trixie: E: Could not resolve; check the network"):
        fetch_lists("trixie", tmp_path / "apt")


def test_without_an_archive(apt_get: Path) -> None:
    write(apt_get, "true")
    with pytest.raises(UnreachableError, match="apt knows no Debian archive"):
        archive()


def test_without_apt(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def missing(*_words: object) -> None:
        raise VmtestError("apt-get is not installed")

    monkeypatch.setattr("vmtest.suites.run_tool", missing)
    with pytest.raises(UnreachableError, match="not installed"):
        fetch_lists("trixie", tmp_path)
