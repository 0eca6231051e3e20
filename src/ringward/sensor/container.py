"""Container ids out of cgroup paths, as the engines write them, and the cgroup of a container that runs."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path, PurePath
from typing import NamedTuple

from ringward.sensor.probes import read

# systemd scopes (docker-ID.scope, cri-containerd-ID.scope, crio-ID.scope, libpod-ID.scope), plain folders
# of cgroupfs drivers (docker/ID, kubepods/.../ID), and LXC (lxc.payload.NAME).
# A scope called ...-conmon-ID is the monitor of a container, outside of it; so is lxc.monitor.NAME.
_ID = re.compile(r"(?:^|[/:]|(?<!-conmon)-)([0-9a-f]{64})(?:\.scope)?(?=/|$)|/lxc(?:\.payload[./]|/)([^/]+)")


def container_id(cgroup: str | None) -> str | None:
    """Return the id of the innermost container that a cgroup path names, or None."""
    if not cgroup:
        return None
    found: list[tuple[str, str]] = _ID.findall(cgroup)
    return "".join(found[-1]) if found else None


class Cgroup(NamedTuple):
    """A cgroup of the default hierarchy."""

    number: int
    """Its id in the kernel, which is its directory's inode."""
    level: int
    """How far below the root; the root has 0."""


ROOT_NUMBER = 1
"""Inode of the hierarchy's true root. Where a cgroup namespace has another one, levels cannot be counted from it."""


def mount_point() -> Path | None:
    """Return where the default hierarchy is mounted whole, or None."""
    mounts = [line.split() for line in (read("/proc/mounts").text or "").splitlines()]
    found = [Path(words[1]) for words in mounts if words[2] == "cgroup2"]
    return next((one for one in found if _inode(one) == ROOT_NUMBER), None)


def _inode(path: Path) -> int | None:
    try:
        return path.stat().st_ino
    except OSError:
        return None


def running(prefix: str, top: Path | None) -> Cgroup | None:
    """Return the cgroup of the one running container whose id begins so; None when there is none, or several.

    Args:
        prefix: of the id.
        top: where the default hierarchy is mounted.

    """
    found = list(_below(prefix, top)) if top else []
    return found[0] if len(found) == 1 else None


def _below(prefix: str, top: Path) -> Iterator[Cgroup]:
    for folder, names, _files in os.walk(top):
        path = PurePath(folder).relative_to(top)
        container = container_id(f"/{path}")
        if container and container.startswith(prefix):
            number = _inode(Path(folder))
            if number is not None:
                yield Cgroup(number, len(path.parts))
            names.clear()
