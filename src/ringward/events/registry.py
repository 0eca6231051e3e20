"""Events by name and by group."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from ringward.events.catalogue import CATALOGUE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ringward.events.args import Args

BY_NAME: dict[str, type[Args]] = {cls.event_name(): cls for cls in CATALOGUE}
GROUPS: dict[str, tuple[str, ...]] = {
    group: tuple(name for name, cls in BY_NAME.items() if cls.group == group and cls.default)
    for group in ("modules", "programs", "guard", "stream")
}
GROUPS["all"] = tuple(name for name, cls in BY_NAME.items() if cls.group != "guard")
"""What a sensor can see by itself: verdicts are the guard's."""


class UnknownNameError(ValueError):
    """A name that is not in the catalogue; the message gives the nearest ones."""

    def __init__(self, what: str, name: str, known: Iterable[str]) -> None:
        known = list(known)
        near = difflib.get_close_matches(name, known, 3, 0.5)
        hint = f"did you mean {', '.join(near)}?" if near else f"known: {', '.join(known)}"
        super().__init__(f"no {what} named '{name}'; {hint}")


def select(names: Iterable[str]) -> tuple[str, ...]:
    """Return the events that names of events and groups stand for, in the catalogue's order.

    No names at all stand for the groups modules and programs. The events of the stream
    itself (losses, the sensor's state) are always among them.

    Raises:
        UnknownNameError: a name is neither an event nor a group.

    """
    wanted: set[str] = set(GROUPS["stream"])
    for name in list(names) or ["modules", "programs"]:
        if name in GROUPS:
            wanted.update(GROUPS[name])
        elif name in BY_NAME:
            wanted.add(name)
        else:
            raise UnknownNameError("event or group", name, [*BY_NAME, *GROUPS])
    return tuple(name for name in BY_NAME if name in wanted)
