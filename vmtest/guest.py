# SPDX-License-Identifier: Apache-2.0
"""Boot a guest, run a command in it, bring back its output and status, leave nothing behind."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from vmtest.accel import Accelerator, choose_accelerator
from vmtest.cache import cache_root
from vmtest.errors import GuestError, UsageError
from vmtest.kernels import find_kernel
from vmtest.machine import (
    RESULTS_TAG,
    Shape,
    check_path,
    check_seen,
    find_tool,
    overlay_folders,
    virtme_arguments,
)
from vmtest.qemu import Machine, emulated, qemu_command, with_icount, with_init
from vmtest.script import guest_environment, init_script
from vmtest.trees import Report, fetch_kernel, silent

BOOT_SECONDS = 240.0  # an emulated guest on an idle machine needs 5 to 20
POLL_SECONDS = 0.05
TAIL_LINES = 25
LINE_LENGTH = 200
PANIC = "Kernel panic - not syncing"  # kernel/panic.c

Output = Callable[[str, bytes], None]  # "stdout" or "stderr", and what came


@dataclass(frozen=True)
class GuestResult:
    """How the command ended. `status` is a shell's: 128 + n for signal n.

    `stdout` and `stderr` are decoded as UTF-8 with backslash escapes for what is not (the bytes are in the
    files of these names in `results_dir`). `accelerator` is "kvm" or "tcg" (emulated: slow, compare ratios
    only). `seconds` is the time of the whole run, `boot_seconds` until the guest's script began.
    """

    status: int
    stdout: str
    stderr: str
    results_dir: Path
    seconds: float
    accelerator: str
    boot_seconds: float
    release: str


@dataclass(frozen=True)
class _End:
    """How the wait for the guest ended. `status` is the command's, `exit_status` QEMU's, if there is one."""

    status: int | None
    boot_seconds: float | None
    exit_status: int | None
    limit: float
    problem: str | None


class _Follower:
    """Hands on what was added to a file since the last look."""

    def __init__(self, path: Path, output: Output | None) -> None:
        self._path, self._output, self._offset = path, output, 0

    def look(self) -> None:
        if self._output is None:
            return
        with contextlib.suppress(FileNotFoundError), self._path.open("rb") as file:
            file.seek(self._offset)
            while chunk := file.read(1 << 20):
                self._offset += len(chunk)
                self._output(self._path.name, chunk)


def read_said(results: Path, name: str) -> str | None:
    """Return what the guest's script left under that name, or None. Never half of it: it is renamed there."""
    try:
        return (results / "vm" / name).read_text(errors="replace").strip()
    except FileNotFoundError:
        return None


def console_tail(text: str) -> list[str]:
    """Return the last lines of a console log that say something; after a panic, those from the panic on."""
    lines = [line.rstrip()[:LINE_LENGTH] for line in text.splitlines() if line.strip()]
    panics = [index for index, line in enumerate(lines) if PANIC in line]
    return lines[panics[0] :][:TAIL_LINES] if panics else lines[-TAIL_LINES:]


def explain(end: _End, tail: Sequence[str]) -> str:
    """Return why there is no status."""
    started = end.boot_seconds is not None
    when = "while the command ran" if started else "before the guest came up"
    if end.problem is not None:
        return f"the guest could not run the command: {end.problem}"
    if panics := [line for line in tail if PANIC in line]:
        return f"the guest's kernel panicked {when}: {panics[0].strip()}"
    if end.exit_status is not None:
        return f"QEMU ended with status {end.exit_status} {when}"
    if started:
        return f"the command did not end within {end.limit:g} s (--timeout)"
    return f"the guest did not come up within {end.limit:g} s"


def prepare_results(results: str | Path | None) -> Path:
    """Return the results directory, absolute, with no trace of an earlier run. Raises UsageError."""
    try:
        folder = Path(tempfile.mkdtemp(prefix="vmtest-") if results is None else results).resolve()
        check_path(folder, "results directory")
        shutil.rmtree(folder / "vm", ignore_errors=True)
        (folder / "vm").mkdir(parents=True)
        for name in ("console.log", "stdout", "stderr"):
            (folder / name).unlink(missing_ok=True)
    except OSError as error:
        raise UsageError(f"cannot make the results directory {results}: {error.strerror or error}") from error
    return folder


