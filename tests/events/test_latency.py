"""Sums and percentiles, against the durations themselves."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from ringward.events.latency import BUCKETS, HIGH, Tally, bounds, bucket_of

durations = st.integers(0, 1 << 40) | st.integers(0, 1000)


def test_buckets_follow_each_other_without_a_gap() -> None:
    edges = [bounds(bucket) for bucket in range(BUCKETS)]
    assert edges[0][0] == 0
    assert all(left[1] == right[0] for left, right in pairwise(edges))
    assert edges[-1][1] == 1 << HIGH


@given(durations)
def test_a_duration_is_within_its_bucket(ns: int) -> None:
    low, high = bounds(bucket_of(ns))
    assert low <= ns < high or (ns >= 1 << HIGH and bucket_of(ns) == BUCKETS - 1)


@given(st.integers(64, (1 << HIGH) - 1))
def test_a_bucket_is_at_most_a_quarter_wide(ns: int) -> None:
    low, high = bounds(bucket_of(ns))
    assert high - low <= low / 4


@given(st.lists(st.integers(64, (1 << HIGH) - 1), min_size=1, max_size=60))
def test_percentiles_are_in_the_bucket_of_the_true_ones(values: list[int]) -> None:
    tally = Tally()
    for value in values:
        tally.add(0, value)
    values.sort()
    for share, found in zip((1, 50, 90, 99, 100), tally.percentiles((1, 50, 90, 99, 100)), strict=True):
        true = values[-(-len(values) * share // 100) - 1]
        assert found is not None
        assert bucket_of(found) == bucket_of(true) or found == values[-1]
        assert found <= values[-1]


def test_errors_are_negative_errnos_alone() -> None:
    tally = Tally()
    for result in (0, -1, -4095, -4096, None, 7):
        tally.add(result, None)
    assert (tally.calls, tally.errors, tally.timed) == (6, 2, 0)
    assert tally.percentiles((50,)) == [None]


def test_what_two_have_counted_is_one_sum() -> None:
    one, other, both = Tally(), Tally(), Tally()
    for place, ns in enumerate((5, 5000, 123_456, 1 << 39)):
        (one, other)[place % 2].add(-2 if place else 0, ns)
        both.add(-2 if place else 0, ns)
    one.merge(other)
    assert one == both
