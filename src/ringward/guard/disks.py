"""Disks whose content only this kernel changes: what was read of a file there stays true until somebody writes to it.

A disk that is fed by a file (loop), by a process (ublk, nbd) or by another machine can change behind the file
system. What is not known to be this machine's own counts as not.
"""

from __future__ import annotations

import os
import select
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import NamedTuple

ON_ONE_DEVICE = frozenset({"ext2", "ext3", "ext4", "xfs", "f2fs"})
"""File systems whose superblocks name their device; bpf/kept.bpf.h: can_keep()."""
_OWN_VIRTUAL = ("ram", "zram")
# Parts of a device's path in sysfs: iSCSI (drivers/scsi/scsi_transport_iscsi.c), Fibre Channel (.._fc.c)
_REMOTE = ("session", "rport-")
_MINOR_BITS = 20  # include/linux/kdev_t.h


Name = int | str
"""`diskseq` of a disk, which the kernel never uses twice (since Linux 5.15); UUID of a btrfs, which can have many."""


class Disks(NamedTuple):
    """What file systems are on, and what of it the kernel part is told (bpf/kept.bpf.h)."""

    own: frozenset[Name] = frozenset()
    """Those whose content only this kernel changes."""
    others: frozenset[Name] = frozenset()
    devices: frozenset[int] = frozenset()
    """Device numbers, as the kernel has them, of `own`, their partitions, what they are made of, and swap."""
    fallen: frozenset[Name] = frozenset()
    """What was own once, and then was not: what was written below it meanwhile is not known."""
    sysfs: bool = False
    """Whether there is one."""

    @property
    def sequences(self) -> frozenset[int]:
        """Return each `diskseq` of `own`."""
        return frozenset(name for name in self.own if isinstance(name, int))

    @property
    def btrfs(self) -> bool:
        """Return whether every btrfs of this machine, in all mount namespaces, is on such disks alone."""
        return self.sysfs and not any(isinstance(name, str) for name in self.others)


class MountTables:
    """What is mounted, and what is swapped to; the kernel tells when it has changed (proc_pid_mounts(5): poll(2)).

    Raises:
        OSError: they cannot be opened.

    """

    def __init__(self) -> None:
        self._fds: list[int] = []
        self._changes = select.poll()
        for name in ("/proc/self/mountinfo", "/proc/swaps"):
            self._fds.append(os.open(name, os.O_RDONLY | os.O_CLOEXEC))
            self._changes.register(self._fds[-1], select.POLLPRI)

    def changed(self) -> bool:
        """Return whether one of them has changed since this was asked, or since they were opened."""
        return bool(self._changes.poll(0))

    def read(self) -> tuple[str, str]:
        """Return the text of both."""
        mountinfo, swaps = map(_text, self._fds)
        return mountinfo, swaps

    def close(self) -> None:
        """Close both."""
        while self._fds:
            os.close(self._fds.pop())


def _text(fd: int) -> str:
    with open(fd, encoding="utf-8", errors="surrogateescape", closefd=False) as file:
        file.seek(0)
        return file.read()


def own_disks(mountinfo: str, swaps: str, sys: Path = Path("/sys"), before: Disks | None = None) -> Disks:
    """Return the disks of this machine's own under the file systems that are mounted.

    Args:
        mountinfo: text of /proc/self/mountinfo.
        swaps: text of /proc/swaps: what is in memory can be written there and read again.
        sys: where sysfs is.
        before: what was found the last time.

    """
    before = before or Disks()
    own: set[Name] = set()
    others: set[Name] = set()
    devices: set[int] = set()
    mounted: Iterable[tuple[Name, list[Path]]] = chain(_disks(mountinfo, sys), _btrfs(sys))
    for name, nodes in mounted:
        parts = [part for node in nodes for part in _below(node)]
        if parts and name not in before.fallen and all(map(_is_own, _leaves(parts))):
            own.add(name)
            devices.update(_devices(parts))
        else:
            others.add(name)
    for line in swaps.splitlines()[1:]:
        node = sys / "class/block" / line.split(" ", 1)[0].rpartition("/")[2]
        if node.exists():
            devices.update(_devices(_below(node.resolve())))
    fallen = before.fallen | (before.own & others)
    return Disks(frozenset(own), frozenset(others), frozenset(devices), fallen, (sys / "fs").is_dir())


def _disks(mountinfo: str, sys: Path) -> Iterator[tuple[int, list[Path]]]:
    """Yield the disk of each mounted file system that is on one, where it has a number."""
    for node in _file_systems(mountinfo, sys):
        sequence = _number(_disk(node) / "diskseq")
        if sequence:
            yield sequence, [node]


def _btrfs(sys: Path) -> Iterator[tuple[str, list[Path]]]:
    """Yield each btrfs that is mounted anywhere, with its devices; with none where one is missing.

    fs/btrfs/sysfs.c: a link for each device (Linux 3.14), and a folder for each that there should be (5.6).
    """
    for folder in sorted((sys / "fs/btrfs").glob("*-*")):
        nodes = [link.resolve() for link in (folder / "devices").glob("*")]
        missing = any(_number(file) != 0 for file in folder.glob("devinfo/*/missing"))
        yield folder.name, [] if missing or not all(map(Path.exists, nodes)) else nodes


def _file_systems(mountinfo: str, sys: Path) -> Iterator[Path]:
    """Yield the block device of each mounted file system that can be kept, as a folder of sysfs."""
    numbers = set()
    for line in mountinfo.splitlines():
        before, _, after = line.partition(" - ")
        if after.split(" ", 1)[0] in ON_ONE_DEVICE:
            numbers.add(before.split()[2])
    for number in sorted(numbers):
        node = sys / "dev/block" / number
        if node.exists():
            yield node.resolve()


def _disk(node: Path) -> Path:
    """Return the disk that a node is, or is a partition of."""
    return node.parent if (node / "partition").exists() else node


def _below(node: Path) -> Iterator[Path]:
    """Yield a block device, its disk, and all that the disk is made of (device mapper, md, bcache)."""
    waiting, seen = [node], set()
    while waiting:
        part = waiting.pop()
        if part in seen:
            continue
        seen.add(part)
        yield part
        disk = _disk(part)
        if disk not in seen:
            waiting.append(disk)
        waiting += [slave.resolve() for slave in _slaves(disk)]


def _slaves(disk: Path) -> list[Path]:
    folder = disk / "slaves"
    return sorted(folder.iterdir()) if folder.is_dir() else []


def _leaves(parts: Iterable[Path]) -> Iterator[Path]:
    return (part for part in parts if part == _disk(part) and not _slaves(part))


def _is_own(disk: Path) -> bool:
    """Return whether a disk that is made of no other is this machine's own."""
    if "virtual" in disk.parts:
        return disk.name.startswith(_OWN_VIRTUAL)
    return not any(part.startswith(_REMOTE) for part in disk.parts)


def _number(file: Path) -> int | None:
    try:
        return int(file.read_text())
    except (OSError, ValueError):
        return None


def _devices(parts: Iterable[Path]) -> Iterator[int]:
    for part in parts:
        major, _, minor = (part / "dev").read_text().strip().partition(":")
        yield int(major) << _MINOR_BITS | int(minor)
