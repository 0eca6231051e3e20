"""The hooks of program starts and of kept digests are made to run, and nothing of that is left anywhere."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kernel.file_systems import run
from tests.kernel.monitor import Monitor, opened, tiny

pytestmark = pytest.mark.guest

FTRACE = Path("/proc/sys/kernel/ftrace_enabled")
ALL = "starts of programs, files opened for writing, files truncated, file systems made"


@pytest.fixture(scope="module", name="m")
def monitor_fixture() -> Iterator[Monitor]:
    yield from opened(Monitor)


def test_each_hook_runs_and_no_trace_is_left(m):
    log = subprocess.run(["dmesg"], check=True, capture_output=True, text=True).stdout
    m.w.settle(1)
    m.w.clear()
    before = m.programs.counts()
    mounts = Path("/proc/self/mountinfo").read_text()
    for _ in range(5):
        assert m.programs.undecided() == {}
        assert m.programs.unreached == {}
    m.w.settle(1)
    assert [event.event for event in m.w.events if event.event != "sensor_status"] == []
    assert Path("/proc/self/mountinfo").read_text() == mounts
    assert m.programs.counts() == before
    assert subprocess.run(["dmesg"], check=True, capture_output=True, text=True).stdout == log


@pytest.fixture(name="program")
def program_fixture(tmp_path: Path) -> Iterator[Path]:
    """A program where digests are kept."""
    run("mount", "-t", "tmpfs", "none", tmp_path)
    yield tiny(tmp_path)
    run("umount", tmp_path)


def test_where_changes_cannot_be_seen_nothing_is_kept(m, program):
    """The last of these tests: nothing is kept from then on."""
    m.programs.refresh()
    assert [m.one(program) for _ in range(3)] == ["hashed", "kept", "kept"]
    FTRACE.write_text("0")
    try:
        assert m.programs.undecided() == {"program_verdict": ALL}
    finally:
        FTRACE.write_text("1")
    assert m.programs.undecided() == {}
    m.programs.refresh()
    assert [m.one(program) for _ in range(2)] == ["hashed"] * 2
