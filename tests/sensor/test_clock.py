"""Times of day, beside datetime."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringward.sensor.clock import Clock, now

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FAR = int((datetime(9999, 12, 31, tzinfo=UTC) - EPOCH).total_seconds()) * 10**9


@given(st.lists(st.integers(0, FAR), min_size=1, max_size=5), st.integers(0, 10**18))
def test_times_are_those_of_datetime(times: list[int], offset: int) -> None:
    clock = Clock(offset)
    for wall in times:
        text = clock.text(wall - offset)
        assert datetime.fromisoformat(text[:19] + "+00:00") == EPOCH + timedelta(seconds=wall // 10**9)
        assert text[19:] == f".{wall % 10**9:09d}Z"


def test_now_is_the_time_since_boot() -> None:
    before = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    assert before <= now() <= time.clock_gettime_ns(time.CLOCK_BOOTTIME)


def test_the_wall_clock_is_met() -> None:
    told = datetime.fromisoformat(Clock().text(now())[:26] + "+00:00")
    assert abs(datetime.now(UTC) - told) < timedelta(seconds=1)


def test_adjusting_follows_a_changed_wall_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    offset, ktime = clock.offset, now()
    before = clock.text(ktime)
    real = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: real() + 3600 * 10**9)
    assert clock.text(ktime) == before
    clock.adjust()
    assert abs(clock.offset - offset - 3600 * 10**9) < 10**9
    assert clock.text(ktime) != before
