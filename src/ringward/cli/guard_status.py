"""``ringward guard --status``: what decides now."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from ringward.cli.errors import BAD_ANSWER, INCOMPLETE, CannotRunError
from ringward.cli.stream import say
from ringward.guard import pins, programs_status
from ringward.guard.maps import PolicyMaps
from ringward.guard.programs_status import ProgramsStatus
from ringward.guard.status import Status, read
from ringward.output.text import safe
from ringward.sensor import _native
from ringward.sensor.clock import NS, now


def lines(status: Status | None, programs: ProgramsStatus | None, time: int) -> Iterator[str]:
    """Yield what a person reads.

    Args:
        status: of the guard.
        programs: of the guard of programs.
        time: nanoseconds since boot.

    """
    yield from _guard_lines(status, time)
    if programs is None:
        return
    if not programs.alive:
        yield f"programs: off: process {programs.pid} has ended"
    elif not programs.loaded:
        yield f"programs: process {programs.pid} tells of starts, and its hooks are NOT LOADED ANY MORE"
    else:
        how = f"later and weaker: {safe(programs.weaker)}" if programs.weaker else "before they run; none is denied"
        yield f"programs: {programs.mode}; starts are judged {how}; process: {programs.pid}, and it ends with that"


def _guard_lines(status: Status | None, time: int) -> Iterator[str]:
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


def document(status: Status | None, programs: ProgramsStatus | None) -> dict[str, Any]:
    """Return what is printed as JSON."""
    starts = {**asdict(programs), "active": programs.active} if programs else None
    if status is None:
        return {"active": False, "programs": starts}
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
        "programs": starts,
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
        status, programs = read(), programs_status.read()
    except (OSError, ValueError, _native.BpfError) as error:
        text = error.args[1] if isinstance(error, _native.BpfError) else getattr(error, "strerror", None) or str(error)
        raise CannotRunError(f"cannot look at the guard: {text}; is it run as root?") from error
    if (options.output or ("table" if sys.stdout.isatty() else "jsonl")) == "jsonl":
        print(json.dumps(document(status, programs)))
    else:
        for line in lines(status, programs, now()):
            print(line)
    judged = status is not None and status.active
    if not judged and not (programs and programs.active):
        return BAD_ANSWER
    deaf = programs is not None and programs.alive and not programs.loaded
    return INCOMPLETE if deaf or (status is not None and judged and not all(status.deciding.values())) else 0
