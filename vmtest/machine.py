# SPDX-License-Identifier: Apache-2.0
"""What a guest is made of, as arguments for virtme-run. Pure, but for looking at paths."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from vmtest.errors import UsageError, VmtestError
from vmtest.script import UDEVD

if TYPE_CHECKING:
    from vmtest.accel import Accelerator
    from vmtest.trees import KernelTree

# The guest has mounts of its own here; what the host has below them is not seen.
HIDDEN = ("/dev", "/proc", "/run", "/sys")
# Folders that are writeable in the guest, each on an overlay that is lost at its end.
OVERLAYS = ("/etc", "/home", "/opt", "/root", "/srv", "/tmp", "/usr", "/var")  # noqa: S108 (a name)
# virtme-run names the mounts that --rwdir asks for by their number.
RESULTS_TAG = "virtme.initmount0"
# virtme-run's own rule for the paths that it is given.
_VIRTME_PATH = re.compile(r"/[a-zA-Z0-9_+/.-]*")


def find_tool(name: str, package: str, *, beside_python: bool = False) -> str:
    """Path of a program; with `beside_python` one in this environment comes first. Raises VmtestError."""
    path = os.environ.get("PATH", os.defpath)
    if beside_python:
        path = f"{Path(sys.prefix, 'bin')}:{Path(sys.executable).parent}:{path}"
    found = shutil.which(name, path=path)
    if found is None:
        raise VmtestError(f"{name} is not installed: {package}")
    return found


def check_path(path: Path, what: str) -> None:
    """Refuse a path that virtme-run does not take (UsageError)."""
    if not _VIRTME_PATH.fullmatch(str(path)):
        raise UsageError(f"{what} {str(path)!r}: use a path of letters, digits and _ + - . only")


def check_seen(path: Path, what: str) -> None:
    """Refuse a path that the guest cannot see, because it has a mount of its own there (UsageError)."""
    for top in HIDDEN:
        if path == Path(top) or path.is_relative_to(top):
            raise UsageError(f"{what} {str(path)!r}: a guest does not see the host's {top}; use another folder")


def overlay_folders(cwd: Path) -> list[str]:
    """Return the folders to make writeable: the usual ones and that of the working directory.

    What does not exist is left out, and so are symbolic links (/lib on a merged-/usr system), whose target is
    there already.
    """
    first = [f"/{part}" for part in cwd.parts[1:2]]
    wanted = dict.fromkeys([*OVERLAYS, *first])
    return [top for top in wanted if Path(top).is_dir() and not Path(top).is_symlink()]


def append_words(text: str) -> list[str]:
    """Words for the kernel command line. Raises UsageError when they cannot be quoted there."""
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise UsageError(f"--append {text!r}: {error}") from error
    if any('"' in word for word in words):
        raise UsageError(f"--append {text!r}: the kernel command line has no way to quote a double quote")
    return words


@dataclass(frozen=True)
class Shape:
    """What the caller may choose: words for the kernel command line, memory ("1G"), processors, udevd or not.

    With `icount` the guest's clocks count instructions, a nanosecond each, instead of time.

    Raises UsageError for what QEMU or the kernel would not take, VmtestError when there is no udevd to start.
    """

    append: str = ""
    memory: str = "1G"
    cpus: int = 1
    udev: bool = False
    icount: bool = False

    def __post_init__(self) -> None:
        append_words(self.append)
        if not re.fullmatch(r"[1-9][0-9]*[MG]", self.memory):
            raise UsageError(f"--memory {self.memory!r}: give a number and M or G, for example 1G")
        if self.cpus < 1:
            raise UsageError(f"--cpus {self.cpus}: give at least 1")
        if self.icount and self.cpus > 1:
            raise UsageError(f"--icount with --cpus {self.cpus}: what one processor counts passes for the others, too")
        if self.udev and not Path(UDEVD).exists():
            raise VmtestError(f"{UDEVD} is not installed: install the Debian package udev, or omit --udev")


def virtme_arguments(tree: KernelTree, accelerator: Accelerator, results: Path, shape: Shape) -> list[str]:
    """Arguments that make virtme-run print QEMU's command line instead of running it. Raises UsageError."""
    check_path(tree.root, "cache directory")
    arguments = ["--kimg", str(tree.image), "--mods", "auto", "--force-9p", "--disable-microvm"]
    if accelerator.name != "kvm":
        arguments.append("--disable-kvm")
    arguments += ["--name", "vmtest", "--memory", shape.memory, "--cpus", str(shape.cpus)]
    arguments += ["--overlay-rwdir", "/usr"]  # puts the overlay module into the initramfs
    arguments += ["--rwdir", str(results)]
    for word in ("loglevel=5", *append_words(shape.append)):
        arguments += ["--kopt", word]
    # A script makes it a guest without terminal that ends at a panic; our own init runs instead of it.
    arguments += ["--script-sh", "true", "--show-boot-console"]
    return [*arguments, "--save-initramfs", str(results / "vm" / "initramfs"), "--dry-run", "--show-command"]
