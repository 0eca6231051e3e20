# SPDX-License-Identifier: Apache-2.0
"""Boot a guest, run a command in it, bring back its output and status, leave nothing behind."""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from vmtest.accel import Accelerator, choose_accelerator
from vmtest.errors import GuestError, UsageError, VmtestError
from vmtest.kernels import find_kernel
from vmtest.machine import find_tool, virtme_arguments
from vmtest.packages import last_line
from vmtest.script import guest_environment, guest_script
from vmtest.trees import Report, fetch_kernel, silent

BOOT_SECONDS = 240.0  # an emulated guest on an idle machine needs 10 to 20
POLL_SECONDS = 0.05
TAIL_LINES = 25

Output = Callable[[str, bytes], None]  # "stdout" or "stderr", and what came


@dataclass(frozen=True)
class GuestResult:
    """How the command ended. `status` is a shell's: 128 + n for signal n.

    `stdout` and `stderr` are decoded as UTF-8 with backslash escapes for what is not (the bytes are in the files of
    these names in `results_dir`). `seconds` is the time of the whole run, `boot_seconds` until the guest's script began.
    """

    status: int
    stdout: str
    stderr: str
    results_dir: Path
    seconds: float
    accelerator: Accelerator
    boot_seconds: float
    release: str


def qemu_command(arguments: Sequence[str], results: Path) -> list[str]:
    """QEMU's command line, as virtme-run builds it, and its initramfs. Raises VmtestError."""
    virtme = find_tool("virtme-run", "install virtme-ng from PyPI into this environment (pip install virtme-ng)", True)
    try:
        done = subprocess.run(
            [virtme, *arguments],
            env={**os.environ, "TMPDIR": str(results / "vm")},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise VmtestError(f"{virtme} did not build the guest's command line within 120 s") from error
    lines = [line for line in done.stdout.splitlines() if "qemu" in line and " -kernel " in line]
    if done.returncode or not lines or not (results / "vm" / "initramfs").exists():
        raise VmtestError(f"{virtme} failed: {last_line(done.stdout, done.stderr)}")
    (results / "vm" / "qemu-command").write_text(lines[-1] + "\n")
    return shlex.split(lines[-1])


class Machine:
    """A running QEMU, as a process group of its own; a context manager that ends it whatever happens."""

    def __init__(self, command: Sequence[str], console: Path) -> None:
        self._command = list(command)
        if setpriv := shutil.which("setpriv"):  # so that not even kill -9 of this process leaves QEMU behind
            self._command = [setpriv, "--pdeathsig", "KILL", "--", *self._command]
        self._console = console

    def __enter__(self) -> Machine:
        # One pipe for QEMU's messages and the guest's console: QEMU opens /proc/self/fd/2 several times, and
        # would cut off a regular file each time.
        self.process = subprocess.Popen(
            self._command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        assert self.process.stdout is not None
        self._reader = threading.Thread(target=self._log, args=(self.process.stdout,), daemon=True)
        self._reader.start()
        return self

    def _log(self, pipe: IO[bytes]) -> None:
        with pipe, self._console.open("wb", buffering=0) as log:
            while chunk := os.read(pipe.fileno(), 65536):
                log.write(chunk)

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self._reader.join(timeout=5)


class _Follower:
    """Hands on what was added to a file since the last look."""

    def __init__(self, path: Path, name: str, output: Output) -> None:
        self._path, self._name, self._output, self._offset = path, name, output, 0

    def look(self) -> None:
        with contextlib.suppress(FileNotFoundError), self._path.open("rb") as file:
            file.seek(self._offset)
            while chunk := file.read(1 << 20):
                self._offset += len(chunk)
                self._output(self._name, chunk)


def read_said(results: Path, name: str) -> str | None:
    """What the guest's script left under that name, or None. It is renamed into place, so never half of it."""
    try:
        return (results / "vm" / name).read_text(errors="replace").strip()
    except FileNotFoundError:
        return None


def console_tail(console: Path) -> list[str]:
    """The last lines of the console log that say something."""
    try:
        text = console.read_bytes().decode(errors="replace")
    except FileNotFoundError:
        return []
    return [line.rstrip() for line in text.splitlines() if line.strip()][-TAIL_LINES:]


def explain_end(started: bool, exit_status: int | None, seconds: float, problem: str | None, tail: Sequence[str]) -> str:
    """Why there is no status; `exit_status` is None when QEMU was still running after `seconds`."""
    if problem is not None:
        return f"the guest could not run the command: {problem}"
    panics = [line for line in tail if "Kernel panic" in line]
    if panics:
        return f"the guest's kernel panicked {'while the command ran' if started else 'at boot'}: {panics[-1].strip()}"
    if exit_status is None and started:
        return f"the command did not end within {seconds:g} s (--timeout)"
    if exit_status is None:
        return f"the guest did not come up within {seconds:g} s"
    when = "while the command ran" if started else "before the guest came up"
    return f"QEMU ended with status {exit_status} {when}"


def prepare_results(results: str | Path | None) -> Path:
    """The results directory, absolute, with no trace of an earlier run. Raises UsageError."""
    try:
        folder = Path(tempfile.mkdtemp(prefix="vmtest-")) if results is None else Path(results)
        folder = folder.resolve()
        shutil.rmtree(folder / "vm", ignore_errors=True)
        (folder / "vm").mkdir(parents=True)
        for name in ("console.log", "stdout", "stderr"):
            (folder / name).unlink(missing_ok=True)
    except OSError as error:
        raise UsageError(f"cannot make the results directory {results}: {error.strerror or error}") from error
    return folder


def run_guest(
    kernel: str,
    command: Sequence[str],
    *,
    append: str = "",
    memory: str = "1G",
    cpus: int = 1,
    timeout: float = 600.0,
    results: str | Path | None = None,
    env: Sequence[str] = (),
    cwd: str | Path | None = None,
    output: Output | None = None,
    report: Report = silent,
) -> GuestResult:
    """Boot the kernel of that name ("6.12") and run `command` as root in `cwd` (the caller's by default).

    `append` are words for the kernel command line, `env` names of variables to hand over, `timeout` seconds for boot and
    command together. `results` (a fresh temporary directory by default; the caller removes it) is written to by the guest, which
    finds its path in VMTEST_RESULTS. `output` gets the command's output as it comes, `report` lines on progress.
    Raises UsageError for bad arguments, GuestError when the guest gave no status, VmtestError when it could not be started.
    """
    where = Path(cwd or Path.cwd()).resolve()
    wanted = find_kernel(kernel)
    qemu = find_tool("qemu-system-x86_64", "install the Debian package qemu-system-x86")
    find_tool("busybox", "install the Debian package busybox-static")
    tree = fetch_kernel(wanted, report)
    accelerator = choose_accelerator(qemu)
    folder = prepare_results(results)
    report(f"kernel {kernel}: {tree.release}, {accelerator}, results in {folder}")
    script = guest_script(command, folder, where, guest_environment(os.environ, env, folder))
    (folder / "vm" / "run.sh").write_text(script, errors="surrogateescape")
    arguments = virtme_arguments(tree, accelerator, folder, where, append, memory, cpus)
    begin = time.monotonic()
    boot_seconds: float | None = None
    status: str | None = None
    followers = [_Follower(folder / name, name, output) for name in ("stdout", "stderr")] if output else []
    with Machine(qemu_command(arguments, folder), folder / "console.log") as machine:
        while True:
            ended = machine.process.poll()
            elapsed = time.monotonic() - begin
            status = read_said(folder, "status")
            if boot_seconds is None and read_said(folder, "started") is not None:
                boot_seconds = elapsed
            for follower in followers:
                follower.look()
            limit = timeout if boot_seconds is not None else min(timeout, BOOT_SECONDS)
            problem = read_said(folder, "problem")
            if status is not None or problem is not None or ended is not None or elapsed > limit:
                break
            time.sleep(POLL_SECONDS)
    (folder / "vm" / "initramfs").unlink(missing_ok=True)
    if status is None or boot_seconds is None:
        tail = console_tail(folder / "console.log")
        message = explain_end(boot_seconds is not None, ended, limit, problem, tail)
        raise GuestError(f"kernel {kernel}: {message}; console log: {folder / 'console.log'}", folder, tail)
    texts = [(folder / name).read_text(errors="backslashreplace") for name in ("stdout", "stderr")]
    seconds = time.monotonic() - begin
    return GuestResult(int(status), texts[0], texts[1], folder, seconds, accelerator, boot_seconds, tree.release)
