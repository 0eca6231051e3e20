"""Device nodes that a system can make before their modules are loaded: modules.devname, which depmod writes.

Opening such a node loads the module.
"""

from __future__ import annotations

import os

from ringward.kmod.proc import read_text
from ringward.kmod.sysroot import inside

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

DEVNAME = "modules.devname"
_KINDS = {"c": "character device", "b": "block device"}
_MOST = 0xFFFFFFFF
"""The largest number: an unsigned int. kmod reads a larger one modulo 2**32."""


class StaticNode:
    """A device node.

    module: that serves it.
    device: its path below /dev.
    kind: "c" character, "b" block.
    major, minor: its numbers.
    """

    __slots__ = ("device", "kind", "major", "minor", "module")

    def __init__(self, module: str, device: str, kind: str, major: int, minor: int) -> None:
        self.module = module
        self.device = device
        self.kind = kind
        self.major = major
        self.minor = minor


def read(version: str, root: str = "") -> tuple[list[StaticNode], list[str]]:
    """Return what `parse` makes of the modules.devname of a kernel; OSError when it cannot be read."""
    return parse(read_text(inside(root, path(version))))


def path(version: str) -> str:
    """Return where a kernel's modules.devname is."""
    return f"/lib/modules/{version}/{DEVNAME}"


def parse(text: str) -> tuple[list[StaticNode], list[str]]:
    """Return the nodes of a modules.devname, in its order, and the lines that are none.

    A line is "module device cMAJOR:MINOR", or b instead of c; one that begins with "#" is a comment.
    """
    nodes = []
    bad = []
    for line in text.removesuffix("\n").split("\n") if text else ():
        if line.startswith("#"):
            continue
        words = line.split()
        node = _node(*words[:3]) if len(words) >= 3 else None
        if node:
            nodes.append(node)
        else:
            bad.append(line)
    return nodes, bad


def _node(module: str, device: str, numbers: str) -> StaticNode | None:
    major, colon, minor = numbers[1:].partition(":")
    if numbers[0] not in _KINDS or not colon or not all(part.isdecimal() and part.isascii() for part in (major, minor)):
        return None
    major, minor = (part.lstrip("0") or "0" for part in (major, minor))
    # int() raises for thousands of digits.
    if max(len(major), len(minor)) > len(str(_MOST)) or max(int(major), int(minor)) > _MOST:
        return None
    return StaticNode(module, device, numbers[0], int(major), int(minor))


def human(node: StaticNode) -> str:
    """Return what a person reads of a node."""
    return (
        f"Module: {node.module}\n\tDevice node: /dev/{node.device}\n\t\tType: {_KINDS[node.kind]}\n"
        f"\t\tMajor: {node.major}\n\t\tMinor: {node.minor}\n"
    )


def tmpfiles(node: StaticNode) -> str:
    """Return the lines of tmpfiles.d(5) that make a node, and the directory that it is in."""
    folder = os.path.dirname(node.device)  # noqa: PTH120 - pathlib costs too much
    before = f"d /dev/{folder} 0755 - - -\n" if folder else ""
    return f"{before}{node.kind}! /dev/{node.device} 0600 - - - {node.major}:{node.minor}\n"


def devname(node: StaticNode) -> str:
    """Return the line of modules.devname."""
    return f"{node.module} {node.device} {node.kind}{node.major}:{node.minor}\n"


FORMATS: dict[str, Callable[[StaticNode], str]] = {"human": human, "tmpfiles": tmpfiles, "devname": devname}
"""Format of ``kmod static-nodes`` -> what writes one node in it."""
