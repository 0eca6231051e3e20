"""What is null in an event and does not say why: a member that can be None has a reason, or None is an answer.

None is an answer where the member's own text says so: ``None: ...`` in `ringward.events.context`, `none` of a
`ringward.events.fields.Spec`.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import msgspec

from ringward.events import BY_NAME, Ancestor, Event, FileId, Load, Need, Origin, Process
from ringward.events.member_docs import member_docs

CALLS_OF_LOADS = ("init_module", "finit_module")
NAMESPACES = ("mnt", "pid", "net", "user")
# What an origin of each kind has; of any other kind it is null.
OF_KIND = {"request": ("alias", "request", "requester"), "udev": ("device", "modalias")}


@cache
def answers(cls: type[msgspec.Struct]) -> frozenset[str]:
    """Return the members of an envelope's struct for which None is an answer."""
    return frozenset(name for name, text in member_docs(cls).items() if "None:" in text)


@cache
def _of_args(name: str) -> frozenset[str]:
    return frozenset(field for field, spec in BY_NAME[name].specs().items() if spec.none)


def _nulls(value: Any) -> list[str]:
    return [name for name in value.__struct_fields__ if getattr(value, name) is None]


def _reasons(where: str, unread: dict[str, str]) -> Iterator[str]:
    for name, reason in unread.items():
        if not reason:
            yield f"{where}.unread[{name!r}] is empty"


def _ancestor(where: str, value: Ancestor) -> Iterator[str]:
    for name in _nulls(value):
        if name != "unread" and not value.unread:
            yield f"{where}.{name}"


def process_faults(value: Process) -> tuple[str, ...]:
    """Return what is null in a process without a reason."""
    found = [f"process.{name}" for name in _nulls(value) if name not in value.unread and name not in answers(Process)]
    found += _reasons("process", value.unread)
    if value.container is None and value.cgroup is None and "container" not in value.unread:
        found.append("process.container: without its cgroup this is no answer")
    found += [
        f"process.namespaces.{name}"
        for name in NAMESPACES
        if not value.namespaces.get(name) and f"namespaces.{name}" not in value.unread
    ]
    for number, ancestor in enumerate(value.ancestors):
        found += _ancestor(f"process.ancestors[{number}]", ancestor)
    return tuple(found)


def _origin(value: Origin) -> Iterator[str]:
    assert answers(Origin) == {name for names in OF_KIND.values() for name in names}
    for name in _nulls(value):
        if name in OF_KIND.get(value.kind, ()) and name not in value.unread:
            yield f"load.origin.{name}"
    if value.kind == "unknown" and "kind" not in value.unread:
        yield "load.origin.kind is unknown"
    if value.requester:
        yield from _ancestor("load.origin.requester", value.requester)
    yield from _reasons("load.origin", value.unread)


def _load(event: Event, value: Load) -> Iterator[str]:
    assert {"origin", "module", "digest", "needed_by"} <= answers(Load)
    assert "load" in answers(Need)
    if event.event in CALLS_OF_LOADS:
        # The call's own event has it whole.
        for name in ("origin", "module", "digest"):
            if getattr(value, name) is None and f"load.{name}" not in event.unread:
                yield f"load.{name}"
    if value.origin:
        yield from _origin(value.origin)


def _envelope(event: Event) -> Iterator[str]:
    gives = BY_NAME[event.event].gives
    for name in _nulls(event):
        if name in event.unread:
            continue
        if name not in answers(Event):
            yield name
        elif name in gives:
            yield f"{name}: every {event.event} has one"
        elif name in ("cpu", "process", "seq") and event.hook != "sensor" and (name, event.hook) != ("cpu", "uevent"):
            yield f"{name}: only the stream's own events have none"
    if event.result is not None and event.result < 0 and not event.error:
        yield "error"
    if event.event in CALLS_OF_LOADS and event.load is None:
        yield "load: each of these calls is a load"
    yield from _reasons(event.event, event.unread)


def _arguments(event: Event) -> Iterator[str]:
    for name in event.args.__struct_fields__:
        value = getattr(event.args, name)
        if value is None and name not in event.unread and name not in _of_args(event.event):
            yield f"args.{name}"
        elif isinstance(value, FileId) and value.path is None and f"{name}.path" not in event.unread:
            yield f"args.{name}.path"
        elif isinstance(value, dict):
            yield from (f"args.{name}.{key}" for key, part in value.items() if part is None)
        elif isinstance(value, tuple):
            yield from (f"args.{name}[{i}]" for i, part in enumerate(value) if part is None)


def faults(event: Event, seen: dict[int, tuple[Process, tuple[str, ...]]] | None = None) -> list[str]:
    """Return what is null in an event and says neither why nor that this is an answer.

    Args:
        event: to look at, whole.
        seen: keeps what was found in each process: many events share one.

    """
    found = [*_envelope(event), *_arguments(event)]
    if event.load:
        found += _load(event, event.load)
    if event.process:
        kept = seen.get(id(event.process)) if seen is not None else None
        if kept is None or kept[0] is not event.process:
            kept = event.process, process_faults(event.process)
            if seen is not None:
                seen[id(event.process)] = kept
        found += kept[1]
    return [f"{event.event}: {fault}" for fault in found]
