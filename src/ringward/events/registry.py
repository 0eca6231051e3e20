"""Events by name and by group."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from ringward.events.catalogue import CATALOGUE
from ringward.events.syscall_args import call_class, call_names
from ringward.events.syscall_table import SHORT, expand

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ringward.events.args import Args


class _Events(dict[str, "type[Args]"]):
    """The catalogue; asked for a system call, which it does not list, it has the class made."""

    def __missing__(self, name: str) -> type[Args]:
        return call_class(name)


BY_NAME: dict[str, type[Args]] = _Events({cls.event_name(): cls for cls in CATALOGUE})
CALLS: tuple[str, ...] = tuple(name for name in call_names() if name not in BY_NAME)
"""Events that are system calls and have no class of their own in the catalogue."""
GROUPS: dict[str, tuple[str, ...]] = {
    group: tuple(name for name, cls in BY_NAME.items() if cls.group == group and cls.default)
    for group in ("modules", "programs", "guard", "stream")
}
GROUPS["all"] = tuple(name for name, cls in BY_NAME.items() if cls.group not in {"guard", "calls"})
"""What a sensor can see by itself: verdicts are the guard's."""
GROUPS["calls"] = CALLS


class UnknownNameError(ValueError):
    """A name that is not in the catalogue; the message gives the nearest ones."""

    def __init__(self, what: str, name: str, known: Iterable[str], besides: Iterable[str] = ()) -> None:
        known = list(known)
        # Of `besides` there are many: only those that are really near, and not all of them listed.
        near = difflib.get_close_matches(name, known, 3, 0.5) + difflib.get_close_matches(name, list(besides), 3, 0.7)
        hint = f"did you mean {', '.join(near)}?" if near else f"known: {', '.join(known)}"
        super().__init__(f"no {what} named '{name}'; {hint}")


def records(names: Iterable[str]) -> tuple[str, ...]:
    """Return the events of the catalogue that these are made of: that of every system call is `syscall`."""
    return tuple(dict.fromkeys(name if name in BY_NAME else "syscall" for name in names))


def select(names: Iterable[str]) -> tuple[str, ...]:
    """Return the events that names of events and groups stand for, in the catalogue's order.

    No names at all stand for the groups modules and programs. The events of the stream
    itself (losses, the sensor's state) are always among them. The short name of a system call
    stands for those that libraries pick in its place as well.

    Raises:
        UnknownNameError: a name is neither an event, a system call nor a group.

    """
    wanted: set[str] = set(GROUPS["stream"])
    for name in list(names) or ["modules", "programs"]:
        if name in GROUPS:
            wanted.update(GROUPS[name])
        elif name in BY_NAME:
            wanted.add(name)
        elif expand(name):
            wanted.update(expand(name))
        else:
            raise UnknownNameError("event, system call or group", name, [*BY_NAME, *GROUPS], [*CALLS, *SHORT])
    return tuple(name for name in (*BY_NAME, *CALLS) if name in wanted)
