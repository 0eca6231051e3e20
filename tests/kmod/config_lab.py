"""Asks the installed modprobe and depmod for their configuration, with files and a kernel command line of our own."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

END = "\n# End of configuration files."
DEFAULTS = {
    "etc": "/etc/modprobe.d",
    "run": "/run/modprobe.d",
    "local": "/usr/local/lib/modprobe.d",
    "lib": "/lib/modprobe.d",
}
"""Default directories of kmod 30, most important first."""


def version(program: str) -> int:
    done = subprocess.run([program, "-V"], capture_output=True, text=True, check=True)
    return int(done.stdout.split()[2])


def needs_kmod_30(program: str) -> None:
    """Skip where another version is installed: its texts differ."""
    if version(program) != 30:
        pytest.skip(f"kmod {version(program)} is installed; its texts differ from those of 30, which are compared")


def can_mount() -> bool:
    """Return whether files can be put in the place of others here, in a mount namespace of our own."""
    try:
        done = subprocess.run(
            ["unshare", "-rm", "mount", "--bind", "/dev/null", "/proc/cmdline"], capture_output=True, check=False
        )
    except OSError:
        return False
    return done.returncode == 0


def show_config(program: str, argv: Sequence[str], cmdline: Path) -> tuple[list[str], list[str]]:
    """Return the lines of ``modprobe -c`` before its indexes, and its messages."""
    return _run([program, "-c", *argv], ['mount --bind "$1" /proc/cmdline', "shift"], [str(cmdline)])


def show_default_config(program: str, folder: Path, cmdline: Path) -> tuple[list[str], list[str]]:
    """Return the same for default directories, which are those of `DEFAULTS`' names in `folder`."""
    steps = [
        'mount --bind "$1" /proc/cmdline',
        "mount -t tmpfs none /run",
        "mount -t tmpfs none /usr/local/lib",
        "mount -t tmpfs none /etc",
        "mkdir /run/modprobe.d /usr/local/lib/modprobe.d /etc/modprobe.d",
        *(f'mount --bind "$2/{name}" {path}' for name, path in DEFAULTS.items()),
        "shift 2",
    ]
    return _run([program, "-c"], steps, [str(cmdline), str(folder)])


def _run(command: list[str], steps: list[str], arguments: list[str]) -> tuple[list[str], list[str]]:
    script = " && ".join([*steps, 'exec "$@"'])
    done = subprocess.run(
        ["unshare", "-rm", "sh", "-c", script, "sh", *arguments, *command], capture_output=True, check=False
    )
    stdout, stderr = os.fsdecode(done.stdout), os.fsdecode(done.stderr)
    assert done.returncode == 0, stderr
    assert END in stdout, stderr
    return stdout.partition(END)[0].split("\n")[:-1], stderr.split("\n")[:-1]
