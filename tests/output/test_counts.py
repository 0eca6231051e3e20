from __future__ import annotations

import pytest

from ringward.events import Event
from ringward.events.latency import Tally
from ringward.output.counts import Counts
from tests.output.event_factory import event, load, process


def counted(*events: Event) -> list[str]:
    counts = Counts()
    for one in events:
        counts.add(one)
    return counts.lines()


def test_calls_errors_and_time_the_most_time_first() -> None:
    lines = counted(
        event("delete_module", result=0, duration=1_000_000),
        event(result=0, duration=2_000_000),
        event(result=-1, error="EPERM", duration=7_000_000),
        event("process_exec"),
    )
    rows = [line.split() for line in lines if not line.startswith(("-", "%"))]
    assert rows == [
        ["90.00", "0.009000", "4500", "2", "1", "1966", "6816", "6816", "7000", "finit_module"],
        ["10.00", "0.001000", "1000", "1", "983", "983", "983", "1000", "delete_module"],
        ["-", "-", "-", "1", "-", "-", "-", "-", "process_exec"],
        ["100.00", "0.010000", "3333", "4", "1", "1966", "6816", "6816", "7000", "total"],
    ]
    assert len({len(line.rsplit(" ", 1)[0]) for line in lines}) == 1


def test_a_call_that_is_told_twice_counts_once() -> None:
    open_call = event(load=load(), unread={"result": "the call has not returned after 1.0 s"})
    done = event(load=load(), result=0, duration=5)
    assert [line.split()[3::5] for line in counted(open_call, done) if line.endswith("finit_module")] == [
        ["1", "finit_module"]
    ]


def test_a_call_that_never_returned_is_told_apart() -> None:
    lines = counted(
        event(process=process(tid=5), load=load(), unread={"result": "the call has not returned after 1.0 s"})
    )
    assert lines[-1] == "calls that had not returned: finit_module 1"


def test_what_the_kernel_has_counted_is_in_the_same_table() -> None:
    counts = Counts()
    counts.add(event(result=0, duration=400))
    read = Tally()
    read.add(-9, 600)
    counts.merge({"read": read}, {"futex": 3, "read": 1})
    rows = [line.split() for line in counts.lines()]
    assert rows[2][-1::-6] == ["read", "1"]
    assert rows[2][:5] == ["60.00", "0.000001", "0.60", "1", "1"]
    assert rows[3][-1] == "finit_module"
    assert rows[5][:5] == ["100.00", "0.000001", "0.50", "2", "1"]
    assert counts.lines()[-1] == "calls that had not returned: futex 3, read 1"


@pytest.mark.parametrize(("ns", "text"), [(40, "0.04"), (9_990, "9.99"), (10_049, "10.0"), (1_234_567, "1235")])
def test_a_duration_has_as_many_digits_as_it_needs(ns: int, text: str) -> None:
    assert counted(event(result=0, duration=ns))[2].split()[-2] == text


def test_nothing_at_all() -> None:
    assert counted()[-1].split() == ["-", "-", "-", "0", "-", "-", "-", "-", "total"]
