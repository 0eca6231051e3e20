"""Paths below another root directory, such as a mounted disk image: no link leads out of it."""

from __future__ import annotations

import errno
import os

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
