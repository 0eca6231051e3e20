"""Whether the file that runs is the one that was asked for.

A path can name a link, and a script is run by its interpreter: those explain a
difference. What they do not explain is reported. Links are followed when the event is
read, in the process's own root: later than the kernel did, which the reason says.
"""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from ringward.events.context import Difference, Process

KEPT = 4096
_Key = tuple[int, str, str | None, str | None, int]


def resolve(process: Process, path: str, cwd: str | None) -> str | None:
    """Return where `path` leads in the root of `process`; None when it leads nowhere (any more)."""
    if not path.startswith("/"):
        if cwd is None:
            return None
        path = f"{cwd}/{path}"
    root = f"/proc/{process.pid}/root"
    prefix = root if os.path.exists(f"{root}{path}") else ""
    try:
        found = os.path.realpath(f"{prefix}{path}", strict=True)
    except OSError:
        return None
    # realpath() goes through the magic link of another root: what it prints is then below that root.
    return found.removeprefix(os.path.realpath(root)) if prefix and os.path.realpath(root) != "/" else found


class ExecPaths:
    """Explains the file of an exec; what was explained once is remembered.

    Args:
        lead: where a path leads, as `resolve`.

    """

    def __init__(self, lead: Callable[[Process, str, str | None], str | None] = resolve) -> None:
        self._lead = lead
        self._explained: OrderedDict[_Key, None] = OrderedDict()

    def difference(self, args: Any, process: Process) -> tuple[Difference | None, str | None]:
        """Return what links and interpreters do not explain, or why that could not be found out.

        Args:
            args: of a process_exec event.
            process: its context, after the exec.

        """
        if args.exe is None or args.exe.path is None or args.exe.deleted or args.interpreter is None:
            return None, None
        asked = args.interpreter  # the path itself, unless an interpreter took its place
        if asked == args.exe.path or asked.startswith("/dev/fd/"):
            return None, None
        key = (process.namespaces.get("mnt", 0), asked, args.cwd, args.exe.path, args.exe.inode)
        if key in self._explained:
            return None, None
        led = self._lead(process, asked, args.cwd)
        if led is None:
            return None, "links could not be followed: the path led nowhere when the event was read"
        if led != args.exe.path:
            return Difference("exe", asked, args.exe.path), None
        self._explained[key] = None
        if len(self._explained) > KEPT:
            self._explained.popitem(last=False)
        return None, None
