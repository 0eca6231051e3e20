"""The summary of system calls that the kernel keeps is what the caller has counted."""

from __future__ import annotations

from ringward.events.filter import Filter
from tests.kernel.caller import CALLED, FAILED, SLEEP_NS, SLEPT, Caller, watched
from tests.kernel.caller import caller_fixture as caller_fixture  # noqa: PLC0414 - pytest takes it by its name


def test_every_call_of_a_process_is_counted_with_its_errors_and_its_time(caller: Caller) -> None:
    kept = watched(["getppid", "close", "nanosleep", "read", "pause"], caller, Filter(pids=frozenset({caller.pid})))
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
