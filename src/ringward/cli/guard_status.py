"""``ringward guard --status``: what decides now."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from typing import Any

from ringward.cli.errors import BAD_ANSWER, INCOMPLETE, CannotRunError
from ringward.cli.stream import say
from ringward.guard import pins
from ringward.guard.maps import PolicyMaps
from ringward.guard.status import Status, read
from ringward.output.text import safe
from ringward.sensor import _native
from ringward.sensor.clock import NS, now


def lines(status: Status | None, time: int) -> Iterator[str]:
    """Yield what a person reads.

    Args:
        status: of the guard.
        time: nanoseconds since boot.

    """
    if status is None or not status.active:
        yield "guard: off: nothing decides" + ("" if status is None else f" (process {status.pid} has ended)")
        return
    modes = ", ".join(f"{one.value} {mode.name.lower()}" for one, mode in status.modes.items())
    yield f"guard: {modes or 'nothing is judged'}; {status.rules} rules"
    if status.enforce_until:
        left = (status.enforce_until - time) // NS
        yield f"trial: enforcing ends in {left} s" if left > 0 else "trial: over: it monitors"
    if status.alive:
        then = "goes on deciding" if status.stays else "ends"
        yield f"process: {status.pid}; when it ends the kernel part {then}"
    else:
        yield f"process: {status.pid} has ended; the kernel part goes on deciding, and nobody reads what it tells"
    for label, decides in status.deciding.items():
        yield f"  {safe(label)}: {status.rungs[label]}{'' if decides else ': NOT LOADED ANY MORE'}"
    for label, reason in status.missing.items():
        yield f"  {safe(label)}: missing: {safe(reason)}"


def document(status: Status | None) -> dict[str, Any]:
    """Return what is printed as JSON."""
    if status is None:
        return {"active": False}
    return {
        "active": status.active,
        "modes": {one.value: mode.name.lower() for one, mode in status.modes.items()},
        "rules": status.rules,
        "pid": status.pid,
        "alive": status.alive,
        "on_end": "continue" if status.stays else "release",
        "may_deny": status.may_deny,
        "enforce_until": status.enforce_until or None,
        "hooks": {
            label: {"rung": status.rungs[label], "loaded": decides} for label, decides in status.deciding.items()
        },
        "missing": status.missing,
    }


def confirm() -> int:
    """Let a trial go on without an end; return the exit status."""
    fds = pins.maps_of()
    maps = PolicyMaps(fds)
    try:
        if "guard_policy" not in fds:
            raise CannotRunError("nothing to confirm: no guard is there; see: ringward guard --status")
        until = maps.state()["enforce_until"]
        if not until:
            raise CannotRunError("nothing to confirm: there is no trial; see: ringward guard --status")
        if until <= now():
            say("ringward guard: the trial is over, and it monitors: start it again with --mode enforce")
            return BAD_ANSWER
        maps.confirm()
    finally:
        pins.close(fds)
    say("ringward guard: confirmed: it enforces from now on")
    return 0


def main(options: argparse.Namespace) -> int:
    """Print the status; return the exit status."""
    try:
        status = read()
    except (OSError, _native.BpfError) as error:
        text = error.args[1] if isinstance(error, _native.BpfError) else error.strerror
        raise CannotRunError(f"cannot look at the guard: {text}; is it run as root?") from error
    if (options.output or ("table" if sys.stdout.isatty() else "jsonl")) == "jsonl":
        print(json.dumps(document(status)))
    else:
        for line in lines(status, now()):
            print(line)
    if status is None or not status.active:
        return BAD_ANSWER
    return 0 if all(status.deciding.values()) else INCOMPLETE
