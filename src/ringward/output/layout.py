"""The table's columns: how wide each is on a terminal of a given width. Pure."""

from __future__ import annotations

from dataclasses import dataclass

NARROWEST = 80
"""Below this the line is cut; at this width it fits exactly."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Width of each column, in terminal columns; one space stands between two."""

    total: int
    time: int = 8
    pid: int = 7
    program: int = 8
    event: int = 14
    subject: int = 10
    result: int = 7
    digest: int = 12
    cause: int = 7

    @property
    def tail(self) -> int:
        """Columns from the subject to the end of the line."""
        return self.subject + self.result + self.digest + self.cause + 3


# What a wider terminal is used for: column, width it grows to; in this order.
_GROWTH = (
    ("subject", 14),
    ("program", 15),  # a task's name has at most 15 bytes
    ("cause", 18),
    ("time", 12),  # with milliseconds
    ("event", 15),
    ("subject", 22),
    ("cause", 26),
    ("result", 12),  # EKEYREJECTED
)


def layout(total: int) -> Layout:
    """Return the columns for a terminal of `total` columns; they fill it exactly from NARROWEST on."""
    smallest = Layout(total)
    sizes = {name: getattr(smallest, name) for name in Layout.__slots__ if name != "total"}
    rest = max(total - NARROWEST, 0)
    for name, wanted in _GROWTH:
        more = min(rest, wanted - sizes[name])
        if name == "time" and more < wanted - sizes[name]:
            continue  # part of a fraction is no use
        sizes[name] += more
        rest -= more
    sizes["cause"] += rest - rest // 3
    sizes["subject"] += rest // 3
    return Layout(total, **sizes)
