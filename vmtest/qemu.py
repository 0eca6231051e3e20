# SPDX-License-Identifier: Apache-2.0
"""QEMU's command line from virtme-run, and the running QEMU."""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import signal
import subprocess
import threading
from typing import IO, TYPE_CHECKING

from vmtest.errors import VmtestError
from vmtest.packages import last_line

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from typing import Self

BUILD_SECONDS = 120

_ROOT_MOUNT = b"version=9p2000.L,trans=virtio,access=any,msize=524288 /dev/root"
_CACHED = b"trans=virtio,access=any,msize=524288,cache=loose"


def qemu_command(virtme: str, arguments: Sequence[str], results: Path) -> list[str]:
    """Return QEMU's command line as the program `virtme` (virtme-run) builds it. Raises VmtestError.

    QEMU is started by us and not by virtme-run, so that it is our own child: nobody stands between us and it
    when it has to be ended.
    """
    try:
        done = subprocess.run(
            [virtme, *arguments],
            env={**os.environ, "TMPDIR": str(results / "vm")},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=BUILD_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise VmtestError(f"{virtme} did not build the guest's command line in {BUILD_SECONDS} s") from error
    lines = [line for line in done.stdout.splitlines() if " -kernel " in line]
    if done.returncode or not lines or not (results / "vm" / "initramfs").exists():
        raise VmtestError(f"{virtme} could not prepare the guest: {last_line(done.stdout, done.stderr)}")
    initramfs = results / "vm" / "initramfs"
    initramfs.write_bytes(with_cached_root(initramfs.read_bytes()))
    (results / "vm" / "qemu-command").write_text(lines[-1] + "\n")
    return shlex.split(lines[-1])


def with_init(command: Sequence[str], init: Path) -> list[str]:
    """Return the command line with `init` as the guest's first process.

    The last init= counts, for the kernel and for virtme's initramfs.
    """
    position = command.index("-append") + 1
    return [*command[:position], f"{command[position]} init={init}", *command[position + 1 :]]


def with_icount(command: Sequence[str]) -> list[str]:
    """Return the command line with a clock that counts instructions, and skips what nobody runs (QEMU's -icount).

    A nanosecond of any of the guest's clocks is then one of its instructions, however busy this machine is.
    """
    return [*command, "-icount", "shift=0,sleep=off"]


def emulated(command: Sequence[str]) -> list[str]:
    """Return the command line with a processor that has no cmpxchg16b, for software emulation (the last -cpu counts).

    QEMU 7.2 leaves other bits than flags in EFLAGS after it: a program that puts an address into a register, executes
    it and pushes the flags finds bits of that address among them. An interrupt just then comes back with them: a
    double fault in SLUB, which uses it most. Linux has another way wherever the processor does not offer it.
    """
    return [*command, "-cpu", "max,cx16=off"]


def with_cached_root(initramfs: bytes) -> bytes:
    """Return virtme's initramfs (newc, not compressed) with the mount of its root file system cached.

    Without a cache each lookup and read of a file asks the host again: Python starts in 1.5 times the time. Nobody
    writes below that root (read-only, overlays above it). Version 9p2000.L is the default since v2.6.38, so that
    there is room for the option, and every offset in the archive stays. One that is mounted otherwise stays as it is.
    """
    mount = _CACHED.ljust(len(_ROOT_MOUNT) - len(b" /dev/root")) + b" /dev/root"
    return initramfs.replace(_ROOT_MOUNT, mount)


class Machine:
    """A running QEMU in a process group of its own; a context manager that ends it whatever happens."""

    def __init__(self, command: Sequence[str], console: Path) -> None:
        self._command = list(command)
        # Not even kill -9 of this process may leave QEMU behind (the kernel sends the signal when the thread
        # that started it ends: PR_SET_PDEATHSIG(2const)).
        if setpriv := shutil.which("setpriv"):
            self._command = [setpriv, "--pdeathsig", "KILL", "--", *self._command]
        self._console = console

    def __enter__(self) -> Self:
        # One pipe for QEMU's messages and the guest's console: QEMU opens /proc/self/fd/2 several times, and
        # would cut off a regular file each time.
        self._process = subprocess.Popen(
            self._command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._log, args=(self._process.stdout,), daemon=True)
        self._reader.start()
        return self

    def _log(self, pipe: IO[bytes]) -> None:
        with pipe, self._console.open("wb", buffering=0) as log:
            while chunk := os.read(pipe.fileno(), 65536):
                log.write(chunk)

    def poll(self) -> int | None:
        """Return QEMU's exit status, None while it runs."""
        return self._process.poll()

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._reader.join(timeout=5)
