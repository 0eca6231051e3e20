"""File systems of every kind, made for a test: on RAM disks, in memory, on a loop device, on top of another."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

DISK_KB = 320 * 1024  # mkfs.xfs makes none below 300 MB; a RAM disk takes what is written to it
MAKERS = {
    "ext4": ("mkfs.ext4", "-q", "-F"),
    "xfs": ("mkfs.xfs", "-q", "-f"),
    "btrfs": ("mkfs.btrfs", "-q", "-f"),
}
OPTIONS = {"btrfs": ("-o", "nodatasum")}
"""What is written below a file system is to come through, not to be found by its checksum."""
KEPT = ("ext4", "xfs", "btrfs", "tmpfs")
"""Where digests are kept."""
HASHED = ("loop", "overlay", "9p")
"""Where each start hashes the file."""


@dataclass(frozen=True)
class FileSystem:
    """One that is mounted. `device`: its block device; `below`: the file or folder that it is made of."""

    kind: str
    folder: Path
    device: Path | None = None
    below: Path | None = None

    def remount(self) -> None:
        """Unmount it and mount it again."""
        assert self.device is not None
        run("umount", self.folder)
        run("mount", *OPTIONS.get(self.kind, ()), self.device, self.folder)


def run(*command: str | Path) -> None:
    """Run a command; fail with what it has said."""
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, f"{' '.join(map(str, command))}: {done.stderr}"


@contextmanager
def loop_device(image: Path, size: int) -> Iterator[Path]:
    """Make a block device of a file, both for as long as it is entered."""
    with image.open("wb") as file:
        file.truncate(size)
    device = Path(
        subprocess.run(["losetup", "-f", "--show", image], check=True, capture_output=True, text=True).stdout.strip()
    )
    try:
        yield device
    finally:
        run("losetup", "-d", device)
        image.unlink()


@contextmanager
def mounted_at(where: Path, *command: str | Path) -> Iterator[None]:
    """Mount something in a folder that is made for it."""
    where.mkdir()
    run("mount", *command, where)
    try:
        yield
    finally:
        run("umount", where)


@contextmanager
def _ram_disks(count: int) -> Iterator[list[Path]]:
    run("modprobe", "brd", f"rd_nr={count}", f"rd_size={DISK_KB}")
    try:
        yield [Path(f"/dev/ram{number}") for number in range(count)]
    finally:
        run("rmmod", "brd")


@contextmanager
def mounted() -> Iterator[dict[str, FileSystem]]:
    """Give file systems of all of KEPT and HASHED."""
    top = Path(tempfile.mkdtemp(prefix="ringward-fs-", dir="/run"))
    found: dict[str, FileSystem] = {}
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, top)
        disks = stack.enter_context(_ram_disks(len(MAKERS)))
        for (kind, maker), disk in zip(MAKERS.items(), disks, strict=True):
            run(*maker, disk)
            stack.enter_context(mounted_at(top / kind, "-t", kind, *OPTIONS.get(kind, ()), disk))
            found[kind] = FileSystem(kind, top / kind, disk)
        stack.enter_context(mounted_at(top / "tmpfs", "-t", "tmpfs", "none"))
        found["tmpfs"] = FileSystem("tmpfs", top / "tmpfs")

        # Without udev nothing loads it when /dev/loop-control is opened: there is none.
        run("modprobe", "loop")
        image = top / "image"
        with image.open("wb") as file:
            file.truncate(32 << 20)
        run(*MAKERS["ext4"], image)
        stack.enter_context(mounted_at(top / "loop", "-o", "loop", image))
        found["loop"] = FileSystem("loop", top / "loop", below=image)

        for name in ("lower", "upper", "work"):
            (top / "tmpfs" / name).mkdir()
        layers = ",".join(f"{name}dir={top / 'tmpfs' / name}" for name in ("lower", "upper", "work"))
        stack.enter_context(mounted_at(top / "overlay", "-t", "overlay", "-o", layers, "overlay"))
        found["overlay"] = FileSystem("overlay", top / "overlay", below=top / "tmpfs" / "lower")

        shared = Path(os.environ["VMTEST_RESULTS"]) / "programs"
        shared.mkdir()
        stack.callback(shutil.rmtree, shared)
        found["9p"] = FileSystem("9p", shared)
        yield found
