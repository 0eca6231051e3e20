"""Whether the kernel preempts fully: it then skips an fmod_ret program that is under way, and lets pass."""

from __future__ import annotations

import os
import re
from pathlib import Path

SWITCH = Path("/sys/kernel/debug/sched/preempt")
"""kernel/sched/debug.c: the models of PREEMPT_DYNAMIC, the one in use in parentheses."""
_RT = "PREEMPT_RT"
_WORD = re.compile(r"(?:^|\s)preempt=(\w+)")
_CONFIG = re.compile(r"^CONFIG_PREEMPT(_NONE|_VOLUNTARY|_RT|_LAZY)?=y$", re.MULTILINE)
# include/linux/preempt.h: in these a task in the kernel gives way only where it says so.
_GIVES_WAY = frozenset({"none", "voluntary"})


def model(version: str, switch: str | None, cmdline: str, config: str | None) -> str | None:
    """Return the preemption model: none, voluntary, full, lazy, rt; None: it is not known.

    Args:
        version: of the kernel, as ``uname -v`` prints it.
        switch: text of `SWITCH`; None: not read.
        cmdline: of the kernel.
        config: its configuration; None: not read.

    """
    if _RT in version.split():
        return "rt"
    if switch is not None:
        chosen = re.search(r"\((\w+)\)", switch)
        return chosen[1] if chosen else None
    words = _WORD.findall(cmdline)
    if words:
        return str(words[-1])
    found = _CONFIG.search(config) if config is not None else None
    if not found:
        return None
    return (found[1] or "_full")[1:].lower()


def _read(path: str | Path) -> str | None:
    try:
        return Path(path).read_text("utf-8", "backslashreplace")
    except OSError:
        return None


def obstacle(chosen: str | None) -> str | None:
    """Return why fmod_ret cannot be relied on under a preemption model; None: it can."""
    if chosen in _GIVES_WAY:
        return None
    if chosen is None:
        return f"whether the kernel preempts fully could not be found out ({SWITCH}, kernel command line, its config)"
    return f"the kernel preempts ({chosen}): it skips an fmod_ret program that is under way already, and lets pass"


def current() -> str | None:
    """Return the preemption model of this kernel; None: it is not known."""
    name = os.uname()
    return model(name.version, _read(SWITCH), _read("/proc/cmdline") or "", _read(f"/boot/config-{name.release}"))
