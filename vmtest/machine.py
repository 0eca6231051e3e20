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

if TYPE_CHECKING:
    from vmtest.accel import Accelerator
    from vmtest.trees import KernelTree

# virtme-init mounts file systems of the guest's own over these; what the host has there is not seen.
HIDDEN = ("/dev", "/proc", "/run", "/sys", "/var/cache", "/var/lib/apt", "/var/log", "/var/tmp")  # noqa: S108
# Folders that are writeable in the guest, on an overlay that is lost at its end. Each costs one kernel
# argument name=value, which is one of the 32 environment variables that init can have (init/main.c,
# MAX_INIT_ENVS).
OVERLAYS = ("/etc", "/home", "/opt", "/root", "/srv", "/tmp", "/usr", "/var")  # noqa: S108 (a name)
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


def is_hidden(path: Path) -> bool:
    """Whether the guest does not see the host's `path` because of a mount of its own."""
    return any(path == Path(top) or path.is_relative_to(top) for top in HIDDEN)


def overlay_folders(cwd: Path) -> list[str]:
    """Return the folders to make writeable: the usual ones and that of the working directory.

    What does not exist is left out, and so are symbolic links (/lib on a merged-/usr system), whose target is
    there already.
    """
    first = f"/{cwd.parts[1]}" if len(cwd.parts) > 1 else "/"
    wanted = [*OVERLAYS, *([first] if first not in (*OVERLAYS, "/") and not is_hidden(Path(first)) else [])]
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
    """What the caller may choose: words for the kernel command line, memory ("1G"), processors.

    Raises UsageError for what QEMU or the kernel would not take.
    """

    append: str = ""
    memory: str = "1G"
    cpus: int = 1

    def __post_init__(self) -> None:
        append_words(self.append)
        if not re.fullmatch(r"[1-9][0-9]*[MG]", self.memory):
            raise UsageError(f"--memory {self.memory!r}: give a number and M or G, for example 1G")
        if self.cpus < 1:
            raise UsageError(f"--cpus {self.cpus}: give at least 1")


def virtme_arguments(tree: KernelTree, accelerator: Accelerator, results: Path, cwd: Path, shape: Shape) -> list[str]:
    """Arguments that make virtme-run print QEMU's command line instead of running it. Raises UsageError."""
    check_path(tree.root, "cache directory")
    arguments = ["--kimg", str(tree.image), "--mods", "auto", "--force-9p", "--disable-microvm"]
    if accelerator.name != "kvm":
        arguments.append("--disable-kvm")
    arguments += ["--name", "vmtest", "--memory", shape.memory, "--cpus", str(shape.cpus)]
    for folder in overlay_folders(cwd):
        arguments += ["--overlay-rwdir", folder]
    if is_hidden(tree.root):
        arguments += ["--rodir", str(tree.root)]
    arguments += ["--rwdir", str(results)]
    for word in ("loglevel=5", *append_words(shape.append)):
        arguments += ["--kopt", word]
    script = f"exec setsid -w sh {shlex.quote(str(results / 'vm' / 'run.sh'))}"
    arguments += ["--script-sh", script, "--show-boot-console"]
    return [*arguments, "--save-initramfs", str(results / "vm" / "initramfs"), "--dry-run", "--show-command"]
