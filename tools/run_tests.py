"""Run every test: here, then in guests with each kernel; print each summary and what was skipped.

The kernel tests run on this machine as far as it goes, and whole in the guests.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from itertools import zip_longest
from pathlib import Path
from typing import NamedTuple

from vmtest.kernels import KERNELS
from vmtest.modules import build_modules

ROOT = Path(__file__).resolve().parent.parent
GUEST_SECONDS = 4500
SOAK_SECONDS = 4 * 3600
NO_GUEST = 4
"""Exit status of vmtest: the guest could not run the command."""
END_LINES = 40
"""Of each run that failed, printed once more at the very end: all that some readers of a long log have."""
AT_ONCE = 2 * (os.cpu_count() or 1)
"""Runs side by side: an emulated guest waits for as long as it computes."""


class Boot(NamedTuple):
    """What a guest is booted with, and the arguments for pytest in it."""

    name: str
    append: str
    tests: tuple[str, ...]
    cpus: int = 1


KEPT = "tests/kernel/kept"
"""Holds file systems and a guard from its first test to its last: in a boot of its own."""
TOOLS = ("tests/kernel/test_module_tools.py", "tests/kernel/test_blocked.py")
"""Beside kmod, and long: in a boot of its own."""
RACES = tuple(
    f"tests/kernel/test_{name}.py"
    for name in ("guard_race", "io_uring", "load", "loss", "race", "request", "soak", "syscall_busy")
)
"""What is about things that happen at once: on two processors. All else but the tools is so in `make soak`: to emulate
two takes up to twice as long, as they wait for each other where more of them run than this machine has."""
MODES = "lsm=lockdown,yama syscall.x32=y module_blacklist=loop module_blacklist=dummy,nbd-x,n-hdlc ringward.guard=off"
ONCE = {
    "tests/kernel/test_blocked.py": "6.12",
    "tests/kernel/test_ends.py": "6.12",
    "tests/kernel/test_guard_command.py": "6.1",
    "tests/kernel/test_guard_decision.py": "6.1",
    "tests/kernel/test_loss.py": "6.1",
    "tests/kernel/test_soak.py": "6.12",
    "tests/kernel/test_syscall.py": "6.1",
    "tests/kernel/test_syscall_busy.py": "6.1",
    "tests/kernel/test_syscall_ia32.py": "6.12",
    "tests/kernel/test_syscall_summary.py": "6.12",
}
"""What takes long and hardly depends on the kernel: `make test` runs it on this one, `make soak` on the others."""


def boots(kernel: str, *, soak: bool) -> tuple[Boot, ...]:
    """Return what a kernel is booted for, the longest first."""
    elsewhere = {path for path, only in ONCE.items() if only != kernel}
    alone = (
        Boot("plain", "", ("-m", "not soak", *without("tests/kernel/modes", KEPT, *TOOLS, *RACES, *sorted(elsewhere)))),
        Boot("modes", MODES, ("-m", "not soak", "tests/kernel/modes")),
        Boot("kept", "", ("-m", "not soak", KEPT)),
    )
    if soak:
        found = [Boot("soak", "", ("-m", "soak", *without("tests/kernel/modes", KEPT)), cpus=2)]
        found += [boot._replace(name=f"{boot.name}-two", cpus=2) for boot in alone]
        found += [Boot(f"once-{Path(path).stem}", "", ("-m", "not soak", path), cpus=2) for path in sorted(elsewhere)]
        return tuple(found)
    return (
        alone[0],
        Boot("races", "", ("-m", "not soak", *(path for path in RACES if path not in elsewhere)), cpus=2),
        Boot("tools", "", ("-m", "not soak", *(path for path in TOOLS if path not in elsewhere))),
        *alone[1:],
    )


def without(*paths: str) -> tuple[str, ...]:
    """Return arguments for all kernel tests but these."""
    return ("tests/kernel", *(f"--ignore={path}" for path in dict.fromkeys(paths)))


def pytest_command(*args: str) -> list[str]:
    """Return a command that runs pytest in this environment."""
    return [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *args]


def guest_command(kernel: str, boot: Boot, seconds: int, results: Path) -> list[str]:
    """Return the command that runs the tests of a boot in a guest."""
    command = [sys.executable, "-m", "vmtest", "-k", kernel, "--timeout", str(seconds), "--cpus", str(boot.cpus)]
    command += ["--append", boot.append] if boot.append else []
    return [*command, "--results", str(results), "--", *pytest_command("-q", "--durations=20", *boot.tests)]


class Job(NamedTuple):
    """A command that runs by itself, and where it leaves its files."""

    title: str
    command: list[str]
    results: Path | None


def jobs(kernels: Sequence[str], folder: Path, *, soak: bool) -> list[Job]:
    """Return what is to be run; guests leave their files in folders of their own below `folder`."""
    seconds = SOAK_SECONDS if soak else GUEST_SECONDS
    here = [] if soak else [Job("this machine", pytest_command("-q", "-m", "not soak", "tests"), None)]
    by_kernel = [[(kernel, boot) for boot in boots(kernel, soak=soak)] for kernel in kernels]
    guests = []
    for kernel, boot in (one for turn in zip_longest(*by_kernel) for one in turn if one):
        results = folder / f"{kernel}-{boot.name}"
        command = guest_command(kernel, boot, seconds, results)
        guests.append(Job(f"guest with Linux {kernel}, {boot.name}", command, results))
    return here + guests


def run(job: Job) -> tuple[Job, int, str]:
    """Run it; return its exit status and what it printed.

    A guest that ended before its first process began is booted once more, which is told: seen once in some 25 boots of
    an emulated 6.12, as a panic after 2 s. No test had begun.
    """
    status, printed = _once(job)
    if status == NO_GUEST and job.results and not (job.results / "vm" / "started").exists():
        status, again = _once(job)
        printed += f"-- it never came up: booted once more\n{again}"
    return job, status, printed


def _once(job: Job) -> tuple[int, str]:
    done = subprocess.run(
        job.command,
        cwd=ROOT,
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    return done.returncode, done.stdout


def main() -> int:
    """Run the tests; return 0 when all have passed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--soak", action="store_true", help="only the tests that take long, in the guests")
    parser.add_argument("-k", "--kernel", action="append", help="only this guest kernel (repeatable)")
    options = parser.parse_args()
    kernels = options.kernel or [kernel.name for kernel in KERNELS]
    failed: list[str] = []
    ends: list[str] = []
    for kernel in kernels:  # before the runs, that all want them
        build_modules(kernel, print)
    folder = Path(tempfile.mkdtemp(prefix="ringward-tests-"))
    begun = time.monotonic()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        left = {pool.submit(run, job) for job in jobs(kernels, folder, soak=options.soak)}
        while left:
            done, left = wait(left, 60, FIRST_COMPLETED)
            for one in done:
                job, status, printed = one.result()
                sys.stdout.write(f"== {job.title}\n{printed}")
                if status:
                    failed.append(f"{job.title} (status {status}{f'; files in {job.results}' if job.results else ''})")
                    ends += [f"== the end of what failed: {job.title}", *printed.splitlines()[-END_LINES:]]
            print(f"   ... {time.monotonic() - begun:.0f} s, {len(left)} runs left", flush=True)
    ends.append("== " + ("failed: " + ", ".join(failed) if failed else "all passed: " + ", ".join(["here", *kernels])))
    print("\n".join(ends))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
