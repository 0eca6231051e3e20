"""Who might have called: what /proc shows after the fact. A guess, and marked as one.

Only used where no hook tells the process. A task that is in a module system call at this
moment counts most; else a process that runs a module tool. Only a single one is taken.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from ringward.events.context import Ancestor, Process
from ringward.sensor import procfs
from ringward.sensor.container import container_id
from ringward.sensor.procfs import TICK_NS

GUESS = "found in /proc after the fact, not from the kernel"
# arch/x86/entry/syscalls/syscall_64.tbl; /proc/PID/syscall has the bare number (proc(5)).
LOAD_CALLS = frozenset({175, 313})
UNLOAD_CALLS = frozenset({176})
TOOLS = frozenset({"modprobe", "insmod", "rmmod", "kmod", "udevadm", "systemd-udevd", "systemd-modules-load"})
ANCESTORS = 16
_NEVER = 0xFFFFFFFF
_NAMESPACES = ("mnt", "pid", "net", "user")


class Seen(NamedTuple):
    """What /proc shows of one task."""

    pid: int
    tid: int
    exe: str | None
    call: int | None
    """Number of the system call that it is in; None: in none, or not to be read."""


def choose(tasks: Iterable[Seen], calls: frozenset[int]) -> tuple[Seen | None, str]:
    """Return the only task that comes into question, or None; and what is to be said of it."""
    seen = list(tasks)
    inside = [task for task in seen if task.call in calls]
    if inside:
        found, what = inside, "in a module system call"
    else:
        tools = {task.pid: task for task in seen if task.exe and task.exe.rpartition("/")[2] in TOOLS}
        found, what = list(tools.values()), "running a module tool"
    if len(found) == 1:
        return found[0], f"a guess: the only task {what}, {GUESS}"
    if found:
        return None, f"uevents name no process, and /proc shows {len(found)} tasks {what}"
    return None, "uevents name no process, and /proc shows none that is in the call or runs a module tool"


def _call(pid: int, tid: str) -> int | None:
    try:
        word = Path(f"/proc/{pid}/task/{tid}/syscall").read_text().partition(" ")[0]
        return int(word)
    except (OSError, ValueError):  # gone, no permission; or "running"
        return None


def look() -> list[Seen]:
    """Return every user task."""
    found = []
    own = os.getpid()
    numbers = os.uname().machine == "x86_64"
    for pid in procfs.pids():
        exe = procfs.read_link(pid, "exe")
        # A kernel thread has no program. A forbidden link is not told apart, and no guess is made of it.
        if exe is None or pid == own:
            continue
        try:
            tids = [path.name for path in Path(f"/proc/{pid}/task").iterdir()]
        except OSError:
            continue
        found += [Seen(pid, int(tid), exe, _call(pid, tid) if numbers else None) for tid in tids]
    return found


def _status(pid: int) -> dict[str, list[str]]:
    try:
        text = Path(f"/proc/{pid}/status").read_text(errors="backslashreplace")
    except OSError:
        return {}
    return {name: rest.split() for name, _, rest in (line.partition(":") for line in text.splitlines())}


def _audit(pid: int, name: str) -> int | None:
    """Return a number of the audit subsystem; _NEVER when nobody logged in, None when it cannot be read."""
    try:
        return int(Path(f"/proc/{pid}/{name}").read_text())
    except (OSError, ValueError):
        return None


def _namespaces(pid: int) -> dict[str, int]:
    found = {}
    for name in _NAMESPACES:
        link = procfs.read_link(pid, f"ns/{name}") or ""
        number = link.partition("[")[2].rstrip("]")
        if number.isdigit():
            found[name] = int(number)
    return found


def _ancestors(pid: int) -> tuple[Ancestor, ...]:
    found: list[Ancestor] = []
    while pid and len(found) < ANCESTORS:
        stat = procfs.read_stat(pid)
        if stat is None:
            break
        exe, args = procfs.read_link(pid, "exe"), procfs.read_args(pid)
        unread = None if exe is not None and args is not None else "not to be had from /proc"
        found.append(Ancestor(f"{pid}@{stat.ticks}", pid, stat.comm, exe, args, unread))
        pid = stat.ppid
    return tuple(found)


def describe(task: Seen) -> Process | None:
    """Return the process of a task as /proc has it; None when it ended, or its number was taken anew."""
    pid = task.pid
    stat = procfs.read_stat(pid)
    status = _status(pid)
    uids, gids = status.get("Uid", []), status.get("Gid", [])
    if stat is None or len(uids) < 2 or len(gids) < 2:
        return None
    parent = procfs.read_stat(stat.ppid) if stat.ppid else None
    exe, cwd = procfs.read_link(pid, "exe"), procfs.read_link(pid, "cwd")
    cgroup, args = procfs.read_cgroup(pid), procfs.read_args(pid)
    login, session = _audit(pid, "loginuid"), _audit(pid, "sessionid")
    namespaces = _namespaces(pid)
    values: dict[str, object] = {"exe": exe, "cwd": cwd, "cgroup": cgroup, "container": cgroup, "args": args}
    values |= {"loginuid": login, "sessionid": session}
    values |= {f"namespaces.{name}": namespaces.get(name) for name in _NAMESPACES}
    unread = {name: "not to be had from /proc" for name, value in values.items() if value is None}
    unread["start_time"] = "in whole clock ticks, as /proc has it"
    process = Process(
        id=f"{pid}@{stat.ticks}",
        pid=pid,
        tid=task.tid,
        start_time=stat.ticks * TICK_NS,
        ppid=stat.ppid,
        parent=f"{parent.pid}@{parent.ticks}" if parent else f"{stat.ppid}@0",
        uid=int(uids[0]),
        gid=int(gids[0]),
        euid=int(uids[1]),
        egid=int(gids[1]),
        loginuid=None if login == _NEVER else login,
        sessionid=None if session == _NEVER else session,
        comm=stat.comm,
        exe=exe,
        args=args,
        cwd=cwd,
        cgroup=cgroup,
        container=container_id(cgroup),
        namespaces=namespaces,
        ancestors=_ancestors(stat.ppid),
        unread=unread,
    )
    after = procfs.read_stat(pid)
    return process if after and after.ticks == stat.ticks and exe == task.exe else None


def suspect(calls: frozenset[int]) -> tuple[Process | None, str]:
    """Look who is in one of the system calls `calls`, or runs a module tool; return it, and what to say of it."""
    task, reason = choose(look(), calls)
    if task is None:
        return None, reason
    process = describe(task)
    if process is None:
        return None, "uevents name no process, and the one that came into question ended before /proc was read"
    return process, reason
