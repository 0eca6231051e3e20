# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import multiprocessing
import time
from pathlib import Path

import pytest

from vmtest.cache import MANIFEST, cache_root, ensure, what_is_broken
from vmtest.errors import VmtestError


class Builder:
    """Builds a small tree, slowly, and notes each time that it did."""

    def __init__(self, log: Path, seconds: float = 0.0) -> None:
        self.log, self.seconds = log, seconds

    def __call__(self, tree: Path) -> list[str]:
        with self.log.open("a") as log:
            log.write("built\n")
        (tree / "sub").mkdir()
        (tree / "sub" / "image").write_text("image")
        time.sleep(self.seconds)
        (tree / "large").write_text("x" * 1000)
        (tree / "link").symlink_to("large")
        return ["sub/image"]

    def times(self) -> int:
        return len(self.log.read_text().splitlines()) if self.log.exists() else 0


def test_root_follows_the_environment() -> None:
    assert cache_root({"RINGWARD_CACHE": "/c", "XDG_CACHE_HOME": "/x", "HOME": "/h"}) == Path("/c")
    assert cache_root({"XDG_CACHE_HOME": "/x", "HOME": "/h"}) == Path("/x/ringward")
    assert cache_root({"XDG_CACHE_HOME": "relative", "HOME": "/h"}) == Path("/h/.cache/ringward")
    assert cache_root({"HOME": "/h"}) == Path("/h/.cache/ringward")


def test_built_once_then_reused(tmp_path: Path) -> None:
    build = Builder(tmp_path / "log")
    entry = tmp_path / "cache" / "entry"
    assert what_is_broken(entry) == "it does not exist"
    for _ in range(3):
        assert ensure(entry, build) == entry
    assert build.times() == 1
    assert (entry / "sub" / "image").read_text() == "image"
    assert what_is_broken(entry) is None


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda entry: (entry / "large").write_text("cut off"), "large has 7 bytes instead of 1000"),
        (lambda entry: (entry / "large").unlink(), "large"),
        (lambda entry: (entry / "sub" / "image").write_text("imagf"), "sub/image has been changed"),
        (lambda entry: (entry / MANIFEST).write_text('{"sizes": {'), ""),
        (lambda entry: (entry / MANIFEST).write_text("[]"), ""),
        (lambda entry: (entry / MANIFEST).unlink(), MANIFEST),
    ],
)
def test_broken_entry_is_built_again(tmp_path: Path, damage: object, reason: str) -> None:
    build = Builder(tmp_path / "log")
    entry = ensure(tmp_path / "cache" / "entry", build)
    assert callable(damage)
    damage(entry)
    broken = what_is_broken(entry)
    assert broken is not None
    assert reason in broken
    ensure(entry, build)
    assert build.times() == 2
    assert what_is_broken(entry) is None


def test_two_processes_build_it_once(tmp_path: Path) -> None:
    build = Builder(tmp_path / "log", seconds=0.5)
    entry = tmp_path / "cache" / "entry"
    context = multiprocessing.get_context("fork")
    runs = [context.Process(target=ensure, args=(entry, build)) for _ in range(3)]
    for run in runs:
        run.start()
    for run in runs:
        run.join(timeout=30)
    assert [run.exitcode for run in runs] == [0, 0, 0]
    assert build.times() == 1


def test_failed_build_leaves_nothing(tmp_path: Path) -> None:
    def fail(tree: Path) -> list[str]:
        (tree / "half").write_text("half")
        raise VmtestError("no network")

    entry = tmp_path / "cache" / "entry"
    with pytest.raises(VmtestError, match="no network"):
        ensure(entry, fail)
    assert [path.name for path in entry.parent.iterdir()] == [".entry.lock"]


def test_remains_of_a_killed_run_are_removed(tmp_path: Path) -> None:
    entry = tmp_path / "cache" / "entry"
    (entry.parent / ".entry.tmp-dead" / "tree").mkdir(parents=True)
    (entry.parent / ".other.tmp-live").mkdir()
    ensure(entry, Builder(tmp_path / "log"))
    assert sorted(path.name for path in entry.parent.iterdir()) == [".entry.lock", ".other.tmp-live", "entry"]


def test_cache_that_cannot_be_written_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(VmtestError, match="RINGWARD_CACHE"):
        ensure(tmp_path / "file" / "entry", Builder(tmp_path / "log"))
