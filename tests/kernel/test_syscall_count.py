"""The summary of system calls that the kernel keeps: equal to what the caller and strace count."""

from __future__ import annotations

import shutil
import subprocess
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from ringward.events import Event
from ringward.events.filter import Filter
from ringward.events.latency import Tally
from ringward.sensor import syscall_watch
from ringward.sensor.sensor import Sensor
from tests.kernel.caller import CALLED, FAILED, SLEEP_NS, SLEPT, Caller
from tests.kernel.caller import caller_fixture as caller_fixture  # noqa: PLC0414 - pytest takes it by its name
from tests.kernel.cgroups import CONTAINER
from tests.kernel.cgroups import scope_fixture as scope_fixture  # noqa: PLC0414 - the same
from tests.kernel.programs import open_folder
from tests.kernel.programs import program_fixture as program_fixture  # noqa: PLC0414 - pytest takes it by its name
from tests.kernel.test_syscall import CALLS

WITHOUT_RETURN = {"exit_group"}


class Kept(NamedTuple):
    """What a sensor has counted of a caller, and what it told."""

    counts: dict[str, Tally]
    not_returned: Counter[str]
    told: list[Event]
    lost: int


def watched(names: list[str], caller: Caller, only: Filter, other: Caller | None = None) -> Kept:
    """Return what is counted while the caller makes its calls, and another one, too."""
    with Sensor(names, only=only, counting=True, canary_seconds=None) as sensor:
        if other:
            other.call()
        caller.call()
        for _ in range(100):
            if "pause" not in names or sensor.not_returned()["pause"]:
                break
            sensor.poll(0.05)
        told = sensor.poll(0)
        told += sensor.close()
        return Kept(sensor.counts(), sensor.not_returned(), told, sensor.totals.lost)


def test_every_call_of_a_process_is_counted_with_its_errors_and_its_time(caller: Caller) -> None:
    kept = watched(
        ["getppid", "close", "nanosleep", "read", "pause", "modules"], caller, Filter(pids=frozenset({caller.pid}))
    )
    counts = kept.counts
    assert (counts["getppid"].calls, counts["getppid"].errors) == (CALLED, 0)
    assert (counts["close"].calls, counts["close"].errors) == (FAILED, FAILED)
    assert (counts["nanosleep"].calls, counts["nanosleep"].errors) == (SLEPT, 0)
    for name in ("getppid", "close", "nanosleep"):
        assert counts[name].timed == counts[name].calls == sum(counts[name].buckets)
    slept = counts["nanosleep"]
    assert slept.time >= SLEPT * SLEEP_NS
    middle, most = slept.percentiles((50, 99))
    assert middle is not None
    assert most is not None
    assert SLEEP_NS * 7 // 8 <= middle <= most <= slept.longest
    assert max(counts["getppid"].percentiles((50,))[0] or 0, 1) < middle
    # It was reading when the sensor came: a call of which only the end was seen.
    assert (counts["read"].calls, counts["read"].timed) == (1, 0)
    assert kept.not_returned == {"pause": 1}
    # Nothing was told one by one, and nothing was lost.
    assert {event.event for event in kept.told} <= {"sensor_status"}
    assert kept.lost == 0


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
    assert {name: count for name, count in ours.items() if name not in WITHOUT_RETURN} == theirs
