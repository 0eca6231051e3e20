# SPDX-License-Identifier: Apache-2.0
"""What a guest is made of, as arguments for virtme-run. Pure, but for looking at paths."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import sys
from pathlib import Path

from vmtest.accel import Accelerator
from vmtest.errors import UsageError, VmtestError
from vmtest.trees import KernelTree

# virtme-init mounts file systems of the guest's own over these; what the host has there is not seen.
HIDDEN = ("/dev", "/proc", "/run", "/sys", "/var/cache", "/var/lib/apt", "/var/log", "/var/tmp")
# Folders that are writeable in the guest, on an overlay that is lost at its end. Each costs one kernel argument,
# and every argument of the form name=value one of init's 32 environment variables (init/main.c, MAX_INIT_ENVS).
OVERLAYS = ("/etc", "/home", "/opt", "/root", "/srv", "/tmp", "/usr", "/var")
# virtme-run's own rule for the paths that it is given.
_VIRTME_PATH = re.compile(r"/[a-zA-Z0-9_+/.-]*")


def find_tool(name: str, package: str, beside_python: bool = False) -> str:
    """Path of a program; with `beside_python` one in this environment comes first. Raises VmtestError."""
    path = os.environ.get("PATH", os.defpath)
    if beside_python:
        path = f"{Path(sys.prefix, 'bin')}:{Path(sys.executable).parent}:{path}"
    found = shutil.which(name, path=path)
    if found is None:
        raise VmtestError(f"{name} is not installed: {package}")
    return found


def check_path(path: Path, what: str) -> None:
    """Raises UsageError for a path that virtme-run does not take."""
    if not _VIRTME_PATH.fullmatch(str(path)):
        raise UsageError(f"{what} {str(path)!r}: use a path of letters, digits and _ + - . only")


def is_hidden(path: Path) -> bool:
    """Whether the guest does not see the host's `path` because of a mount of its own."""
    return any(path == Path(top) or path.is_relative_to(top) for top in HIDDEN)


def overlay_folders(cwd: Path) -> list[str]:
    """The folders to make writeable: the usual ones and that of the working directory, as far as they exist.

    Symbolic links (/lib on a merged-/usr system) are left out: their target is there already.
    """
    first = f"/{cwd.parts[1]}" if len(cwd.parts) > 1 else "/"
    wanted = [*OVERLAYS, *([first] if first not in (*OVERLAYS, "/") and not is_hidden(Path(first)) else [])]
    return [top for top in wanted if os.path.isdir(top) and not os.path.islink(top)]


def append_words(text: str) -> list[str]:
    """Words for the kernel command line. Raises UsageError when they cannot be quoted there."""
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise UsageError(f"--append {text!r}: {error}") from error
    if any('"' in word for word in words):
        raise UsageError(f"--append {text!r}: the kernel command line has no way to quote a double quote")
    return words


def virtme_arguments(
    tree: KernelTree, accelerator: Accelerator, results: Path, cwd: Path, append: str, memory: str, cpus: int
) -> list[str]:
    """Arguments for virtme-run that make it print QEMU's command line instead of running it. Raises UsageError."""
    check_path(results, "results directory")
    check_path(tree.root, "cache directory")
    if not re.fullmatch(r"[1-9][0-9]*[MG]", memory):
        raise UsageError(f"--memory {memory!r}: give a number and M or G, for example 1G")
    if cpus < 1:
        raise UsageError(f"--cpus {cpus}: give at least 1")
    arguments = ["--kimg", str(tree.image), "--mods", "auto", "--force-9p", "--disable-microvm"]
    if accelerator.name != "kvm":
        arguments.append("--disable-kvm")
    arguments += ["--name", "vmtest", "--memory", memory, "--cpus", str(cpus)]
    for folder in overlay_folders(cwd):
        arguments += ["--overlay-rwdir", folder]
    if is_hidden(tree.root):
        arguments += ["--rodir", str(tree.root)]
    arguments += ["--rwdir", str(results)]
    for word in ("loglevel=5", *append_words(append)):
        arguments += ["--kopt", word]
    script = f"exec setsid -w sh {shlex.quote(str(results / 'vm' / 'run.sh'))}"
    arguments += ["--script-sh", script, "--show-boot-console"]
    return [*arguments, "--save-initramfs", str(results / "vm" / "initramfs"), "--dry-run", "--show-command"]
