"""Where the boxes of a layered picture stand: columns from left to right, lines that cross little and bend little.

The usual steps (Sugiyama, Tagawa, Toda 1981): a line over several columns is given a place in each of them, the order
within a column follows the neighbours, and then everything moves as near to its neighbours as its column allows.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Collection, Mapping, Sequence
from itertools import pairwise
from typing import Any

Key = Any
"""Whatever can be a key of a dict."""
SWEEPS = 8
"""Walks through the columns, there and back; later ones hardly change anything."""


class Layout:
    """The places of the boxes and lines.

    Attributes:
        columns: keys of each column, from the top down; those of lines that pass through are tuples (link, column).
        middle: of each key the height of its middle; the smallest is 0.

    """

    def __init__(
        self, columns: Sequence[Sequence[Key]], links: Sequence[tuple[Key, Key]], last: Collection[Key] = ()
    ) -> None:
        """Note what there is.

        Args:
            columns: the boxes of each column, in an order that is kept where nothing speaks against it.
            links: pairs of boxes of different columns.
            last: boxes that stand below all others of their columns.

        """
        self.columns: list[list[Key]] = [list(column) for column in columns]
        self.middle: dict[Key, float] = {}
        self._last = frozenset(last)
        self._column = {key: number for number, column in enumerate(columns) for key in column}
        self._ways = [self._way(number, *link) for number, link in enumerate(links)]
        self._left: dict[Key, list[Key]] = {}
        self._right: dict[Key, list[Key]] = {}
        for way in self._ways:
            for one, other in pairwise(way):
                self._right.setdefault(one, []).append(other)
                self._left.setdefault(other, []).append(one)

    def _way(self, number: int, one: Key, other: Key) -> list[Key]:
        """Return the keys that a link passes, from left to right."""
        if self._column[one] > self._column[other]:
            one, other = other, one
        way = [one]
        for column in range(self._column[one] + 1, self._column[other]):
            way.append((number, column))
            self.columns[column].append((number, column))
        return [*way, other]

    def place(self, heights: Mapping[Any, float], gap: float, line: float) -> None:
        """Set the order of each column, and all heights.

        Args:
            heights: of the boxes.
            gap: between two boxes.
            line: what a line that passes through takes, gap included.

        """
        self._order()
        tall = {key: heights.get(key, line - gap) + gap for column in self.columns for key in column}
        for column in self.columns:
            self.middle |= _stacked(column, tall, [0.0] * len(column))
        for _ in range(SWEEPS):
            for nearer in (self._left, self._right):
                for column in self.columns if nearer is self._left else self.columns[::-1]:
                    wanted = [_mean([self.middle[each] for each in nearer.get(key, [key])]) for key in column]
                    self.middle |= _stacked(column, tall, wanted)
        top = min((self.middle[key] - tall[key] / 2 for key in self.middle), default=0.0)
        self.middle = {key: middle - top - gap / 2 for key, middle in self.middle.items()}

    def way(self, number: int) -> list[Key]:
        """Return what the link of that number passes, from left to right, both ends included."""
        return self._ways[number]

    def _order(self) -> None:
        """Put each column in the order with the fewest crossings that was found."""
        for column in self.columns:
            column.sort(key=self._last.__contains__)
        best, fewest = [list(column) for column in self.columns], self._crossings()
        for _ in range(SWEEPS):
            for nearer in (self._left, self._right):
                before: dict[Key, int] = {}
                for column in self.columns if nearer is self._left else self.columns[::-1]:
                    self._sort(column, nearer, before)
                    before = {key: number for number, key in enumerate(column)}
                crossings = self._crossings()
                if crossings < fewest:
                    best, fewest = [list(column) for column in self.columns], crossings
        self.columns = best

    def _sort(self, column: list[Key], nearer: Mapping[Key, list[Key]], before: Mapping[Key, int]) -> None:
        """Sort a column by where its neighbours are in the column before; who has none stays about where it is."""
        at = {key: float(number) for number, key in enumerate(column)}
        for key in column:
            if nearer.get(key):
                at[key] = _mean([before[each] for each in nearer[key]])
        column.sort(key=lambda key: (key in self._last, at[key]))

    def _crossings(self) -> int:
        """Return how many lines cross between neighbouring columns."""
        count = 0
        for left, right in pairwise(self.columns):
            at = {key: number for number, key in enumerate(right)}
            seen: list[int] = []
            for key in left:
                ends = sorted(at[each] for each in self._right.get(key, ()))
                count += sum(len(seen) - bisect_right(seen, end) for end in ends)
                for end in ends:
                    insort(seen, end)
        return count


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _stacked(column: Sequence[Key], tall: Mapping[Key, float], wanted: Sequence[float]) -> dict[Key, float]:
    """Return middles that are as near as can be to the wanted ones, in the column's order, none over another.

    Boxes that would overlap are put together, around the mean of what they want (isotonic regression).
    """
    blocks: list[tuple[float, int, float]] = []  # sum of what its boxes want of it, boxes, height
    for key, want in zip(column, wanted, strict=True):
        block = (want - tall[key] / 2, 1, tall[key])
        # A block wants the place of its upper edge; one that is over the block before it joins it.
        while blocks and block[0] / block[1] < blocks[-1][0] / blocks[-1][1] + blocks[-1][2]:
            total, count, height = blocks.pop()
            block = (total + block[0] - height * block[1], count + block[1], height + block[2])
        blocks.append(block)
    found = {}
    keys = iter(column)
    for total, count, _ in blocks:
        top = total / count
        for key in (next(keys) for _ in range(count)):
            found[key] = top + tall[key] / 2
            top += tall[key]
    return found
