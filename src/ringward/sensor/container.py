"""Container ids out of cgroup paths, as the engines write them."""

from __future__ import annotations

import re

# systemd scopes (docker-ID.scope, cri-containerd-ID.scope, crio-ID.scope, libpod-ID.scope), plain folders
# of cgroupfs drivers (docker/ID, kubepods/.../ID), and LXC (lxc.payload.NAME).
_HEX = re.compile(r"(?:^|[-/:])([0-9a-f]{64})(?:\.scope)?(?:/|$)")
_LXC = re.compile(r"/lxc(?:\.payload[./]|/)([^/]+)")


def container_id(cgroup: str | None) -> str | None:
    """Return the id of the innermost container that a cgroup path names, or None."""
    if not cgroup:
        return None
    found = _HEX.findall(cgroup)
    if found:
        return str(found[-1])
    lxc = _LXC.search(cgroup)
    return lxc.group(1) if lxc else None
