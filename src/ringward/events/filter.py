"""Which events are wanted, beyond their names: a pure predicate."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, get_type_hints

import msgspec

from ringward.events.args import Args
from ringward.events.context import Event, FileId
from ringward.events.registry import BY_NAME, GROUPS, UnknownNameError
from ringward.events.syscall_values import Descriptor, PathValue

_PARTED: tuple[type[msgspec.Struct], ...] = (FileId, PathValue, Descriptor)
Check = Callable[[Event], "bool | None"]
"""True: wanted; False: not; None: what it looks at could not be read."""

_STREAM = frozenset(GROUPS["stream"])
_COMM_ROOM = 15  # include/linux/sched.h: TASK_COMM_LEN is 16, with the NUL
_GLOB = re.compile(r"[*?\[]")


@dataclass(frozen=True, slots=True)
class Filter:
    """What is wanted. Several values of one kind: any of them; several kinds: all of them.

    The events of the stream itself (losses, the sensor's state) are always wanted. Whoever
    filters shows an event only when it is known to be wanted, and counts those that could not
    be judged.

    Attributes:
        events: names of the catalogue; empty: all.
        comms: globs of the task's name.
        pids: of the task (a thread) or its thread group (a process), in the initial pid namespace.
        follow: their descendants too, and the loads that the kernel starts for them.
        uids: real user ids.
        exes: globs of the executable's path.
        args: (field, glob) of the event's own arguments; ``file.path`` looks into a file.
        failed: only what returned an error.
        container: start of the container's id; empty: any process.

    """

    events: frozenset[str] = frozenset()
    comms: tuple[str, ...] = ()
    pids: frozenset[int] = frozenset()
    follow: bool = False
    uids: frozenset[int] = frozenset()
    exes: tuple[str, ...] = ()
    args: tuple[tuple[str, str], ...] = ()
    failed: bool = False
    container: str = ""
    _checks: tuple[Check, ...] = field(init=False, repr=False, compare=False, default=())

    def __post_init__(self) -> None:
        object.__setattr__(self, "_checks", tuple(_checks(self)))

    def judge(self, event: Event) -> bool | None:
        """Return whether `event` is wanted; None when what decides it could not be read."""
        if event.event in _STREAM:
            return True
        verdict: bool | None = True
        for check in self._checks:
            found = check(event)
            if found is False:
                return False
            if found is None:
                verdict = None
        return verdict

    def match(self, event: Event) -> bool:
        """Return whether `event` is known to be wanted."""
        return self.judge(event) is True

    @property
    def kernel_comm(self) -> str | None:
        """The one task name that can match, for the kernel to compare; None when there is no such."""
        if len(self.comms) != 1 or _GLOB.search(self.comms[0]) or len(self.comms[0].encode()) > _COMM_ROOM:
            return None
        return self.comms[0]

    @property
    def kernel_uid(self) -> int | None:
        """The one user id that can match; None when there are more or any."""
        return next(iter(self.uids)) if len(self.uids) == 1 else None

    @property
    def kernel_pids(self) -> frozenset[int]:
        """The only pids that can match; empty when others can too."""
        return frozenset() if self.follow else self.pids


def _globs(patterns: Iterable[str]) -> Callable[[str], bool]:
    found = re.compile("|".join(fnmatch.translate(pattern) for pattern in patterns)).match
    return lambda text: found(text) is not None


def _checks(only: Filter) -> Iterable[Check]:
    if only.events:
        names = only.events
        yield lambda event: event.event in names
    if only.failed:
        yield _failed
    if only.pids:
        yield _pid_check(only.pids, follow=only.follow)
    if only.uids:
        uids = only.uids
        yield lambda event: event.process.uid in uids if event.process else None
    if only.comms:
        comm = _globs(only.comms)
        yield lambda event: comm(event.process.comm) if event.process else None
    if only.exes:
        exe = _globs(only.exes)
        yield lambda event: _runs(event, exe)
    if only.container:
        prefix = only.container
        yield lambda event: _in_container(event, prefix)
    for name, glob in only.args:
        yield _arg_check(name, glob)


def _failed(event: Event) -> bool | None:
    if event.result is None:
        # An event that has a result, and it is not there (yet): whether it failed is not known.
        return None if "result" in event.unread else False
    return event.result < 0


def _pid_check(pids: frozenset[int], *, follow: bool) -> Check:
    def direct(event: Event) -> bool | None:
        task = event.process
        return task.pid in pids or task.tid in pids if task else None

    def caused(event: Event) -> bool | None:
        task = event.process
        if task is None:
            return None
        if task.pid in pids or task.tid in pids or any(ancestor.pid in pids for ancestor in task.ancestors):
            return True
        requester = event.load.origin.requester if event.load and event.load.origin else None
        return requester is not None and requester.pid in pids

    return caused if follow else direct


def _runs(event: Event, exe: Callable[[str], bool]) -> bool | None:
    task = event.process
    if task is None:
        return None
    if task.exe is None:
        return False if task.kthread else None
    return exe(task.exe)


def _in_container(event: Event, prefix: str) -> bool | None:
    task = event.process
    if task is None:
        return None
    if task.container is None:
        return None if task.cgroup is None else False
    return task.container.startswith(prefix)


def _arg_check(name: str, glob: str) -> Check:
    first, *rest = name.split(".")
    matches = _globs([glob])

    def check(event: Event) -> bool | None:
        if first not in event.args.__struct_fields__:
            return False
        value: Any = getattr(event.args, first)
        for part in rest:
            value = value.get(part) if isinstance(value, dict) else getattr(value, part, None)
        if isinstance(value, Descriptor):
            return matches(str(value.fd)) or (None if value.path is None else matches(value.path))
        if isinstance(value, FileId | PathValue):
            value = value.path
        if value is None:
            return None
        if isinstance(value, tuple):
            return any(matches(str(item)) for item in value) or matches(" ".join(map(str, value)))
        return matches(arg_text(value))

    return check


def arg_text(value: object) -> str:
    """Return an argument as ``--arg`` compares it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict | msgspec.Struct):
        return msgspec.json.encode(value).decode()
    return str(value)


def arg_names(events: Iterable[str]) -> tuple[str, ...]:
    """Return every field that ``--arg`` can name for these events, the parts of files included."""
    found: dict[str, None] = {}
    for event in events:
        cls: type[Args] = BY_NAME[event]
        hints = get_type_hints(cls)
        for name in cls.__struct_fields__:
            found[name] = None
            for hint in getattr(hints[name], "__args__", (hints[name],)):
                if hint in _PARTED:
                    found.update(dict.fromkeys(f"{name}.{part}" for part in hint.__struct_fields__))
    return tuple(found)


def check_arg(name: str, events: Iterable[str]) -> None:
    """Check that one of `events` has an argument of this name.

    Raises:
        UnknownNameError: none has; the message gives the nearest names.

    """
    known = arg_names(events)
    if name not in known:
        raise UnknownNameError("argument", name, known)
