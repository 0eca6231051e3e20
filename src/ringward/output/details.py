"""What a verbose line has beneath it: arguments, identity, steps, differences, reasons. Pure; text is raw."""

from __future__ import annotations

import calendar
import time
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

import msgspec

from ringward.events import BY_NAME, Event, FileId
from ringward.events.catalogue.process_exec import ProcessExec
from ringward.output import cells
from ringward.output.fold import Row


@lru_cache(maxsize=64)
def _second(text: str) -> str:
    """Return ``HH:MM:SS`` of the local time zone for ``YYYY-MM-DDTHH:MM:SS`` in UTC."""
    try:
        seconds = calendar.timegm(time.strptime(text, "%Y-%m-%dT%H:%M:%S"))
    except ValueError:
        return "--:--:--"
    return time.strftime("%H:%M:%S", time.localtime(seconds))


def clock(event: Event, digits: int) -> str:
    """Return the local time of day, the second with `digits` decimals."""
    return _second(event.time[:19]) + (event.time[19 : 20 + digits] if digits else "")


def value_text(value: Any) -> str:
    """Return an argument for a person; what has parts becomes JSON, None ``-``."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, FileId):
        return f"{value.path or '?'} (device {value.dev}, inode {value.inode}{', deleted' if value.deleted else ''})"
    if isinstance(value, tuple) and all(isinstance(item, str) for item in value):
        return " ".join(value)
    if isinstance(value, str | int | float):
        return str(value)
    return msgspec.json.encode(value).decode()


def arguments(event: Event, known: Sequence[Any] = ()) -> str:
    """Return ``name=value`` of each argument that is neither empty nor among the `known` values."""
    pairs = ((name, getattr(event.args, name)) for name in event.args.__struct_fields__)
    shown = (f"{name}={value_text(value)}" for name, value in pairs if value not in (None, "", (), *known))
    return "  ".join(shown)


def took(duration: int) -> str:
    """Return nanoseconds in the unit that keeps them short."""
    for unit, size in (("s", 1_000_000_000), ("ms", 1_000_000), ("us", 1_000)):
        if duration >= size:
            return f"{duration / size:.1f} {unit}"
    return f"{duration} ns"


def notes(event: Event) -> Iterator[str]:
    """Yield the differences, and why something was not read; that there was nothing is no news."""
    for found in event.differences:
        yield (
            f"differs: {found.field}: at entry {value_text(found.entry)}; the kernel worked with "
            f"{value_text(found.kernel)}"
        )
    for field, reason in event.unread.items():
        if reason not in cells.ABSENT:
            yield f"not read: {field}: {reason}"


def _load(event: Event) -> Iterator[str]:
    load = event.load
    if load is None:
        return
    parts = [f"load {load.id}"]
    if load.origin:
        parts.append(load.origin.text)
    if load.needed_by:
        parts.append(f"needed by {load.needed_by.name}")
    if load.uses:
        parts.append(f"uses {', '.join(need.name for need in load.uses)}")
    yield "; ".join(parts)
    if load.digest:
        yield f"sha256 {load.digest}"


def _call(event: Event, known: Sequence[Any] = ()) -> str:
    ways = [f"by {event.hook}"]
    if event.abi and event.abi != "64-bit":
        ways.insert(0, f"{event.abi} call")
    if event.duration is not None:
        ways.append(f"took {took(event.duration)}")
    return f"{arguments(event, known)}  ({', '.join(ways)})"


def _step(step: Event, event: Event) -> str:
    known = [getattr(event.args, "file", None), event.load.digest if event.load else None]
    parts = [clock(step, 6), step.event, arguments(step, known)]
    outcome = cells.outcome(step)
    if outcome:
        parts.append(f"-> {outcome}")
    if step.duration is not None:
        parts.append(f"took {took(step.duration)}")
    if step.process and event.process and step.process.id != event.process.id:
        parts.append(f"in {step.process.comm}[{step.process.pid}]")
    return "  ".join(parts)


def details(row: Row) -> Iterator[tuple[str, int]]:
    """Yield lines under a row, each with its depth of indentation."""
    event = row.event
    if BY_NAME[event.event].group == "modules":
        for text in _load(event):
            yield text, 1
        yield _call(event), 1
    elif isinstance(event.args, ProcessExec):
        yield _call(event, [event.args.args]), 1  # the line itself has the command line
    for text in notes(event):
        yield text, 1
    for step in row.steps:
        yield _step(step, event), 2
        for text in notes(step):
            yield text, 3
