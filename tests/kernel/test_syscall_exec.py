"""Calls that start another program: they return by another number, in another thread, or to a 32-bit program."""

from __future__ import annotations

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
    by_number: list[str]
    """What a watch of one process has told whose first thread was not the one that made the call."""


@pytest.fixture(scope="module", name="seen")
def seen_fixture(program: Callable[[str], Path]) -> Seen:
    """Start a program in each way, and let it live until what has not returned would have been shown so."""
    folder = program("execs").parent
    program("stay32")
    old, new = (Filter(comms=(comm,)) for comm in ("execs", "stay32"))
    watch, other = (Watch(*CALLS, only=only, canary_seconds=None) for only in (old, new))
    with Sensor(CALLS, only=old, counting=True, canary_seconds=None) as counting:
        started = {
            how: subprocess.Popen(
                ["./execs", "at" if how == "to 32 bits" else how, f"./{then}"],
                cwd=folder,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            for how, then in WAYS.items()
        }
        pid = started["thread"].pid
        by_number = Watch("execve", AFTER, only=Filter(pids=frozenset({pid})), canary_seconds=None)
        for child in started.values():
            assert child.stdin
            child.stdin.write("\n")
            child.stdin.flush()
        watch.settle(2.4)
        tids = {how: int(child.communicate()[0]) for how, child in started.items()}
        assert [child.returncode for child in started.values()] == [0] * len(WAYS)
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
    return Seen(folder, pids, tids, events, counting.counts(), counting.not_returned(), told, after)


@pytest.mark.parametrize("how", WAYS)
def test_the_call_is_told_once_with_its_result(seen: Seen, how: str) -> None:
    (event,) = seen.events[how]
    assert event.event == ("execve" if how == "thread" else "execveat")
    assert (event.abi, event.result, event.error) == ("64-bit", 0, None)
    assert event.duration is not None
    assert event.args.filename.path == f"{seen.folder}/./{WAYS[how]}"
    assert event.process.tid == seen.tids[how]
    assert (seen.tids[how] == seen.pids[how]) == (how in ("at", "to 32 bits"))


def test_each_is_counted_once(seen: Seen) -> None:
    counted = {name: (tally.calls, tally.errors, tally.timed) for name, tally in seen.counts.items()}
    assert counted == {"execve": (1, 0, 1), "execveat": (3, 0, 3)}
    assert seen.not_returned == Counter()


def test_the_new_program_has_not_made_the_call_that_started_it(seen: Seen) -> None:
    assert seen.of_the_new == []


def test_a_process_is_watched_on_when_its_first_thread_has_ended(seen: Seen) -> None:
    assert seen.by_number == ["execve", AFTER]
