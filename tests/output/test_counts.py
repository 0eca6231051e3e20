from __future__ import annotations

from ringward.events import Event
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
        ["90.00", "0.009000", "4500", "2", "1", "finit_module"],
        ["10.00", "0.001000", "1000", "1", "delete_module"],
        ["-", "-", "-", "1", "process_exec"],
        ["100.00", "0.010000", "4", "1", "total"],
    ]
    assert len({len(line.rstrip().rsplit(" ", 1)[0]) for line in lines[2:5]}) == 1


def test_a_call_that_is_told_twice_counts_once() -> None:
    open_call = event(load=load(), unread={"result": "the call has not returned after 1.0 s"})
    done = event(load=load(), result=0, duration=5)
    assert [line.split()[-2:] for line in counted(open_call, done) if line.endswith("finit_module")] == [
        ["1", "finit_module"]
    ]


def test_a_call_that_never_returned_is_told_apart() -> None:
    lines = counted(
        event(process=process(tid=5), load=load(), unread={"result": "the call has not returned after 1.0 s"})
    )
    assert lines[-1] == "1 calls had not returned: finit_module"


def test_nothing_at_all() -> None:
    assert counted()[-1].split() == ["-", "0.000000", "0", "total"]
