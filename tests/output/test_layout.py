from __future__ import annotations

import pytest

from ringward.output.layout import NARROWEST, Layout, layout


def widths(found: Layout) -> list[int]:
    return [getattr(found, name) for name in Layout.__slots__ if name != "total"]


@pytest.mark.parametrize("total", [80, 81, 90, 100, 120, 140, 200, 400])
def test_the_columns_fill_the_line_exactly(total: int) -> None:
    found = widths(layout(total))
    assert sum(found) + len(found) - 1 == total


def test_no_column_is_narrower_on_a_wider_terminal() -> None:
    for total in range(NARROWEST, 200):
        before, after = layout(total), layout(total + 1)
        # The fraction of a second takes its columns at once, from what grows after it.
        grown = [b - a for a, b in zip(widths(before), widths(after), strict=True)]
        assert sum(grown) == 1
        if after.time == before.time:
            assert min(grown) >= 0


def test_a_digest_always_has_its_twelve_digits() -> None:
    assert {layout(total).digest for total in range(20, 300)} == {12}


def test_time_is_whole_seconds_or_has_milliseconds() -> None:
    assert {layout(total).time for total in range(20, 300)} == {8, 12}


def test_below_the_narrowest_the_columns_stay() -> None:
    assert widths(layout(40)) == widths(layout(NARROWEST))
