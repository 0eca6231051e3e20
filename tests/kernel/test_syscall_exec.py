"""Calls that start another program: they return by another number, in another thread, or to a 32-bit program."""

from __future__ import annotations

import signal
import struct
import subprocess
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from ringward.events import Event
from ringward.events.filter import Filter
from ringward.events.latency import Tally
from ringward.sensor.sensor import Sensor
from tests.kernel.conftest import Watch
from tests.kernel.programs import program_fixture  # noqa: F401 - a fixture

CALLS = ("execve", "execveat")
AFTER = "clock_nanosleep"
"""A call of the new program."""
WAYS = {"at": "execs", "thread": "execs", "thread-at": "execs", "to 32 bits": "stay32"}
"""How each program is started, and which."""
FAILING = ("thread", "thread-at")
"""How a program is started that the kernel finds to be none when the old one is gone already."""


class Seen(NamedTuple):
    """What was seen of programs/execs.c."""

    folder: Path
    pids: dict[str, int]
    tids: dict[str, int]
    """The thread that made the call, as the program itself says."""
    events: dict[str, list[Event]]
    counts: dict[str, Tally]
    not_returned: Counter[str]
    of_the_new: list[Event]
    """What a watch of the new program's name has told."""
    failed: dict[str, tuple[int, list[Event]]]
    """The thread that made the call, and what was told of its process."""
    by_number: list[str]
    """What a watch of one process has told whose first thread was not the one that made the call."""


def start(folder: Path, how: str, then: str) -> subprocess.Popen[str]:
    """Start a process that starts a program of a folder when it is told to."""
    pipe = subprocess.PIPE
    return subprocess.Popen(["./execs", how, f"./{then}"], cwd=folder, stdin=pipe, stdout=pipe, text=True)


def broken() -> bytes:
    """Return an ELF program whose only segment is where the kernel is: that is found when de_thread() has been."""
    numbers = (2, 62, 1, 0, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    header = b"\x7fELF\2\1\1".ljust(16, b"\0") + struct.pack("<HHIQQQIHHHHHH", *numbers)
    return header + struct.pack("<IIQQQQQQ", 1, 5, 0, 0xFFFF800000000000, 0, 4096, 4096, 4096) + bytes(4096)


@pytest.fixture(scope="module", name="seen")
def seen_fixture(program: Callable[[str], Path]) -> Seen:
    """Start a program in each way, and let it live until what has not returned would have been shown so."""
    folder = program("execs").parent
    program("stay32")
    (folder / "broken").write_bytes(broken())
    (folder / "broken").chmod(0o755)
    old, new = (Filter(comms=(comm,)) for comm in ("execs", "stay32"))
    watch, other = (Watch(*CALLS, only=only, canary_seconds=None) for only in (old, new))
    with Sensor(CALLS, only=old, counting=True, canary_seconds=None) as counting:
        started = {how: start(folder, "at" if how == "to 32 bits" else how, then) for how, then in WAYS.items()}
        failing = {how: start(folder, how, "broken") for how in FAILING}
        pid = started["thread"].pid
        by_number = Watch("execve", AFTER, only=Filter(pids=frozenset({pid})), canary_seconds=None)
        for child in (*started.values(), *failing.values()):
            assert child.stdin
            child.stdin.write("\n")
            child.stdin.flush()
        watch.settle(2.4)
        tids = {how: int(child.communicate()[0]) for how, child in started.items()}
        failed = {how: int(child.communicate()[0]) for how, child in failing.items()}
        assert [child.returncode for child in started.values()] == [0] * len(WAYS)
        assert [child.returncode for child in failing.values()] == [-signal.SIGSEGV] * len(FAILING)
        watch.settle(0.2)
        other.settle(0.2)
        by_number.settle(0.2)
        counting.close()
    watch.sensor.close()
    other.sensor.close()
    by_number.sensor.close()
    pids = {how: child.pid for how, child in started.items()}
    calls = [event for event in watch.events if event.event in CALLS and event.process]
    events = {how: [event for event in calls if event.process.pid == pid] for how, pid in pids.items()}
    told = [event for event in other.events if event.event in CALLS]
    after = [event.event for event in by_number.events if event.process and event.result == 0]
    of_failed = {
        how: (tid, [event for event in calls if event.process.pid == failing[how].pid]) for how, tid in failed.items()
    }
    return Seen(folder, pids, tids, events, counting.counts(), counting.not_returned(), told, of_failed, after)


@pytest.mark.parametrize("how", WAYS)
def test_the_call_is_told_once_with_its_result(seen: Seen, how: str) -> None:
    (event,) = seen.events[how]
    assert event.event == ("execve" if how == "thread" else "execveat")
    assert (event.abi, event.result, event.error) == ("64-bit", 0, None)
    assert event.duration is not None
    assert event.args.filename.path == f"{seen.folder}/./{WAYS[how]}"
    assert event.process.tid == seen.tids[how]
    assert (seen.tids[how] == seen.pids[how]) == (how in ("at", "to 32 bits"))


@pytest.mark.parametrize("how", FAILING)
def test_one_that_fails_with_the_number_of_its_first_thread_is_told_once(seen: Seen, how: str) -> None:
    tid, (event,) = seen.failed[how]
    assert event.event == ("execve" if how == "thread" else "execveat")
    assert event.error in ("ENOMEM", "EINVAL")
    assert event.duration is not None
    assert event.args.filename.given == "./broken"
    assert event.args.argv == ["./broken", "stay"]
    assert (event.process.tid, event.process.tid == event.process.pid) == (tid, False)


def test_each_is_counted_once(seen: Seen) -> None:
    counted = {name: (tally.calls, tally.errors, tally.timed) for name, tally in seen.counts.items()}
    assert counted == {"execve": (2, 1, 2), "execveat": (4, 1, 4)}
    assert seen.not_returned == Counter()


def test_the_new_program_has_not_made_the_call_that_started_it(seen: Seen) -> None:
    assert seen.of_the_new == []


def test_a_process_is_watched_on_when_its_first_thread_has_ended(seen: Seen) -> None:
    assert seen.by_number == ["execve", AFTER]
