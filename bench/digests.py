"""How long the trusted digests take into the kernel, and what they cost there and in the process that writes them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from bench.build import folder
from bench.database import make_database
from bench.row import Row, spread

COUNT = 200_000
MOST_SECONDS, MOST_MEGABYTES = 2.0, 80.0
_ONE = """\
import os, re, sys, time
from ringward.guard.programs import _DIGEST, _ONE, _U32, SPARE, _packed, trusted
from ringward.guard.source import Source
from ringward.sensor import _native
source = Source(sys.argv[1], sys.argv[2], {}, frozenset())
began = time.perf_counter()
policy, digests = source.policy()
read = time.perf_counter()
keys = _packed(trusted(digests))
count = len(keys) // _DIGEST
fd = _native.map_hash("program_digests", _DIGEST, _U32.size, count + SPARE)
_native.map_fill(fd, keys, _ONE * count)
done = time.perf_counter()
assert _native.map_lookup(fd, keys[-32:]) == _ONE and _native.map_lookup(fd, bytes(32)) is None
kernel = int(re.search(r"^memlock:\\s+(\\d+)", open(f"/proc/self/fdinfo/{fd}").read(), re.M)[1])
(most,) = (line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM:"))
print(done - began, done - read, int(most) * 1024 / 1e6, kernel / 1e6, count)
"""


def measure(rounds: int) -> list[Row]:
    """Do what the guard does at a change of its database, each time in a new process.

    The map is as `ringward.guard.programs.KernelPrograms.know` makes it; no program is there to look into it.
    """
    row = Row(f"{COUNT:,} digests into the kernel", f"at most {MOST_SECONDS:.0f} s, {MOST_MEGABYTES:.0f} MB resident")
    database = folder() / "digests.db"
    make_database(database, [os.urandom(32) for _ in range(COUNT)])
    rules = folder() / "rules.d"
    rules.mkdir()
    found = []
    for _ in range(rounds):
        done = subprocess.run(
            [sys.executable, "-c", _ONE, database, rules],
            check=True,
            capture_output=True,
            text=True,
            cwd=Path(__file__).parent.parent,
            env=os.environ,
        )
        found.append([float(text) for text in done.stdout.split()])
    seconds, filling, resident, kernel, counts = (list(column) for column in zip(*found, strict=True))
    row.ours = f"{max(seconds):.2f} s, {max(resident) + max(kernel):.0f} MB"
    row.reached = max(seconds) <= MOST_SECONDS and max(resident) + max(kernel) <= MOST_MEGABYTES
    row.notes = [
        (
            f"{rounds} rounds; seconds from the database's file to the map {spread(seconds)}, of which in the kernel"
            f" {spread(filling, 3)}; of the process {max(resident):.0f} MB at most, of the map in the kernel"
            f" {max(kernel):.0f} MB; one digest that is in it and one that is not"
        )
    ]
    if set(counts) != {COUNT}:
        row.void = f"{min(counts):.0f} are in the kernel"
    return [row]
