"""Rate limits and samples of system calls on this kernel: what is told and what is left out are all that were made."""

from __future__ import annotations

import time

from ringward.events.filter import Filter
from ringward.sensor.sensor import Sensor
from ringward.sensor.syscall_limits import Limit
from tests.kernel.caller import CALLED, FAILED, SLEPT, Caller
from tests.kernel.caller import caller_fixture as caller_fixture  # noqa: PLC0414 - pytest takes it by its name
from tests.kernel.conftest import PATIENCE

EVERY, RATE = 10, 7
PROCESSORS = 64
"""Each begins its own count; no test machine has more."""


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
    left_out = dict.fromkeys(limits, 0)
    for event in events:
        if event.event == "events_limited":
            left_out[event.args.subject_event] += event.args.count
    assert len(told["getppid"]) + left_out["getppid"] == CALLED
    assert CALLED // EVERY <= len(told["getppid"]) <= CALLED // EVERY + PROCESSORS
    assert len(told["close"]) + left_out["close"] == FAILED
    assert RATE <= len(told["close"]) <= RATE * (int(seconds) + 2)
    assert all(event.error == "EBADF" and event.duration is not None for event in told["close"])
    # A limit that is not reached leaves nothing out.
    assert (len(told["nanosleep"]), left_out["nanosleep"]) == (SLEPT, 0)
    assert sensor.totals.limited == left_out["getppid"] + left_out["close"]
    assert sensor.totals.lost == 0
