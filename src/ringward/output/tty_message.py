"""The terminal of a process, and a few lines on it: only where its owner takes messages (mesg(1))."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from pathlib import Path

from ringward.events.context import Process

_TTY, _START = 4, 19
# Fields of /proc/PID/stat behind the comm, counted from the state: proc_pid_stat(5), 7 and 22.


def names(number: int) -> list[str]:
    """Return the paths below /dev that a terminal's number can have; Documentation/admin-guide/devices.txt."""
    major, minor = os.major(number), os.minor(number)
    if 136 <= major <= 143:
        return [f"pts/{(major - 136) * 256 + minor}"]
    if major == 4:
        return [f"tty{minor}"] if minor < 64 else [f"ttyS{minor - 64}"]
    return {(5, 1): ["console"], (204, 64): ["ttyAMA0"], (229, 0): ["hvc0"]}.get((major, minor), [])


def number_of(text: str, ticks: int | None) -> int:
    """Return the number of the terminal in a /proc/PID/stat; 0: there is none, or it is another process.

    Args:
        text: of the file.
        ticks: its start must be, since boot; None: any.

    """
    fields = text.rpartition(")")[2].split()
    if len(fields) <= _START or (ticks is not None and int(fields[_START]) != ticks):
        return 0
    # A dev_t as new_encode_dev() writes it, signed.
    raw = int(fields[_TTY]) & 0xFFFFFFFF
    return os.makedev((raw >> 8) & 0xFFF, (raw & 0xFF) | ((raw >> 12) & 0xFFF00)) if raw else 0


def candidates(process: Process) -> list[tuple[int, int]]:
    """Return pid and start, ticks since boot, of who may have the terminal: the process, then its ancestors."""
    ids = [process.id, *(one.id for one in process.ancestors)]
    return [(int(pid), int(ticks)) for pid, _, ticks in (one.partition("@") for one in ids) if ticks.isdigit()]


def find(process: Process, proc: Path = Path("/proc")) -> Path | None:
    """Return the terminal of a process, or, when it has ended, of its nearest ancestor that is there; None: none."""
    for pid, ticks in candidates(process):
        folder = proc / str(pid)
        try:
            number = number_of((folder / "stat").read_text("utf-8", "replace"), ticks)
        except OSError:
            continue
        for name in names(number):
            # In the mount namespace of the process: a container has terminals of its own.
            path = folder / "root" / "dev" / name
            try:
                found = path.stat()
            except OSError:
                continue
            if stat.S_ISCHR(found.st_mode) and found.st_rdev == number:
                return path
    return None


def write(path: Path, lines: Iterable[str]) -> bool:
    """Write lines to a terminal without waiting for it; return whether it took them."""
    text = "".join(f"\r\n{line}" for line in lines) + "\r\n"
    try:
        fd = os.open(path, os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        # mesg(1): who wants no messages takes the permission from the group.
        if not os.isatty(fd) or not os.fstat(fd).st_mode & stat.S_IWGRP:
            return False
        os.write(fd, text.encode("utf-8", "replace"))
    except OSError:
        return False
    finally:
        os.close(fd)
    return True


def tell(process: Process, lines: Iterable[str]) -> bool:
    """Write lines to the terminal of a process; return whether somebody can have read them."""
    path = find(process)
    return path is not None and write(path, lines)
