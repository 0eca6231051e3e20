"""Whether the file that runs is the one that was asked for.

A path can name a link, and a script is run by its interpreter: those explain a
difference. What they do not explain is reported. Links are followed when the event is
read, in the process's own root: later than the kernel did, which the reason says.
"""

from __future__ import annotations

import os
import stat
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ringward.events.context import Difference, Process
from ringward.events.fields import decode

KEPT = 4096
MOST_LINKS = 40
"""include/linux/namei.h: MAXSYMLINKS."""
_Key = tuple[int, str | None, str, str | None, str | None, int]


def walk(root: str, path: str) -> str | None:
    """Return where `path` leads below the folder `root`, every link taken as a process with that root takes it.

    None: it leads nowhere, through more links than the kernel follows (path_resolution(7)), or
    through /proc/self, which leads elsewhere for everyone who asks.
    """
    found: list[str] = []
    left = path.split("/")[::-1]
    links = 0
    while left:
        part = left.pop()
        if part in ("", "."):
            continue
        if part == "..":
            del found[-1:]
            continue
        at = Path(root or "/", *found, part)
        try:
            target = str(at.readlink()) if stat.S_ISLNK(at.lstat().st_mode) else None
        except OSError:
            return None
        if target is None:
            found.append(part)
            continue
        links += 1
        if links > MOST_LINKS or (found == ["proc"] and part in ("self", "thread-self")):
            return None
        if target.startswith("/"):
            found.clear()
        left += target.split("/")[::-1]
    return "/" + "/".join(found)


def _root_of(process: Process, root: str | None) -> tuple[str, str] | None:
    """Return a folder that is the root of `process`, and where that is in the file system of the event's paths."""
    mnt = process.namespaces.get("mnt")
    try:
        if root is not None and Path("/proc/self/ns/mnt").stat().st_ino == mnt:
            return root.rstrip("/"), root.rstrip("/")
        folder = Path(f"/proc/{process.pid}")
        name = str((folder / "root").readlink())
        if (folder / "ns" / "mnt").stat().st_ino == mnt:
            return f"{folder}/root", name.rstrip("/")
    except OSError:
        pass  # it has ended, or may not be looked at
    return None


def resolve(process: Process, path: str, cwd: str | None, root: str | None) -> str | None:
    """Return where `path` leads for `process`; None when it leads nowhere (any more), or that cannot be looked up.

    In Ringward's own mount namespace `root`, which the kernel told, is enough. In another one the process is asked,
    as long as it is there.
    """
    found = _root_of(process, root)
    if found is None:
        return None
    folder, name = found
    if not path.startswith("/"):
        if cwd is None or not f"{cwd}/".startswith(f"{name}/"):
            return None
        path = f"{cwd.removeprefix(name)}/{path}"
    led = walk(folder, path)
    # As the event's own paths are written.
    return None if led is None else decode(os.fsencode(f"{name}{led}"))


def is_plain(args: Any) -> bool:
    """Return whether there is nothing to explain in a process_exec event: the path is the file's, or there is none.

    A path that is written from the working directory is the file's as one from the root is. No link needs to be
    followed for it, and none can: what `./configure` has tried is removed before the event is read. A backslash may
    stand for a byte that is no UTF-8 (`ringward.events.fields.decode`): then the texts do not say whether it is.
    """
    exe, asked = args.exe, args.interpreter
    if exe is None or exe.path is None or exe.deleted or asked is None:
        return True
    if asked == exe.path or asked.startswith("/dev/fd/"):
        return True
    if args.cwd is None or asked.startswith("/") or "\\" in asked:
        return False
    return bool(exe.path == f"{args.cwd.rstrip('/')}/{asked.removeprefix('./')}")


class ExecPaths:
    """Explains the file of an exec; what was explained once is remembered.

    Args:
        lead: where a path leads, as `resolve`.

    """

    def __init__(self, lead: Callable[[Process, str, str | None, str | None], str | None] = resolve) -> None:
        self._lead = lead
        self.explained: OrderedDict[_Key, None] = OrderedDict()
        """What links have explained; native/exec_path.c looks there, too."""

    def difference(self, args: Any, process: Process) -> tuple[Difference | None, str | None]:
        """Return what links and interpreters do not explain, or why that could not be found out.

        Args:
            args: of a process_exec event.
            process: its context, after the exec.

        """
        if is_plain(args):
            return None, None
        asked = args.interpreter  # the path itself, unless an interpreter took its place
        folder = None if asked.startswith("/") else args.cwd
        key = (process.namespaces.get("mnt", 0), args.root, asked, folder, args.exe.path, args.exe.inode)
        if key in self.explained:
            return None, None
        led = self._lead(process, asked, args.cwd, args.root)
        if led is None:
            return None, "links could not be followed: the path led nowhere when the event was read"
        if led != args.exe.path:
            return Difference("exe", asked, args.exe.path), None
        self.explained[key] = None
        if len(self.explained) > KEPT:
            self.explained.popitem(last=False)
        return None, None
