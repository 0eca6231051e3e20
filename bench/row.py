"""One line of the table: a claim, what was measured, and whether it holds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import median


class CannotMeasureError(Exception):
    """The row cannot be measured here; the message says what is missing."""


@dataclass
class Row:
    """A claim and what came of it.

    Attributes:
        name: what is measured.
        goal: what is claimed; "": nothing, it is to be known.
        ours: measured of Ringward.
        peer: measured beside it.
        reached: whether the goal is; None: not measured.
        notes: how it was measured, spread, what was lost.
        void: why the figures do not count; None: they do.

    """

    name: str
    goal: str
    ours: str = ""
    peer: str = ""
    reached: bool | None = None
    notes: list[str] = field(default_factory=list)
    void: str | None = None

    def verdict(self) -> str:
        """Return the last column: ``reached``, ``missed``, ``void``, ``measured`` or ``not measured``."""
        if self.void is not None:
            return "void"
        if not self.goal and self.ours:
            return "measured"
        if self.reached is None:
            return "not measured"
        return "reached" if self.reached else "missed"


Measure = Callable[["int"], list[Row]]
"""Measures one or more rows in so many rounds."""


def spread(values: list[float], digits: int = 2) -> str:
    """Return median, lowest and highest of several rounds as text."""
    low, high = min(values), max(values)
    return f"{median(values):.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"
