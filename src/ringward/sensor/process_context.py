"""What a process is that nobody has followed: the kernel part tells it before what the process did.

It comes as the record of a start (bpf/process_context.bpf.h), of the process itself and of each of its ancestors. The
memory of an ancestor is not the kernel part's to read: its arguments are left to /proc.
"""

from __future__ import annotations

from typing import Any

from ringward.sensor import procfs

UNREAD = "the process ended, or became another program, before /proc could be read"


def is_context(args: Any) -> bool:
    """Return whether the arguments of a process_exec record are of no start: there was no path to be asked for."""
    return args.path is None


def arguments(pid: int, ticks: int, args: Any, *, live: bool) -> tuple[str, ...] | None:
    """Return the arguments of a process that was told of.

    Args:
        pid: of it.
        ticks: its start, clock ticks since boot.
        args: of the record.
        live: /proc is that of the machine that it ran on.

    """
    if args.args is not None or not live or args.exe is None:
        found: tuple[str, ...] | None = args.args
        return found
    stat = procfs.read_stat(pid)
    # One tick of tolerance, as in `ringward.sensor.process_table.ProcessTable.find`.
    if stat is None or abs(stat.ticks - ticks) > 1:
        return None
    found = procfs.read_args(pid)
    # Looked at afterwards: another program that it goes on as has brought its own arguments.
    return found if procfs.exe_is(pid, args.exe.inode, args.exe.ctime) else None
