"""Container ids out of cgroup paths, as the engines write them."""

from __future__ import annotations

import re

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
