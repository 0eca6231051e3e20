"""--rate and --sample: what they mean, and what is said of what means nothing."""

from __future__ import annotations

import pytest

from ringward.cli.errors import UsageError
from ringward.cli.limits import limits_of
from ringward.events.registry import GROUPS, select
from ringward.sensor.limits import Limit

EVENTS = select(["read", "write", "open", "process_exec"])


def test_each_event_has_its_own_limit() -> None:
    assert limits_of(["read,write=1000"], ["read=1/100"], EVENTS) == {"read": Limit(1000, 100), "write": Limit(1000)}
    assert limits_of([], [], EVENTS) == {}


def test_a_short_name_and_a_group_are_all_of_them_that_are_watched() -> None:
    assert set(limits_of(["open=5"], [], EVENTS)) == {"open", "openat", "openat2"}
    assert set(limits_of(["open=5"], [], ("openat",))) == {"openat"}
    assert set(limits_of([], ["calls=1/2"], EVENTS)) == {"read", "write", "open", "openat", "openat2"}


def test_events_that_are_no_calls_have_limits_too() -> None:
    assert limits_of(["process_exec=5"], [], EVENTS) == {"process_exec": Limit(5)}
    events = select(["modules", "process_fork", "io_uring"])
    assert limits_of(["all,io_uring=5"], [], events) == dict.fromkeys(set(events) - set(GROUPS["stream"]), Limit(5))


def test_the_last_one_counts() -> None:
    assert limits_of(["calls=5", "read=7"], [], ("read", "write")) == {"read": Limit(7), "write": Limit(5)}


@pytest.mark.parametrize(
    ("rates", "samples", "said"),
    [
        (["read"], [], "--rate needs EVENT=N: so many a second; not 'read'"),
        (["=5"], [], "--rate needs EVENT=N"),
        (["read=0"], [], "--rate: a number from 1 to 1000000000, not '0' as in 'read=0'"),
        (["read=-1"], [], "not '-1'"),
        (["read=1000000001"], [], "not '1000000001'"),
        (["read=1/5"], [], "not '1/5'"),
        (["read=³"], [], "not '³'"),  # a digit, and no number
        (["raed=5"], [], "--rate: no event, system call or group named 'raed'; did you mean read"),
        (["getpid=5"], [], "--rate: getpid is not among the events that are watched"),
        (["process_exit=5"], [], "--rate: process_exit is not among the events that are watched"),
        (["events_lost=5"], [], "--rate: events_lost is what the stream says of itself, and has no limits"),
        (["stream=5"], [], "--rate: stream is what the stream says of itself"),
        ([], ["read=100"], "--sample needs EVENT=1/N: one of so many; not 'read=100'"),
        ([], ["read=1/x"], "--sample: a number from 1 to 1000000000, not 'x' as in 'read=1/x'"),
        ([], ["raed=1/5"], "--sample: no event"),
    ],
)
def test_what_means_nothing(rates: list[str], samples: list[str], said: str) -> None:
    with pytest.raises(UsageError) as error:
        limits_of(rates, samples, EVENTS)
    assert said in str(error.value)
