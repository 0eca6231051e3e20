"""Rate limits and samples on this kernel: what is told and what is left out are all that there was. io_uring: there."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable

from ringward.events import Event
from ringward.events.filter import Filter
from ringward.sensor.limits import Limit
from ringward.sensor.sensor import Sensor
from tests.kernel.caller import CALLED, FAILED, SLEPT, Caller
from tests.kernel.caller import caller_fixture as caller_fixture  # noqa: PLC0414 - pytest takes it by its name
from tests.kernel.conftest import PATIENCE

EVERY, RATE = 10, 7
PROCESSORS = 64
"""Each begins its own count; no test machine has more."""


def counted(events: Iterable[Event], names: Iterable[str]) -> dict[str, int]:
    """Return how many of each event were left out, as the stream says."""
    found = dict.fromkeys(names, 0)
    for event in events:
        if event.event == "events_limited":
            found[event.args.subject_event] += event.args.count
    return found


def test_what_is_told_and_what_is_left_out_are_all(caller: Caller) -> None:
    limits = {"getppid": Limit(every=EVERY), "close": Limit(rate=RATE), "nanosleep": Limit(rate=CALLED)}
    only = Filter(pids=frozenset({caller.pid}))
    with Sensor([*limits], only=only, limits=limits, canary_seconds=None) as sensor:
        start = time.monotonic()
        caller.call()
        seconds = time.monotonic() - start
        events = []
        while sum(event.event == "nanosleep" for event in events) < SLEPT and time.monotonic() < start + PATIENCE:
            events += sensor.poll(0.1)
        events += sensor.close()
    told = {name: [event for event in events if event.event == name] for name in limits}
    left_out = counted(events, limits)
    assert len(told["getppid"]) + left_out["getppid"] == CALLED
    assert CALLED // EVERY <= len(told["getppid"]) <= CALLED // EVERY + PROCESSORS
    assert len(told["close"]) + left_out["close"] == FAILED
    assert RATE <= len(told["close"]) <= RATE * (int(seconds) + 2)
    assert all(event.error == "EBADF" and event.duration is not None for event in told["close"])
    # A limit that is not reached leaves nothing out.
    assert (len(told["nanosleep"]), left_out["nanosleep"]) == (SLEPT, 0)
    assert sensor.totals.limited == left_out["getppid"] + left_out["close"]
    assert sensor.totals.lost == 0


FORKS = 21


def family(begin: int) -> None:
    """Wait for the word, start children that end at once, and one that becomes another program."""
    os.read(begin, 1)
    for number in range(FORKS):
        if not os.fork():
            if number == FORKS - 1:
                os.execv("/bin/true", ["true"])
            os._exit(0)
        os.wait()
    os._exit(0)


def test_what_is_not_shown_of_processes_is_known_all_the_same() -> None:
    begin, word = os.pipe()
    child = os.fork()
    if not child:
        family(begin)
    limits = {"process_fork": Limit(every=6), "process_exec": Limit(rate=5), "process_exit": Limit(every=2)}
    with Sensor([*limits], follow=child, limits=limits, canary_seconds=None) as sensor:
        os.write(word, b"x")
        os.waitpid(child, 0)
        events: list[Event] = []
        end = time.monotonic() + PATIENCE
        while sum(event.event == "process_exit" for event in events) < (FORKS + 1) // 2 and time.monotonic() < end:
            events += sensor.poll(0.1)
        events += sensor.close()
    os.close(begin)
    os.close(word)
    left_out = counted(events, limits)
    forks, execs, exits = ([event for event in events if event.event == name] for name in limits)
    assert [(len(forks), left_out["process_fork"]), (len(exits), left_out["process_exit"])] == [(4, 17), (11, 11)]
    assert {event.process.pid for event in forks} == {child}
    assert (len(execs), left_out["process_exec"]) == (1, 0)
    # Its fork, the last one, was not shown.
    assert execs[0].process.pid not in {event.args.child_pid for event in forks}
    assert (execs[0].process.ppid, execs[0].process.ancestors[0].pid) == (child, child)
    assert sensor.totals.limited == 28
    assert sensor.totals.lost == 0
