"""Who judges starts of programs: a note of the process that does, and what the kernel says of its programs."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ringward.guard.holder import started
from ringward.guard.status import is_loaded

NOTE = Path("/run/ringward/programs.json")
"""Written by the process that judges; nothing of it is pinned, so that it ends with the process."""


@dataclass(frozen=True, slots=True)
class ProgramsStatus:
    """A guard of programs.

    Attributes:
        mode: that it was started in; nothing is denied in any.
        pid: of the process that judges.
        alive: whether that process is there.
        loaded: whether all of its programs are in the kernel; True where user space judges.
        weaker: why user space judges, later; None: the kernel does, before the start.

    """

    mode: str
    pid: int
    alive: bool
    loaded: bool
    weaker: str | None

    @property
    def active(self) -> bool:
        """Whether starts are judged."""
        return self.alive and self.loaded


def tell(mode: str, programs: Iterable[int], weaker: str | None, path: Path = NOTE) -> None:
    """Note that this process judges.

    Args:
        mode: of the guard.
        programs: ids of the programs in the kernel.
        weaker: as `ProgramsStatus` has it.
        path: of the note.

    Raises:
        OSError: it cannot be written.

    """
    path.parent.mkdir(mode=0o755, exist_ok=True)
    draft = path.with_suffix(f".{os.getpid()}")
    pid = os.getpid()
    draft.write_text(
        json.dumps(
            {"mode": mode, "pid": pid, "ticks": started(pid), "programs": sorted(programs), "weaker": weaker},
        )
    )
    draft.replace(path)


def forget(path: Path = NOTE) -> None:
    """Remove the note of this process; that of another one stays."""
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        if json.loads(path.read_text())["pid"] == os.getpid():
            path.unlink()


def read(path: Path = NOTE) -> ProgramsStatus | None:
    """Return who judges programs on this machine, or did until it was killed; None: nobody.

    Raises:
        OSError: the note cannot be looked at.
        ValueError: it is damaged.
        BpfError: the kernel does not let this process look.

    """
    try:
        text = path.read_text()
    except FileNotFoundError:
        return None
    try:
        told = json.loads(text)
        mode, pid, weaker = str(told["mode"]), int(told["pid"]), told["weaker"]
        programs = [int(one) for one in told["programs"]]
        ticks = told["ticks"]
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path} is damaged: {error!r}") from error
    # A number is given again: the start tells one process from another.
    return ProgramsStatus(mode, pid, started(pid) == ticks, all(map(is_loaded, programs)), weaker)
