"""What the running kernel tells of its system calls: the formats of their tracepoints."""

from __future__ import annotations

import re
from pathlib import Path

from ringward.events.syscall_table import Parameter

SYSCALLS = Path("/sys/kernel/tracing/events/syscalls")
_ENTER = "sys_enter_"
_FIELD = re.compile(r"^\tfield:(.*?)(\w+);\toffset:(\d+);", re.MULTILINE)
_FIRST = 16
"""Offset of the first argument: behind the common fields and the number (kernel/trace/trace_syscalls.c)."""


def parse_format(text: str) -> tuple[Parameter, ...]:
    """Return the arguments that a ``sys_enter_NAME/format`` declares."""
    return tuple(
        Parameter(" ".join(ctype.split()), name)
        for ctype, name, offset in _FIELD.findall(text)
        if int(offset) >= _FIRST and not ctype.startswith("__data_loc")
    )


def parameters(folder: Path = SYSCALLS) -> dict[str, tuple[Parameter, ...]]:
    """Return the arguments of each call that this kernel has, by the name of its function.

    Raises:
        OSError: tracefs is not mounted, not readable for this user, or the kernel has no CONFIG_FTRACE_SYSCALLS.

    """
    found = {}
    for path in sorted(folder.iterdir()):
        if path.name.startswith(_ENTER):
            found[path.name.removeprefix(_ENTER)] = parse_format((path / "format").read_text("utf-8"))
    return found


def names(folder: Path = SYSCALLS) -> frozenset[str] | None:
    """Return the functions of the calls that this kernel has; None when tracefs does not show them."""
    try:
        found = frozenset(path.name.removeprefix(_ENTER) for path in folder.iterdir() if path.name.startswith(_ENTER))
    except OSError:
        return None
    return found or None
