"""The summary of system calls that the kernel keeps: with filters, without room, and beside strace."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from ringward.events.filter import Filter
from ringward.sensor import syscall_watch
from ringward.sensor.sensor import Sensor
from tests.kernel.caller import CALLED, FAILED, Caller, watched
from tests.kernel.caller import caller_fixture as caller_fixture  # noqa: PLC0414 - pytest takes it by its name
from tests.kernel.cgroups import CONTAINER
from tests.kernel.cgroups import scope_fixture as scope_fixture  # noqa: PLC0414 - the same
from tests.kernel.programs import open_folder
from tests.kernel.programs import program_fixture as program_fixture  # noqa: PLC0414 - pytest takes it by its name
from tests.kernel.test_syscall import CALLS

WITHOUT_RETURN = {"exit_group"}


def test_only_what_failed(caller: Caller) -> None:
    kept = watched(["getppid", "close"], caller, Filter(pids=frozenset({caller.pid}), failed=True))
    assert {name: count.calls for name, count in kept.counts.items()} == {"close": FAILED}


def test_a_call_that_finds_no_place_is_told_as_lost(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(syscall_watch, "ROOM", 1)
    kept = watched(["getppid", "close"], caller, Filter(pids=frozenset({caller.pid})))
    assert {name: count.calls for name, count in kept.counts.items()} == {"getppid": CALLED}
    losses = [event.args for event in kept.told if event.event == "events_lost"]
    assert sum(loss.count for loss in losses) == kept.lost == FAILED
    assert all("no place" in loss.reason for loss in losses)


def test_a_container_is_counted_in_the_kernel(caller: Caller, scope: Path) -> None:
    (scope / "cgroup.procs").write_text(str(caller.pid))
    outside = Caller()
    try:
        kept = watched(["getppid", "close"], caller, Filter(container=CONTAINER[:12]), outside)
    finally:
        outside.end()
        (scope.parent.parent / "cgroup.procs").write_text(str(caller.pid))
    counted = {name: (count.calls, count.errors) for name, count in kept.counts.items()}
    assert counted == {"getppid": (CALLED, 0), "close": (FAILED, FAILED)}
    assert {event.event for event in kept.told} <= {"sensor_status"}


def strace_counts(path: Path) -> dict[str, tuple[int, int]]:
    """Return calls and errors of each system call out of the table of strace -c."""
    found = {}
    for line in path.read_text().splitlines()[2:]:
        words = line.split()
        if len(words) >= 5 and words[0][0].isdigit() and words[-1] != "total":
            found[words[-1]] = int(words[3]), int(words[4]) if len(words) == 6 else 0
    return found


def test_strace_counts_the_same(program: Callable[[str], Path]) -> None:
    folder = open_folder()
    words = str(program("syscalls")), str(folder)
    with Sensor(CALLS, only=Filter(comms=("syscalls",)), counting=True, canary_seconds=None) as sensor:
        done = subprocess.run(
            ["strace", "-c", "-e", f"trace={','.join(CALLS)}", "-o", str(folder / "strace"), *words], check=False
        )
        sensor.close()
        ours = {name: (count.calls, count.errors) for name, count in sensor.counts().items()}
    theirs = strace_counts(folder / "strace")
    shutil.rmtree(folder)
    assert done.returncode == 7
    assert len(theirs) > 50
    assert sum(errors for _calls, errors in theirs.values()) > 10
    calls, errors = theirs["execve"]
    theirs["execve"] = calls - 1, errors  # what started the program was called under strace's own name
    assert {name: count for name, count in ours.items() if name not in WITHOUT_RETURN} == theirs
