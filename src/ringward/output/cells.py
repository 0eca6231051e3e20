"""What an event says in a few words: the cells of the table, which templates can use too. Pure; text is raw."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator, Sequence

from ringward.events import BY_NAME, Ancestor, Event, Origin
from ringward.events.fields import UNREAD_TEXT
from ringward.events.syscall_args import EXPECTED, NO_RETURN

LOADS = frozenset({"finit_module", "init_module"})
"""The calls that one line of the table stands for."""

ABSENT = frozenset({UNREAD_TEXT["ABSENT"], UNREAD_TEXT["NO_FILE"]})
"""Reasons of what is null because there is nothing."""
# Reasons that say nothing is wrong: the caller gave nothing, or the first screen has said it for all events.
_EXPECTED = ABSENT | EXPECTED | {UNREAD_TEXT["NULL"], UNREAD_TEXT["NO_HOOK"], UNREAD_TEXT["NOT_NEEDED"]}
# The kernel stopped at an error before it got there: the error says enough.
_EARLY = frozenset({UNREAD_TEXT["NOT_REACHED"], UNREAD_TEXT["NO_COPY"]})
_ADDRESSES = 1 << 32
"""Results from here on are addresses: those of mmap, brk, mremap, shmat."""
_ENDS = frozenset({"delete_module", "module_free"})
# Not in the line, and not to be had of a program that the kernel starts.
_ASIDE = frozenset({"result", "old_credentials"})
_RETURNED = re.compile(r"not returned(?: after ([\d.]+) s)?")  # ringward.sensor.attempts


def in_progress(event: Event) -> bool:
    """Return whether the call had not returned when the event was made."""
    return event.result is None and _RETURNED.search(event.unread.get("result", "")) is not None


def outcome(event: Event) -> str:
    """Return how it ended: ``ok``, an errno's name, a number, ``in progress``; empty where nothing can fail."""
    if event.result is None:
        reason = event.unread.get("result")
        if reason is None:
            return ""
        found = _RETURNED.search(reason)
        if not found:
            return "" if reason == NO_RETURN else "?"
        return f"in progress {found[1]}s" if found[1] else "in progress"
    if event.result < 0:
        return event.error or str(event.result)
    if event.result >= _ADDRESSES:
        return hex(event.result)
    return "ok" if event.result == 0 else str(event.result)


def marks(event: Event) -> str:
    """Return ``!`` when user and kernel memory differed, ``?`` when something could not be read."""
    failed = event.result is not None and event.result < 0
    ignored = _EXPECTED | _EARLY if failed else _EXPECTED
    unread = any(reason not in ignored for field, reason in event.unread.items() if field not in _ASIDE)
    return ("!" if event.differences else "") + ("?" if unread else "")


def subject(event: Event) -> str:
    """Return what the event is about, the most telling first."""
    args = event.args
    if event.event in LOADS:
        return _load_subject(event)
    if event.event == "delete_module":
        held = f" held by {','.join(args.holders)}" if args.holders else ""
        used = f" in use {args.refcount}x" if not held and args.refcount and event.error else ""
        forced = " O_TRUNC" if "O_TRUNC" in args.flags else ""
        return f"{args.name if args.name is not None else '?'}{forced}{held}{used}"
    if event.event == "process_exit" and args.signal:
        return f"{args.subject()} ({_signal(args.signal)}){', core dumped' if args.core_dumped else ''}"
    if event.event == "module_load":
        taints = f" taints {''.join(args.taints)}" if args.taints else ""
        return f"{args.subject()}{taints}"
    return str(args.subject())


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return "real-time signal"


def _load_subject(event: Event) -> str:
    args = event.args
    name = event.load.module if event.load and event.load.module else args.subject()
    if not name and event.event == "init_module":
        name = f"image of {args.len} bytes"
    elif not name:
        name = f"fd {args.fd}"
    flags = getattr(args, "flags", ())
    # A forced load must not hide behind a cut column, so flags come before parameters.
    words = [name, *(flag.removeprefix("MODULE_INIT_") for flag in flags if flag != "MODULE_INIT_COMPRESSED_FILE")]
    if args.param_values:
        words.append(args.param_values)
    return " ".join(words)


def digest(event: Event) -> str:
    """Return the SHA-256 of a load or of what was judged, ``-`` when there is none; "" for what can have none."""
    if event.event in LOADS:
        return (event.load.digest if event.load else None) or "-"
    if hasattr(event.args, "digest"):
        return event.args.digest or "-"
    return ""


def _named(task: Ancestor) -> str:
    return f"{task.comm or '?'}[{task.pid}]"


def _descent(tasks: Sequence[Ancestor]) -> Iterator[str]:
    """Yield a line of descent, ``bash[12] < sshd[9]``, from the longest telling to the shortest."""
    for name in (_named, lambda task: task.comm or "?"):
        names = [name(task) for task in tasks]
        yield from (" < ".join(names[:length]) for length in range(len(names), 1, -1))
    if tasks:
        yield _named(tasks[0])
        yield tasks[0].comm or "?"


def _origin(origin: Origin, parents: Sequence[Ancestor]) -> Iterator[str]:
    if origin.kind == "command":
        # Its text ends with the first of them.
        line = [_named(task) for task in parents]
        yield from (" < ".join([origin.text, *line[1:length]]) for length in range(len(line), 1, -1))
    yield origin.text
    if origin.alias is not None:
        who = origin.requester
        if who:
            yield f"{origin.alias} by {_named(who)}"
            yield f"{origin.alias} by {who.comm or '?'}"
        yield origin.alias
    elif origin.device is not None:
        yield f"udev {origin.device}"
        yield f"udev {origin.device.rpartition('/')[2]}"
    elif origin.kind == "command":
        yield from (f"by {text}" for text in _descent(parents))
    yield origin.kind


def causes(event: Event) -> tuple[str, ...]:
    """Return why it happened, from the longest telling to the shortest."""
    # What a module was once loaded for, is no cause of its end.
    load = None if event.event in _ENDS else event.load
    parents = event.process.ancestors if event.process else ()
    if load and load.needed_by:
        return (f"needed by {load.needed_by.name}", f"for {load.needed_by.name}")
    if load and load.origin:
        return tuple(_origin(load.origin, parents))
    if BY_NAME[event.event].group == "modules" and parents:
        return (*(f"from {text}" for text in _descent(parents)), parents[0].comm or "?")
    return ("",)
