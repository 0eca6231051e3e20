"""Processes and modules as /proc and /sys show them (proc(5)): a second source, read late."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

from ringward.events.fields import decode, split_list
from ringward.sensor.info import ModuleCounts

TICK_NS = 1_000_000_000 // os.sysconf("SC_CLK_TCK")


class Stat(NamedTuple):
    """What /proc/PID gives of one process."""

    pid: int
    ppid: int
    ticks: int  # start, clock ticks since boot
    comm: str


def host() -> str:
    """Return the machine's name (uname(2)); what is not UTF-8 as records have it."""
    return decode(os.fsencode(os.uname().nodename))


def read_stat(pid: int) -> Stat | None:
    """Return a process's state; None when there is none of this number (any more)."""
    try:
        raw = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return None
    head, _, rest = raw.rpartition(b")")
    fields = rest.split()
    return Stat(pid, int(fields[1]), int(fields[19]), decode(head.partition(b"(")[2]))


def thread_group(tid: int) -> int | None:
    """Return the process that a thread belongs to; itself for a process, None when there is no such thread."""
    try:
        text = Path(f"/proc/{tid}/status").read_text("utf-8", "backslashreplace")
    except OSError:
        return None
    return next((int(line.split()[1]) for line in text.splitlines() if line.startswith("Tgid:")), None)


def read_link(pid: int, name: str) -> str | None:
    """Return where /proc/PID/NAME points, or None; what is not UTF-8 as records have it."""
    try:
        return decode(os.fsencode(Path(f"/proc/{pid}/{name}").readlink()))
    except OSError:
        return None


def exe_is(pid: int, inode: int, ctime: int) -> bool:
    """Return whether a process runs the file of this inode; `ctime`: nanoseconds since 1970."""
    try:
        status = Path(f"/proc/{pid}/exe").stat()
    except OSError:
        return False
    return (status.st_ino, status.st_ctime_ns) == (inode, ctime)


def read_args(pid: int) -> tuple[str, ...] | None:
    """Return the arguments of a process; None when it is gone, empty for a kernel thread."""
    try:
        raw = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return None
    return split_list(raw) if raw else ()


def read_cgroup(pid: int) -> str | None:
    """Return a process's path in the default hierarchy (cgroups(7)), or None."""
    try:
        lines = Path(f"/proc/{pid}/cgroup").read_bytes().split(b"\n")
    except OSError:
        return None
    return next((decode(line[3:]) for line in lines if line.startswith(b"0::")), None)


def pids() -> list[int]:
    """Return all thread groups."""
    return [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]


def loaded_modules() -> dict[str, str]:
    """Return the taint letters of each loaded module, by name.

    Raises:
        OSError: this kernel has no /proc/modules.

    """
    found: dict[str, str] = {}
    for line in Path("/proc/modules").read_text().splitlines():
        words = line.split()
        found[words[0]] = words[6].strip("()") if len(words) > 6 else ""
    return found


def module_names() -> set[str] | None:
    """Return the names of the loaded modules; empty without module support, None when they cannot be read."""
    try:
        return set(loaded_modules())
    except FileNotFoundError:
        return set()
    except OSError:
        return None


def module_counts() -> tuple[ModuleCounts | None, str | None]:
    """Return how many modules are loaded, or None and why not."""
    try:
        modules = loaded_modules()
    except FileNotFoundError:
        return None, "this kernel has no module support (no /proc/modules)"
    except OSError as error:
        return None, f"/proc/modules: {error.strerror}"
    unsigned = sum("E" in taint for taint in modules.values())
    return ModuleCounts(len(modules), unsigned, sum("O" in taint for taint in modules.values())), None
