"""Run every test: here, then in one guest for each kernel; print each summary and what was skipped.

The kernel tests run on this machine as far as it goes, and whole in the guests.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from vmtest.kernels import KERNELS

ROOT = Path(__file__).resolve().parent.parent
GUEST_SECONDS = 2700
SOAK_SECONDS = 4 * 3600


def pytest_command(*args: str) -> list[str]:
    """Return a command that runs pytest in this environment."""
    return [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *args]


def start_guest(kernel: str, folder: Path, seconds: int, *args: str) -> tuple[subprocess.Popen[bytes], Path]:
    """Start the kernel tests in a guest; its output goes to a file."""
    output = folder / f"{kernel}.txt"
    command = [sys.executable, "-m", "vmtest", "-k", kernel, "--timeout", str(seconds), "--cpus", "2"]
    command += ["--results", str(folder / kernel), "--", *pytest_command("-q", *args, "tests/kernel")]
    with output.open("wb") as stream:
        return subprocess.Popen(command, cwd=ROOT, stdout=stream, stderr=subprocess.STDOUT), output


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
    running = {kernel: start_guest(kernel, folder, seconds, *mark) for kernel in kernels}
    for kernel, (process, output) in running.items():
        print(f"== guest with Linux {kernel}", flush=True)
        begun = time.monotonic()
        while process.poll() is None:
            time.sleep(1)
            if time.monotonic() - begun > 60:
                begun = time.monotonic()
                print(f"   ... {output.stat().st_size} bytes of output so far", flush=True)
        sys.stdout.write(output.read_text(errors="replace"))
        sys.stdout.flush()
        if process.returncode:
            failed.append(f"guest {kernel} (status {process.returncode}; files in {folder / kernel})")
    print("== " + ("failed: " + ", ".join(failed) if failed else "all passed: " + ", ".join(["here", *kernels])))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
