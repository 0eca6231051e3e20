"""How long the trusted digests take into the kernel, and what they cost there and in the process that writes them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from bench.row import Row, spread

COUNT = 200_000
MOST_SECONDS, MOST_MEGABYTES = 2.0, 80.0
_ONE = """\
import os, re, resource, sys, time
from ringward.sensor import _native
count = int(sys.argv[1])
keys = os.urandom(32 * count)
began = time.perf_counter()
fd = _native.map_hash("program_digests", 32, 4, count + 8192)
_native.map_fill(fd, keys, b"\\1\\0\\0\\0" * count)
seconds = time.perf_counter() - began
assert _native.map_lookup(fd, keys[-32:]) == b"\\1\\0\\0\\0" and _native.map_lookup(fd, bytes(32)) is None
kernel = int(re.search(r"^memlock:\\s+(\\d+)", open(f"/proc/self/fdinfo/{fd}").read(), re.M)[1])
print(seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, kernel / 1e6)
"""


def measure(rounds: int) -> list[Row]:
    """Fill the map that `ringward.guard.programs.KernelPrograms.know` fills, each time in a new process."""
    row = Row(f"{COUNT:,} digests into the kernel", f"at most {MOST_SECONDS:.0f} s, {MOST_MEGABYTES:.0f} MB resident")
    found = []
    for _ in range(rounds):
        done = subprocess.run(
            [sys.executable, "-c", _ONE, str(COUNT)],
            check=True,
            capture_output=True,
            text=True,
            cwd=Path(__file__).parent.parent,
            env=os.environ,
        )
        found.append([float(text) for text in done.stdout.split()])
    seconds, resident, kernel = (list(column) for column in zip(*found, strict=True))
    row.ours = f"{max(seconds):.2f} s, {max(resident) + max(kernel):.0f} MB"
    row.reached = max(seconds) <= MOST_SECONDS and max(resident) + max(kernel) <= MOST_MEGABYTES
    notes = f"{rounds} rounds; seconds {spread(seconds, 3)}; of the process {max(resident):.0f} MB at most,"
    row.notes = [f"{notes} of the map in the kernel {max(kernel):.0f} MB; one digest that is in it and one that is not"]
    return [row]
