"""Paths below another root directory, such as a mounted disk image: no link leads out of it."""

from __future__ import annotations

import errno
import os

from ringward.kmod.errors import KmodError

MOST_LINKS = 40
"""Symbolic links in one path, as the kernel has it (MAXSYMLINKS, include/linux/namei.h)."""


def inside(root: str, path: str) -> str:
    """Return the path that `path` has when `root` is taken for "/"; `path` itself when `root` is "".

    Symbolic links are followed within `root`, as by a process whose root directory it is. Parts that do
    not exist stay as they are.

    Raises:
        OSError: ELOOP, the path has more than `MOST_LINKS` symbolic links.

    """
    if not root:
        return path
    left = path.split("/")[::-1]
    done: list[str] = []
    links = 0
    while left:
        part = left.pop()
        if part in {"", "."}:
            continue
        if part == "..":
            if done:
                done.pop()
            continue
        done.append(part)
        try:
            target = os.readlink("/".join((root, *done)))  # noqa: PTH115 - pathlib is slow to import
        except OSError:  # no link, or nothing there
            continue
        links += 1
        if links > MOST_LINKS:
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path)
        done = [] if target.startswith("/") else done[:-1]
        left += target.split("/")[::-1]
    return "/".join((root.rstrip("/"), *done))


def shown(root: str, path: str) -> str:
    """Return `path` as it is told: without `root` in front."""
    base = root.rstrip("/")
    return path[len(base) :] if base and path.startswith(base + "/") else path


def told(error: Exception, root: str = "") -> str:
    """Return what an error of a file says, "PATH: why", the path as it is told."""
    if isinstance(error, KmodError):
        return str(KmodError(shown(root, error.path), error.why, error.offset))
    if isinstance(error, OSError) and error.strerror:
        return f"{shown(root, os.fsdecode(error.filename))}: {error.strerror}" if error.filename else error.strerror
    return str(error)
