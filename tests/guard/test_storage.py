from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from ringward.guard import storage

MOUNTS = r"""
22 1 259:1 / / rw,relatime shared:1 - ext4 /dev/nvme0n1p1 rw
30 22 0:25 / /run rw,nosuid shared:5 - tmpfs tmpfs rw
31 22 253:0 / /var rw - xfs /dev/mapper/vg-var rw
32 31 7:0 / /var/lib/with\040space rw - ext4 /dev/loop0 rw
33 22 0:40 / /home rw - nfs server:/home rw
34 33 8:1 / /home rw - ext4 /dev/sda1 rw
""".strip()


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("/etc/ringward", "/dev/nvme0n1p1"),
        ("/var", "/dev/mapper/vg-var"),
        ("/variable", "/dev/nvme0n1p1"),
        ("/var/lib/ringward/trust.db", "/dev/mapper/vg-var"),
        ("/var/lib/with space/trust.db", "/dev/loop0"),
        ("/run/x", "tmpfs"),
        ("/home/x", "/dev/sda1"),
    ],
)
def test_the_mount_that_a_path_is_in(path: str, source: str) -> None:
    assert storage.source_of(MOUNTS, Path(path)) == source


def test_no_mount_at_all() -> None:
    assert storage.source_of("", Path("/x")) is None


def test_findmnt_says_the_same_of_this_machine(tmp_path: Path) -> None:
    done = subprocess.run(["findmnt", "-no", "SOURCE", "-T", tmp_path], check=True, capture_output=True, text=True)
    found = storage.source_of(Path("/proc/self/mountinfo").read_text(), tmp_path.resolve())
    assert found == done.stdout.splitlines()[-1].partition("[")[0]


def sysfs(folder: Path) -> Path:
    """Make a disk with a partition, a mapping on the partition, and a loop device on a file."""
    devices, numbers = folder / "devices", folder / "block"
    disk, mapping, loop = devices / "sda", devices / "dm-0", devices / "loop0"
    for path, number in ((disk, "8:0"), (disk / "sda1", "8:1"), (mapping, "253:0"), (loop, "7:0")):
        path.mkdir(parents=True)
        (path / "dev").write_text(f"{number}\n")
        numbers.mkdir(exist_ok=True)
        (numbers / number).symlink_to(path)
    (disk / "sda1" / "partition").write_text("1\n")
    (mapping / "slaves").mkdir()
    (mapping / "slaves" / "sda1").symlink_to(disk / "sda1")
    (loop / "loop").mkdir()
    (loop / "loop" / "backing_file").write_text("/srv/image\n")
    return numbers


@pytest.mark.parametrize(
    ("device", "devices", "files"),
    [
        ("8:0", {"8:0"}, set()),
        ("8:1", {"8:0", "8:1"}, set()),
        ("253:0", {"253:0", "8:1", "8:0"}, set()),
        ("7:0", {"7:0"}, {Path("/srv/image")}),
        ("9:9", set(), set()),
    ],
)
def test_what_is_below_a_device(tmp_path: Path, device: str, devices: set[str], files: set[Path]) -> None:
    assert storage.below(device, sysfs(tmp_path)) == (devices, files)


def test_the_kernels_number_of_a_device() -> None:
    assert storage.number("8:1") == 8 << 20 | 1


def test_what_holds_this_machines_root() -> None:
    done = subprocess.run(["findmnt", "-no", "MAJ:MIN", "/"], check=True, capture_output=True, text=True)
    expected = storage.number(done.stdout.split()[-1])
    is_device = Path(f"/sys/dev/block/{done.stdout.split()[-1]}").exists()
    devices, _files = storage.holders([Path("/")])
    assert (expected in devices) == (is_device and os.path.ismount("/"))
