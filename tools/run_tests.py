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
GUEST_SECONDS = 2700
SOAK_SECONDS = 4 * 3600


class Boot(NamedTuple):
    """What a guest is booted with, and the tests that it is for."""

    name: str
    append: str
    tests: tuple[str, ...]


BOOTS = (
    Boot("plain", "", ("tests/kernel", "--ignore", "tests/kernel/modes")),
    Boot(
        "modes",
        "lsm=lockdown,yama syscall.x32=y module_blacklist=loop module_blacklist=dummy,nbd-x,n-hdlc ringward.guard=off",
        ("tests/kernel/modes",),
    ),
)


def pytest_command(*args: str) -> list[str]:
    """Return a command that runs pytest in this environment."""
    return [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *args]


def guest_command(kernel: str, boot: Boot, seconds: int, results: Path, *args: str) -> list[str]:
    """Return the command that runs the tests of a boot in a guest."""
    command = [sys.executable, "-m", "vmtest", "-k", kernel, "--timeout", str(seconds), "--cpus", "2"]
    command += ["--append", boot.append] if boot.append else []
    return [*command, "--results", str(results), "--", *pytest_command("-q", *args, *boot.tests)]


def run_guest(kernel: str, boots: tuple[Boot, ...], folder: Path, seconds: int, *args: str) -> tuple[str, list[str]]:
    """Boot a kernel for each of `boots`; return what they printed, and which failed."""
    printed, failed = "", []
    for boot in boots:
        results = folder / f"{kernel}-{boot.name}"
        done = subprocess.run(
            guest_command(kernel, boot, seconds, results, *args),
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
    mark = ("-m", "soak") if options.soak else ("-m", "not soak")
    failed: list[str] = []
    if not options.soak:
        print("== this machine", flush=True)
        if subprocess.run(pytest_command("-q", *mark, "tests"), cwd=ROOT, check=False).returncode:
            failed.append("this machine")
    folder = Path(tempfile.mkdtemp(prefix="ringward-tests-"))
    seconds = SOAK_SECONDS if options.soak else GUEST_SECONDS
    boots = BOOTS[:1] if options.soak else BOOTS
    begun = time.monotonic()
    with ThreadPoolExecutor(len(kernels)) as guests:
        running = [guests.submit(run_guest, kernel, boots, folder, seconds, *mark) for kernel in kernels]
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
