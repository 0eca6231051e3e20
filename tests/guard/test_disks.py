"""Which disks are this machine's own: by what they are made of, all the way down. What is not known is not."""

from __future__ import annotations

import ast
import os
import shutil
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

    def btrfs(self, name: str, *nodes: Path, missing: int | None = 0) -> Path:
        """Mount a btrfs, somewhere."""
        folder = self.sys / "fs/btrfs" / name
        (folder / "devices").mkdir(parents=True)
        for number, node in enumerate(nodes, 1):
            (folder / "devices" / node.name).symlink_to(node)
            if missing is not None:
                self.slot(folder, number, missing)
        return folder

    def slot(self, folder: Path, number: int, missing: int) -> None:
        (folder / "devinfo" / str(number)).mkdir(parents=True)
        (folder / "devinfo" / str(number) / "missing").write_text(f"{missing}\n")

    def own(self, swaps: str = SWAPS, before: Disks | None = None) -> Disks:
        return own_disks(self.mounts, swaps, self.sys, before)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def numbers(*devs: str) -> frozenset[int]:
    return frozenset(int(major) << 20 | int(minor) for major, minor in (dev.split(":") for dev in devs))


def found(own: set[int | str], *devs: str, others: set[int | str] = frozenset()) -> Disks:
    return Disks(frozenset(own), frozenset(others), numbers(*devs))


NOTHING = Disks()


@pytest.mark.parametrize("kind", ["ext2", "ext3", "ext4", "xfs", "f2fs"])
def test_a_partition_of_a_disk(machine: Machine, kind: str) -> None:
    disk = machine.disk("nvme0n1", "259:0")
    machine.partition(disk, "nvme0n1p1", "259:1")
    machine.partition(disk, "nvme0n1p2", "259:2")
    machine.mount("259:2", kind)
    assert machine.own() == found({1}, "259:0", "259:2")


@pytest.mark.parametrize("kind", ["vfat", "iso9660", "overlay", "fuse", "ext5", ""])
def test_other_file_systems(machine: Machine, kind: str) -> None:
    machine.disk("sda", "8:0")
    machine.mount("8:0", kind)
    assert machine.own() == NOTHING


def test_lvm_on_luks_on_a_partition(machine: Machine) -> None:
    part = machine.partition(machine.disk("sda", "8:0"), "sda3", "8:3")
    machine.virtual("dm-1", "253:1", machine.virtual("dm-0", "253:0", part))
    machine.mount("253:1", "ext4")
    assert machine.own() == found({3}, "253:1", "253:0", "8:3", "8:0")


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
    assert machine.own() == (found({1}, "8:0") if own else found(set(), others={1}))


def test_one_part_that_is_not_own_is_enough(machine: Machine) -> None:
    own, fed = machine.disk("sda", "8:0"), machine.virtual("loop0", "7:0")
    machine.virtual("md0", "9:0", own, fed)
    machine.mount("9:0", "ext4")
    assert machine.own() == found(set(), others={3})


UUID, OTHER = "bd0d1e5c-7d4e-4d3b-8f4e-4f3b1c0a9d11", "0a3f6a0e-55a1-4c7e-9b1d-c6a1d6a1b9f2"


def test_a_btrfs_on_two_disks(machine: Machine) -> None:
    disk = machine.disk("sda", "8:0")
    machine.btrfs(UUID, machine.partition(disk, "sda2", "8:2"), machine.disk("nvme0n1", "259:0"))
    (machine.sys / "fs/btrfs/features").mkdir()
    now = machine.own()
    assert now == found({UUID}, "8:0", "8:2", "259:0")._replace(sysfs=True)
    assert (now.btrfs, now.sequences) == (True, frozenset())


def test_one_btrfs_that_is_not_own_is_enough(machine: Machine) -> None:
    machine.btrfs(UUID, machine.disk("sda", "8:0"))
    fed = machine.btrfs(OTHER, machine.disk("sdb", "8:16"), machine.virtual("loop0", "7:0"))
    now = machine.own()
    assert now == found({UUID}, "8:0", others={OTHER})._replace(sysfs=True)
    assert not now.btrfs
    shutil.rmtree(fed)
    assert machine.own(before=now).btrfs, "it is not mounted any more"


