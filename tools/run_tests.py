"""Run every test: here, then in guests with each kernel; print each summary and what was skipped.

The kernel tests run on this machine as far as it goes, and whole in the guests.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from typing import NamedTuple

from vmtest.kernels import KERNELS

ROOT = Path(__file__).resolve().parent.parent
GUEST_SECONDS = 4500
SOAK_SECONDS = 4 * 3600


class Boot(NamedTuple):
    """What a guest is booted with, and the arguments for pytest in it."""

    name: str
    append: str
    tests: tuple[str, ...]


KEPT = "tests/kernel/kept"
"""Holds file systems and a guard from its first test to its last: in a boot of its own."""
PLAIN = ("tests/kernel", "--ignore", "tests/kernel/modes", "--ignore", KEPT)
MODES = "lsm=lockdown,yama syscall.x32=y module_blacklist=loop module_blacklist=dummy,nbd-x,n-hdlc ringward.guard=off"
ONCE = {
    KEPT: "6.12",
    "tests/kernel/test_blocked.py": "6.12",
    "tests/kernel/test_syscall.py": "6.1",
}
"""What takes long and hardly depends on the kernel: `make test` runs it on this one, `make soak` on the others."""


def boots(kernel: str, *, soak: bool) -> tuple[Boot, ...]:
    """Return what a kernel is booted for."""
    elsewhere = tuple(path for path, only in ONCE.items() if only != kernel)
    if soak:
        found = [Boot("soak", "", ("-m", "soak", *PLAIN))]
        found += [Boot(f"once-{Path(path).stem}", "", ("-m", "not soak", path)) for path in elsewhere]
        return tuple(found)
    left_out = tuple(word for path in elsewhere if path != KEPT for word in ("--ignore", path))
    found = [
        Boot("plain", "", ("-m", "not soak", *PLAIN, *left_out)),
        Boot("modes", MODES, ("-m", "not soak", "tests/kernel/modes")),
    ]
    return (*found, *([] if KEPT in elsewhere else [Boot("kept", "", ("-m", "not soak", KEPT))]))


def pytest_command(*args: str) -> list[str]:
    """Return a command that runs pytest in this environment."""
    return [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *args]


def guest_command(kernel: str, boot: Boot, seconds: int, results: Path) -> list[str]:
    """Return the command that runs the tests of a boot in a guest."""
    command = [sys.executable, "-m", "vmtest", "-k", kernel, "--timeout", str(seconds), "--cpus", "2"]
    command += ["--append", boot.append] if boot.append else []
    return [*command, "--results", str(results), "--", *pytest_command("-q", "--durations=20", *boot.tests)]


def run_guest(kernel: str, wanted: tuple[Boot, ...], folder: Path, seconds: int) -> tuple[str, list[str]]:
    """Boot a kernel for each of `wanted`; return what they printed, and which failed."""
    printed, failed = "", []
    for boot in wanted:
        results = folder / f"{kernel}-{boot.name}"
        done = subprocess.run(
            guest_command(kernel, boot, seconds, results),
            cwd=ROOT,
            check=False,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        printed += f"== guest with Linux {kernel}, {boot.name}\n{done.stdout}"
        if done.returncode:
            failed.append(f"guest {kernel}, {boot.name} (status {done.returncode}; files in {results})")
    return printed, failed


def main() -> int:
    """Run the tests; return 0 when all have passed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--soak", action="store_true", help="only the tests that take long, in the guests")
    parser.add_argument("-k", "--kernel", action="append", help="only this guest kernel (repeatable)")
    options = parser.parse_args()
    kernels = options.kernel or [kernel.name for kernel in KERNELS]
    failed: list[str] = []
    folder = Path(tempfile.mkdtemp(prefix="ringward-tests-"))
    seconds = SOAK_SECONDS if options.soak else GUEST_SECONDS
    begun = time.monotonic()
    with ThreadPoolExecutor(len(kernels)) as guests:
        running = [
            guests.submit(run_guest, kernel, boots(kernel, soak=options.soak), folder, seconds) for kernel in kernels
        ]
        # Beside the guests: by itself it would leave all cores but one idle.
        if not options.soak:
            print("== this machine", flush=True)
            if subprocess.run(pytest_command("-q", "-m", "not soak", "tests"), cwd=ROOT, check=False).returncode:
                failed.append("this machine")
        while wait(running, 60).not_done:
            under_way = sum(not run.done() for run in running)
            print(f"   ... {under_way} guests under way for {time.monotonic() - begun:.0f} s", flush=True)
    for run in running:
        printed, bad = run.result()
        sys.stdout.write(printed)
        sys.stdout.flush()
        failed += bad
    print("== " + ("failed: " + ", ".join(failed) if failed else "all passed: " + ", ".join(["here", *kernels])))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
