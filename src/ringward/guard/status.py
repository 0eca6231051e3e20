"""What the guard's kernel part is doing, as the kernel has it: pins, policy, programs. Reads only."""

from __future__ import annotations

import json
import os
import struct
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ringward.guard import pins
from ringward.guard.holder import HOLDER, started
from ringward.guard.layouts import constants, unpack
from ringward.sensor import _native
from ringward.trust.rules import Mode, Operation

_FIRST = bytes(4)
_LOOK_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class Status:
    """A guard.

    Attributes:
        modes: of each operation that it judges.
        deciding: for each verdict and aid, whether all of its programs are loaded.
        rungs: how each is attached.
        missing: verdicts and aids that could not be had, with the reason.
        rules: in the policy that is in use.
        pid: of the process that started it.
        alive: whether that process is there.
        stays: the kernel part goes on deciding without it.
        may_deny: whether the programs can refuse at all.
        enforce_until: nanoseconds since boot; 0: no end.
        programs: ids of those that are loaded.

    """

    modes: dict[Operation, Mode]
    deciding: dict[str, bool]
    rungs: dict[str, str]
    missing: dict[str, str]
    rules: int
    pid: int
    alive: bool
    stays: bool
    may_deny: bool
    enforce_until: int
    programs: frozenset[int] = frozenset()

    @property
    def active(self) -> bool:
        """Whether anything decides."""
        return any(self.deciding.values())


def make(policy: Mapping[str, Any], told: Mapping[str, Any], *, alive: bool, loaded: frozenset[int]) -> Status:
    """Return the status.

    Args:
        policy: members of struct guard_policy.
        told: by the process that started the guard (`ringward.guard.holder.Holder.take_over`).
        alive: whether that process is there.
        loaded: ids of the programs that are loaded, of those that it told of.

    """
    bank = policy["bank"]
    rules = struct.unpack_from("<I", policy["rules"], 4 * bank)[0]
    numbers = constants("operation")
    # Two banks, one after the other.
    modes = struct.unpack(f"<{len(policy['modes']) // 4}I", policy["modes"])
    modes = modes[bank * len(modes) // 2 :]
    attached, missing = told["attached"], told["missing"]
    return Status(
        {one: Mode(modes[numbers[one.value]]) for one in Operation if modes[numbers[one.value]]},
        {label: bool(programs) and set(programs) <= loaded for label, (_rung, programs) in attached.items()},
        {label: rung for label, (rung, _programs) in attached.items()},
        dict(missing),
        rules,
        int(told["pid"]),
        alive,
        bool(told["stays"]),
        bool(told["may_deny"]),
        policy["enforce_until"],
        loaded,
    )


def is_loaded(program: int) -> bool:
    """Return whether there is an eBPF program of this id.

    Raises:
        BpfError: the kernel does not let this process look.

    """
    try:
        os.close(_native.program_open(program))
    except _native.BpfError as error:
        if error.args[0] == 2:  # ENOENT
            return False
        raise
    return True


def wait_until_gone(programs: Iterable[int], seconds: float) -> bool:
    """Wait until the kernel has ended programs, which it does some time after their last link is gone; return whether.

    It frees a link in work of its own, and a program after that (kernel/bpf/syscall.c: bpf_link_put(), bpf_prog_put()).

    Raises:
        BpfError: the kernel does not let this process look.

    """
    until = time.monotonic() + seconds
    left = list(programs)
    while left := [program for program in left if is_loaded(program)]:
        if time.monotonic() > until:
            return False
        time.sleep(_LOOK_SECONDS)
    return True


def read(folder: Path = pins.FOLDER) -> Status | None:
    """Return the status of this machine's guard; None: there is none.

    Raises:
        OSError: the pins cannot be looked at.
        BpfError: the kernel does not let this process look.

    """
    fds = pins.maps_of(folder)
    try:
        text = _native.map_lookup(fds[HOLDER], _FIRST) if HOLDER in fds else None
        data = _native.map_lookup(fds["guard_policy"], _FIRST) if "guard_policy" in fds else None
    finally:
        pins.close(fds)
    if not text or not data:
        return None
    told = json.loads(text.rstrip(b"\0"))
    programs = {program for _rung, ids in told["attached"].values() for program in ids}
    loaded = frozenset(program for program in programs if is_loaded(program))
    # A number is given again: the start tells one process from another.
    alive = started(told["pid"]) == told["ticks"]
    return make(unpack("guard_policy", data), told, alive=alive, loaded=loaded)


def process(folder: Path = pins.FOLDER) -> str | None:
    """Return the process that started this machine's guard, as events name it; None: there is no guard.

    Raises:
        OSError: the pins cannot be looked at.
        BpfError: the kernel does not let this process look.

    """
    fd = pins.map_to_read(HOLDER, folder)
    if fd is None:
        return None
    try:
        text = _native.map_lookup(fd, _FIRST)
    finally:
        os.close(fd)
    told = json.loads(text.rstrip(b"\0")) if text else None
    return f"{told['pid']}@{told['ticks']}" if told else None