@pytest.mark.parametrize("kind", ["marked", "gone", "none"])
def test_a_btrfs_whose_disks_are_not_all_there(machine: Machine, kind: str) -> None:
    disk = machine.disk("sda", "8:0")
    folder = machine.btrfs(UUID, *([] if kind == "none" else [disk]))
    if kind == "marked":
        machine.slot(folder, 2, 1)
    elif kind == "gone":
        (folder / "devices/sdb").symlink_to(machine.sys / "sdb")
    now = machine.own()
    assert (now.own, now.others, now.btrfs) == (frozenset(), {UUID}, False)


def test_a_btrfs_of_a_kernel_that_does_not_tell_of_missing_disks(machine: Machine) -> None:
    machine.btrfs(UUID, machine.disk("sda", "8:0"), missing=None)
    assert machine.own().btrfs


def test_without_sysfs_nothing_is_known_of_btrfs(machine: Machine) -> None:
    assert not machine.own().btrfs
    (machine.sys / "fs").mkdir()
    assert machine.own().btrfs, "there is none"


def test_what_was_not_own_meanwhile_is_not_own_again(machine: Machine) -> None:
    disk, own, fed = machine.disk("sda", "8:0"), machine.disk("sdb", "8:16"), machine.virtual("loop0", "7:0")
    mapped = machine.virtual("dm-0", "253:0", disk)
    folder = machine.btrfs(UUID, own)
    machine.mount("253:0", "ext4")
    first = machine.own()
    assert first.own == {4, UUID}
    for slaves, link in ((mapped / "slaves", "loop0"), (folder / "devices", "loop0")):
        (slaves / link).symlink_to(fed)
    second = machine.own(before=first)
    assert (second.own, second.others, second.fallen) == (set(), {4, UUID}, {4, UUID})
    for slaves in (mapped / "slaves", folder / "devices"):
        (slaves / "loop0").unlink()
    third = machine.own(before=second)
    assert (third.own, third.others, third.fallen) == (set(), {4, UUID}, {4, UUID})
    # Others do not suffer from it, and it is not counted when it is not mounted.
    shutil.rmtree(folder)
    machine.mounts = ""
    assert (machine.own(before=third).btrfs, machine.own(before=third).others) == (True, set())


def test_a_device_that_sysfs_does_not_have(machine: Machine) -> None:
    machine.mount("8:0", "ext4")
    assert machine.own() == NOTHING


def test_what_is_in_memory_can_come_back_from_swap(machine: Machine) -> None:
    machine.partition(machine.disk("sda", "8:0"), "sda2", "8:2")
    swaps = f"{SWAPS}/dev/sda2                               partition\t8388604\t\t0\t\t-2\n/swapfile file\t1\t0\t-3\n"
    assert machine.own(swaps) == found(set(), "8:0", "8:2")


def test_this_machine() -> None:
    """The same by what the kernel shows of itself: each number is that of a disk, each device is there."""
    here = own_disks(Path("/proc/self/mountinfo").read_text(), Path("/proc/swaps").read_text())
    there = {path.read_text().strip() for path in Path("/sys/block").glob("*/diskseq")}
    assert {str(number) for number in here.sequences} <= there
    for device in here.devices:
        assert Path(f"/sys/dev/block/{device >> 20}:{device & 0xFFFFF}").exists()


CHANGES = """
import subprocess, sys
from ringward.guard.disks import MountTables
folder, tables, seen = sys.argv[1], MountTables(), []
def look():
    text = tables.read()
    seen.append(f"{tables.changed()} {text[0].count(folder)} {text[1].split()[0]}")
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
    assert ast.literal_eval(done.stdout) == [
        *("False 0 Filename", "False 0 Filename"),
        *("True 1 Filename", "False 1 Filename"),
        *("True 0 Filename", "False 0 Filename"),
    ]
