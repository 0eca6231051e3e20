"""Calls whose return is late, lost, without its entry, or never comes."""

from __future__ import annotations

import pytest

from ringward.events import Event
from ringward.sensor.attempts import KEPT_PENDING, PENDING_NS
from tests.sensor.joined import EBUSY, INIT, Joined, create, names
from tests.sensor.kernel_records import SECOND, Call, Proc, delete, finit


@pytest.fixture(params=[True, False], ids=["whole batches", "record by record"])
def j(request: pytest.FixtureRequest) -> Joined:
    return Joined(whole=request.param, modules={"ext4"})


@pytest.mark.parametrize("name", ["create_module", "finit_module", "delete_module"])
def test_a_call_that_hangs_is_shown_once_without_result_and_then_with_it(j: Joined, name: str) -> None:
    proc = j.program()
    call = {"create_module": create(j, proc), "finit_module": finit(j.kernel, proc)}.get(
        name, delete(j.kernel, proc, "fat")
    )
    j.feed(call.enter())
    assert j.tick(PENDING_NS // 2) == []
    (shown,) = j.tick(PENDING_NS)
    assert (shown.event, shown.result, shown.duration) == (name, None, None)
    assert "has not returned after 1.5 s" in shown.unread["result"]
    assert j.tick(PENDING_NS) == []
    (ended,) = j.feed(call.returns(EBUSY))
    assert (ended.result, ended.error) == (EBUSY, "EBUSY")
    assert "result" not in ended.unread
    assert j.flush() == []


def test_what_hangs_when_the_sensor_ends_is_shown_with_the_reason(j: Joined) -> None:
    j.feed(create(j, j.program()).enter())
    (event,) = j.flush()
    assert (event.result, event.unread["result"]) == (None, "the call had not returned when Ringward ended")
    assert j.flush() == []


@pytest.mark.parametrize("name", ["create_module", "delete_module", "finit_module"])
def test_a_return_without_its_entry_is_joined_with_it(j: Joined, name: str) -> None:
    """The kernel part had no place for the call: its return comes as that of a call whose entry was not seen."""
    proc = j.program()
    call = create(j, proc) if name == "create_module" else delete(j.kernel, proc, "fat")
    call = finit(j.kernel, proc) if name == "finit_module" else call
    j.feed(call.enter())
    late = Call(j.kernel, proc, name, call.nr, call.given)
    (event,) = j.feed(late.stopped(EBUSY))
    assert (event.event, event.error) == (name, "EBUSY")
    assert event.duration is not None
    assert event.duration > 0
    assert not {"result", "duration"} & event.unread.keys()
    assert names(j.feed(j.kernel.exit(proc))) == ["process_exit"]


@pytest.mark.parametrize("end", ["tick", "exit", "flush"])
def test_a_return_that_may_be_lost_is_no_hanging_call(j: Joined, end: str) -> None:
    hangs, loses = j.program(), j.program()
    j.lost_at = j.kernel.time
    j.kernel.time += 1
    j.feed(create(j, hangs).enter())
    j.lost_at = j.kernel.time
    (before,) = [e for e in ends_without_return(j, hangs, end) if e.event == "create_module"]
    assert "lost" not in before.unread["result"]
    j.feed(create(j, loses).enter())
    j.lost_at = j.kernel.time + 1
    (after,) = [e for e in ends_without_return(j, loses, end) if e.event == "create_module"]
    reason = "its return was not seen: records were lost meanwhile, and it may be among them"
    assert (after.unread["result"], after.unread["duration"]) == (reason, reason)


def ends_without_return(j: Joined, proc: Proc, how: str) -> list[Event]:
    return {
        "tick": lambda: j.tick(2 * PENDING_NS),
        "exit": lambda: j.feed(j.kernel.exit(proc, 3)),
        "flush": j.flush,
    }[how]()


def test_a_process_that_ends_inside_a_call(j: Joined) -> None:
    proc, other = j.program(), j.program()
    j.feed(create(j, proc).enter(), create(j, other).enter())
    attempt, end = j.feed(j.kernel.exit(proc, 3))
    assert attempt.unread["result"] == "the process ended inside the call"
    assert (end.event, end.args.code) == ("process_exit", 3)
    assert attempt.process is not None
    assert attempt.process.pid == proc.pid
    assert names(j.flush()) == ["create_module"], "the other one's is still under way"


def test_an_end_that_comes_twice_is_told_once(j: Joined) -> None:
    proc = j.program()
    assert names(j.feed(j.kernel.exit(proc), j.kernel.exit(proc))) == ["process_exit"]


def test_the_end_of_a_process_that_nothing_was_known_of_is_told(j: Joined) -> None:
    stranger = j.kernel.process(INIT)
    j.feed(create(j, stranger).enter())
    assert names(j.feed(j.kernel.exit(stranger))) == ["create_module", "process_exit"]


def test_an_exit_without_entry_says_why_there_is_no_duration(j: Joined) -> None:
    (event,) = j.feed(create(j, j.program()).stopped(-1))
    assert (event.result, event.error, event.duration) == (-1, "EPERM", None)
    assert "entry was not seen" in event.unread["duration"]


def test_a_call_that_seccomp_answered_with_a_signal_has_no_result(j: Joined) -> None:
    call = finit(j.kernel, j.program())
    (event,) = j.feed(call.stopped(call.nr))
    assert (event.result, event.error) == (None, None)
    assert set(event.unread) >= {"result", "duration"}


def test_an_errno_without_a_name_is_its_number(j: Joined) -> None:
    call = create(j, j.program())
    (event,) = j.feed(call.enter(), call.returns(-524))
    assert (event.result, event.error) == (-524, "-524")


def test_calls_whose_return_was_lost_do_not_stay_for_ever(j: Joined) -> None:
    proc = j.program()
    for _ in range(KEPT_PENDING + 100):
        j.feed(create(j, proc).enter())
    assert len(j.tick(2 * PENDING_NS)) == KEPT_PENDING + 100
    assert j.tick(SECOND) == j.tick(SECOND) == []
    assert len(j.joiner._attempts.pending) <= KEPT_PENDING
    assert len(j.joiner._attempts.shown) <= KEPT_PENDING
