"""What holds a file: the block devices below its file system, and the files below those."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from pathlib import Path

SYSFS = Path("/sys/dev/block")


def source_of(mountinfo: str, path: Path) -> str | None:
    """Return the source of the mount that a path is in, by the text of /proc/self/mountinfo (proc(5))."""
    best: tuple[int, str | None] = (-1, None)
    for line in mountinfo.splitlines():
        before, _, after = line.partition(" - ")
        where = Path(_unescaped(before.split()[4]))
        # Of two mounts at one place the later one is seen.
        if (where == path or where in path.parents) and len(where.parts) >= best[0]:
            best = len(where.parts), _unescaped(after.split()[1])
    return best[1]


def _unescaped(text: str) -> str:
    r"""Return a path of mountinfo, in which ``\040`` stands for a space."""
    for code, char in ((r"\040", " "), (r"\011", "\t"), (r"\012", "\n"), (r"\134", "\\")):
        text = text.replace(code, char)
    return text


def number(text: str) -> int:
    """Return the kernel's dev_t of ``major:minor`` (include/linux/kdev_t.h)."""
    major, _, minor = text.partition(":")
    return int(major) << 20 | int(minor)


def below(device: str, sysfs: Path = SYSFS) -> tuple[set[str], set[Path]]:
    """Return the block devices that a write to would change this one, itself among them, and files that back them.

    Args:
        device: ``major:minor``.
        sysfs: where they are described.

    """
    devices: set[str] = set()
    files: set[Path] = set()
    todo = [device]
    while todo:
        one = todo.pop()
        folder = sysfs / one
        if one in devices or not folder.exists():
            continue
        devices.add(one)
        real = folder.resolve()
        if (real / "partition").exists():
            todo.append(_text(real.parent / "dev"))
        slaves = real / "slaves"
        todo += [_text(slave / "dev") for slave in (slaves.iterdir() if slaves.is_dir() else ())]
        backing = real / "loop" / "backing_file"
        if backing.exists():
            files.add(Path(_text(backing)))
    return devices, files


def _text(path: Path) -> str:
    return path.read_text().strip()


def holders(paths: Iterable[Path]) -> tuple[list[int], list[Path]]:
    """Return the kernel's dev_t of each block device that holds some files, and the files that back loop devices."""
    mountinfo = Path("/proc/self/mountinfo").read_text("utf-8", "surrogateescape")
    devices: set[str] = set()
    files: set[Path] = set()
    for source in {source_of(mountinfo, path) for path in paths} - {None}:
        try:
            found = Path(str(source)).stat()
        except OSError:
            # "tmpfs", "overlay", a server's name: no device.
            continue
        if stat.S_ISBLK(found.st_mode):
            more, backing = below(f"{os.major(found.st_rdev)}:{os.minor(found.st_rdev)}")
            devices |= more
            files |= backing
    return sorted(number(device) for device in devices), sorted(files)