def _wait(machine: Machine, folder: Path, begin: float, timeout: float, output: Output | None) -> _End:
    """Follow the guest until its script left a status or a problem, QEMU ended, or time is up."""
    followers = [_Follower(folder / name, output) for name in ("stdout", "stderr")]
    boot_seconds: float | None = None
    while True:
        exit_status = machine.poll()
        elapsed = time.monotonic() - begin
        status, problem = read_said(folder, "status"), read_said(folder, "problem")
        if boot_seconds is None and read_said(folder, "started") is not None:
            boot_seconds = elapsed
        for follower in followers:
            follower.look()
        limit = timeout if boot_seconds is not None else min(timeout, BOOT_SECONDS)
        if exit_status is not None or status is not None or problem is not None or elapsed > limit:
            return _End(int(status) if status else None, boot_seconds, exit_status, limit, problem)
        time.sleep(POLL_SECONDS)


def run_guest(
    kernel: str,
    command: Sequence[str],
    *,
    append: str = "",
    memory: str = "1G",
    cpus: int = 1,
    udev: bool = False,
    icount: bool = False,
    timeout: float = 600.0,
    results: str | Path | None = None,
    env: Sequence[str] = (),
    cwd: str | Path | None = None,
    output: Output | None = None,
    report: Report = silent,
) -> GuestResult:
    """Boot the kernel of that name ("6.12") and run `command` as root in `cwd` (the caller's by default).

    `append` are words for the kernel command line, `udev` starts udevd, which loads modules for the guest's
    devices, `icount` makes its clocks count instructions, `env` names variables to hand over, `timeout` is in
    seconds for boot and command together.
    `results` (a fresh temporary directory by default; the caller removes it) is written to by the guest, which
    finds its path in VMTEST_RESULTS. `output` gets the command's output as it comes, `report` lines on progress.
    Raises UsageError for bad arguments, GuestError when the guest gave no status, VmtestError when it could
    not be started.
    """
    wanted, shape = find_kernel(kernel), Shape(append, memory, cpus, udev, icount)
    qemu = find_tool("qemu-system-x86_64", "install the Debian package qemu-system-x86")
    busybox = find_tool("busybox", "install the Debian package busybox-static")
    hint = "install virtme-ng from PyPI into this environment (pip install virtme-ng)"
    virtme = find_tool("virtme-run", hint, beside_python=True)
    where, cache = Path(cwd or Path.cwd()).resolve(), cache_root()
    check_seen(where, "working directory")
    check_seen(cache, "cache directory")
    folder = prepare_results(results)
    tree = fetch_kernel(wanted, report)
    accelerator = Accelerator("tcg", "--icount") if icount else choose_accelerator(qemu)
    report(f"kernel {kernel}: {tree.release}, {accelerator}, results in {folder}")
    script = init_script(
        command,
        busybox=busybox,
        results=folder,
        tag=RESULTS_TAG,
        modules=tree.modules,
        boot=tree.image.parent,
        overlays=overlay_folders(where),
        cwd=where,
        environment=guest_environment(os.environ, env, folder),
        udev=udev,
    )
    init = folder / "vm" / "init"
    init.write_text(script, errors="surrogateescape")
    init.chmod(0o755)
    begin = time.monotonic()
    arguments = virtme_arguments(tree, accelerator, folder, shape)
    machine_command = with_init(qemu_command(virtme, arguments, folder), init)
    if accelerator.name == "tcg":
        machine_command = emulated(machine_command)
    if icount:
        machine_command = with_icount(machine_command)
    with Machine(machine_command, folder / "console.log") as machine:
        end = _wait(machine, folder, begin, timeout, output)
    (folder / "vm" / "initramfs").unlink(missing_ok=True)
    if end.status is None or end.boot_seconds is None:
        log = folder / "console.log"
        tail = console_tail(log.read_text(errors="replace"))
        raise GuestError(f"kernel {kernel}: {explain(end, tail)}; console log: {log}", folder, tail)
    out, err = ((folder / name).read_text(errors="backslashreplace") for name in ("stdout", "stderr"))
    seconds = time.monotonic() - begin
    return GuestResult(end.status, out, err, folder, seconds, accelerator.name, end.boot_seconds, tree.release)
