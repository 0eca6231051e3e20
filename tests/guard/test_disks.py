"""Which disks are this machine's own: by what they are made of, all the way down. What is not known is not."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ringward.guard.disks import Disks, own_disks

SWAPS = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"


class Machine:
    """A sysfs with block devices."""

    def __init__(self, sys: Path) -> None:
        self.sys = sys
        self.mounts = ""
        self._sequence = 0

    def disk(self, name: str, dev: str, where: str = "devices/pci0000:00/nvme", sequence: int | None = None) -> Path:
        """Make a disk; `where` is its folder below /sys, a virtual disk's when it starts with virtual."""
        self._sequence += 1
        node = self._node(self.sys / where / "block" / name, name, dev)
        (node / "slaves").mkdir()
        if sequence is None:
            sequence = self._sequence
        if sequence:
            (node / "diskseq").write_text(f"{sequence}\n")
        return node

    def virtual(self, name: str, dev: str, *slaves: Path) -> Path:
        node = self.disk(name, dev, "devices/virtual")
        for slave in slaves:
            (node / "slaves" / slave.name).symlink_to(slave)
        return node

    def partition(self, disk: Path, name: str, dev: str) -> Path:
        node = self._node(disk / name, name, dev)
        (node / "partition").write_text("1\n")
        return node

    def _node(self, node: Path, name: str, dev: str) -> Path:
        node.mkdir(parents=True)
        (node / "dev").write_text(f"{dev}\n")
        for link in (self.sys / "dev/block" / dev, self.sys / "class/block" / name):
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(node)
        return node

    def mount(self, dev: str, kind: str) -> None:
        self.mounts += f"36 25 {dev} / /mnt/{kind} rw,relatime shared:1 - {kind} /dev/x rw\n"

    def own(self, swaps: str = SWAPS) -> Disks:
        return own_disks(self.mounts, swaps, self.sys)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def numbers(*devs: str) -> frozenset[int]:
    return frozenset(int(major) << 20 | int(minor) for major, minor in (dev.split(":") for dev in devs))


NOTHING = Disks(frozenset(), frozenset())


@pytest.mark.parametrize("kind", ["ext2", "ext3", "ext4", "xfs", "f2fs"])
def test_a_partition_of_a_disk(machine: Machine, kind: str) -> None:
    disk = machine.disk("nvme0n1", "259:0")
    machine.partition(disk, "nvme0n1p1", "259:1")
    machine.partition(disk, "nvme0n1p2", "259:2")
    machine.mount("259:2", kind)
    assert machine.own() == Disks(frozenset({1}), numbers("259:0", "259:2"))


@pytest.mark.parametrize("kind", ["vfat", "iso9660", "overlay", "fuse", "ext5", ""])
def test_other_file_systems(machine: Machine, kind: str) -> None:
    machine.disk("sda", "8:0")
    machine.mount("8:0", kind)
    assert machine.own() == NOTHING


def test_lvm_on_luks_on_a_partition(machine: Machine) -> None:
    part = machine.partition(machine.disk("sda", "8:0"), "sda3", "8:3")
    machine.virtual("dm-1", "253:1", machine.virtual("dm-0", "253:0", part))
    machine.mount("253:1", "ext4")
    assert machine.own() == Disks(frozenset({3}), numbers("253:1", "253:0", "8:3", "8:0"))


@pytest.mark.parametrize(
    ("name", "where", "own"),
    [
        ("loop0", "devices/virtual", False),
        ("nbd0", "devices/virtual", False),
        ("ublkb0", "devices/virtual", False),
        ("dm-0", "devices/virtual", False),
        ("ram0", "devices/virtual", True),
        ("zram0", "devices/virtual", True),
        ("vda", "devices/pci0000:00/virtio1", True),
        ("sda", "devices/pci0000:00/ata1/host0/target0:0:0", True),
        ("sda", "devices/platform/host2/session1/target2:0:0", False),
        ("sda", "devices/pci0000:00/host3/rport-3:0-1/target3:0:0", False),
        ("nvme1n1", "devices/virtual/nvme-fabrics/ctl/nvme1", False),
    ],
)
def test_what_feeds_a_disk(machine: Machine, name: str, where: str, own: bool) -> None:
    machine.disk(name, "8:0", where)
    machine.mount("8:0", "xfs")
    assert machine.own() == (Disks(frozenset({1}), numbers("8:0")) if own else NOTHING)


def test_one_part_that_is_not_own_is_enough(machine: Machine) -> None:
    own, fed = machine.disk("sda", "8:0"), machine.virtual("loop0", "7:0")
    machine.virtual("md0", "9:0", own, fed)
    machine.mount("9:0", "ext4")
    assert machine.own() == NOTHING


def test_a_device_that_sysfs_does_not_have(machine: Machine) -> None:
    machine.mount("8:0", "ext4")
    assert machine.own() == NOTHING


def test_what_is_in_memory_can_come_back_from_swap(machine: Machine) -> None:
    machine.partition(machine.disk("sda", "8:0"), "sda2", "8:2")
    swaps = f"{SWAPS}/dev/sda2                               partition\t8388604\t\t0\t\t-2\n/swapfile file\t1\t0\t-3\n"
    assert machine.own(swaps) == Disks(frozenset(), numbers("8:0", "8:2"))


def test_this_machine() -> None:
    """The same by what the kernel shows of itself: each number is that of a disk, each device is there."""
    found = own_disks(Path("/proc/self/mountinfo").read_text(), Path("/proc/swaps").read_text())
    there = {path.read_text().strip() for path in Path("/sys/block").glob("*/diskseq")}
    assert {str(number) for number in found.sequences} <= there
    for device in found.devices:
        assert Path(f"/sys/dev/block/{device >> 20}:{device & 0xFFFFF}").exists()


CHANGES = """
import subprocess, sys
from ringward.guard.disks import MountTables
folder, tables, seen = sys.argv[1], MountTables(), []
def look():
    found = tables.changed()
    seen.append("same" if found is None else f"{found[0].count(folder)} {found[1].split()[0]}")
look()
look()
for command in (["mount", "-t", "tmpfs", "none", folder], ["umount", folder]):
    subprocess.run(command, check=True)
    look()
    look()
tables.close()
print(seen)
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to mount")
def test_mounts_are_read_again_when_they_have_changed(tmp_path: Path) -> None:
    # In a mount namespace of its own: nothing is mounted on this machine.
    command = ["unshare", "--mount", sys.executable, "-c", CHANGES, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.stderr, done.returncode) == ("", 0)
    assert ast.literal_eval(done.stdout) == ["0 Filename", "same", "1 Filename", "same", "0 Filename", "same"]
