from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringward.kmod.graph_layout import Layout

GAP, LINE = 10.0, 10.0


def placed(columns: list[list[str]], links: list[tuple[str, str]], last: tuple[str, ...] = ()) -> Layout:
    layout = Layout(columns, links, last)
    layout.place({key: 20.0 for column in columns for key in column}, GAP, LINE)
    return layout


def test_a_chain_is_straight() -> None:
    layout = placed([["a"], ["b"], ["c"]], [("a", "b"), ("b", "c")])
    assert set(layout.middle.values()) == {10.0}
    assert (layout.way(0), layout.way(1)) == (["a", "b"], ["b", "c"])


def test_neighbours_stand_around_what_they_belong_to() -> None:
    layout = placed([["a"], ["b", "c", "d"]], [("b", "a"), ("c", "a"), ("d", "a")])
    assert [layout.middle[key] for key in "bcd"] == [10.0, 40.0, 70.0]
    assert layout.middle["a"] == pytest.approx(40.0)


def test_lines_are_not_crossed_without_need() -> None:
    layout = placed([["a", "b", "c"], ["x", "y", "z"]], [("a", "z"), ("b", "y"), ("c", "x")])
    assert layout.columns in ([["a", "b", "c"], ["z", "y", "x"]], [["c", "b", "a"], ["x", "y", "z"]])


def test_a_line_over_a_column_has_a_place_in_it() -> None:
    layout = placed([["a"], ["b"], ["c"]], [("a", "b"), ("b", "c"), ("c", "a")])
    assert layout.way(2) == ["a", (2, 1), "c"]
    assert abs(layout.middle["b"] - layout.middle[2, 1]) >= 15.0


def test_some_stand_last() -> None:
    layout = placed([["a", "b"], ["rest", "x", "y"]], [("a", "rest"), ("a", "x"), ("b", "y")], ("rest",))
    assert layout.columns[1][-1] == "rest"
    assert layout.middle["rest"] == max(layout.middle[key] for key in layout.columns[1])


columns = st.lists(st.integers(1, 6), min_size=1, max_size=6).map(
    lambda sizes: [[f"{number}.{each}" for each in range(size)] for number, size in enumerate(sizes)]
)


@given(columns, st.data())
def test_nothing_stands_over_anything(boxes: list[list[str]], data: st.DataObject) -> None:
    pairs = [
        (one, other)
        for number, left in enumerate(boxes)
        for right in boxes[number + 1 :]
        for one in left
        for other in right
    ]
    links = data.draw(st.lists(st.sampled_from(pairs), unique=True)) if pairs else []
    layout = placed(boxes, links)
    assert min(layout.middle.values()) == pytest.approx(0.0, abs=10.001)
    for drawn, given_boxes in zip(layout.columns, boxes, strict=True):
        assert {key for key in drawn if isinstance(key, str)} == set(given_boxes)
        for upper, lower in pairwise(drawn):
            room = sum(20.0 if isinstance(key, str) else LINE - GAP for key in (upper, lower)) / 2 + GAP
            assert layout.middle[lower] - layout.middle[upper] >= room - 1e-6
    for number, link in enumerate(links):
        assert {layout.way(number)[0], layout.way(number)[-1]} == set(link)
