"""How fast the trust database is made, beside sha256sum on the same files, and how fast its digests are read."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

from bench.build import folder, need
from bench.database import make_database
from bench.process import RINGWARD
from bench.row import CannotMeasureError, Row, spread

GOAL = 0.8
COUNT = 200_000
MOST_SECONDS, MOST_MEGABYTES = 1.0, 80
LOAD = """
import sys, time
from pathlib import Path
from ringward.trust.resolve_rules import resolve
from ringward.trust.store import open_store
before = time.perf_counter()
found = resolve(open_store(sys.argv[1]).connection, ())
seconds = time.perf_counter() - before
# Not ru_maxrss, which an exec takes over from the process that forked.
(most,) = (line.split()[1] for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM:"))
print(seconds, int(most) * 1024, len(found.known))
"""


def init(database: Path) -> tuple[float, dict[str, str]]:
    """Return the seconds of one run, and what it found: path -> SHA-256 of the file."""
    start = time.perf_counter()
    command = [*RINGWARD, "trust", "init", "--json", "--database", str(database)]
    done = subprocess.run(command, capture_output=True, check=False)
    seconds = time.perf_counter() - start
    if done.returncode not in {0, 3}:
        raise CannotMeasureError(f"trust init ended with {done.returncode}: {done.stderr.decode()[-300:]}")
    document = json.loads(done.stdout)
    found = [*document["added"], *document["waiting"]]
    return seconds, {
        one["path"]: one["digest"] for one in found if one["kind"] != "module image" or ".ko" in one["path"]
    }


def sums(paths: bytes) -> tuple[float, dict[str, str]]:
    """Return the seconds that sha256sum takes for paths that end in NUL, and what it found."""
    start = time.perf_counter()
    command = ["xargs", "-0", "-P", str(os.cpu_count()), "-n", "32", need("sha256sum"), "--"]
    done = subprocess.run(command, input=paths, capture_output=True, check=True)
    seconds = time.perf_counter() - start
    return seconds, {line[66:]: line[:64] for line in done.stdout.decode("utf-8", "surrogateescape").splitlines()}


def speed(rounds: int) -> Row:
    """Measure `trust init` without a database, beside sha256sum."""
    row = Row("`trust init`, MB/s / sha256sum under xargs -P, the same files", f"at least {GOAL:g} times")
    database = folder() / "trust.db"
    _, found = init(database)  # and the files are in memory
    again, _ = init(database)
    # The same bytes at several paths wait once; what is not told was read all the same.
    paths = [path for path in found if Path(path).is_file()]
    data = "".join(f"{path}\0" for path in paths).encode("utf-8", "surrogateescape")
    size = sum(Path(path).stat().st_size for path in paths)
    times: dict[str, list[float]] = {"ringward": [], "sha256sum": []}
    for number in range(rounds):
        for name in list(times)[:: -1 if number % 2 else 1]:
            if name == "ringward":
                for ending in ("", ".good"):
                    Path(f"{database}{ending}").unlink()
                seconds, ours = init(database)
            else:
                seconds, told = sums(data)
            times[name].append(seconds)
    if any(ours[path] != digest for path, digest in told.items() if path in ours) or len(told) != len(paths):
        row.void = "the digests differ"
    rate = {name: size / median(seconds) / 1e6 for name, seconds in times.items()}
    row.ours, row.peer = f"{rate['ringward']:.0f}", f"{rate['sha256sum']:.0f}"
    row.reached = rate["ringward"] / rate["sha256sum"] >= GOAL
    row.notes = [
        f"{len(paths):,} files, {size / 1e6:,.0f} MB, {rounds} rounds in turn, {os.cpu_count()} processors; seconds: "
        + ", ".join(f"{name} {spread(seconds)}" for name, seconds in times.items()),
        (
            "Ringward's time is that of the whole command: it finds these files among all others, computes the MD5"
            " that dpkg has of them, too, and writes the database and its copy"
        ),
        f"again, with nothing changed: {again:.2f} s",
    ]
    return row


def load(rounds: int) -> Row:
    """Measure the way of 200,000 digests from the file to a packed array."""
    row = Row(f"{COUNT:,} digests read from the database, seconds", f"at most {MOST_SECONDS:g}, {MOST_MEGABYTES} MB")
    database = folder() / "large.db"
    make_database(database, (os.urandom(32) for _ in range(COUNT)))
    seconds, sizes = [], []
    for _ in range(rounds):
        done = subprocess.run([sys.executable, "-c", LOAD, database], capture_output=True, text=True, check=True)
        took, size, count = map(float, done.stdout.split())
        if count != COUNT:
            row.void = f"{count:.0f} were read"
        seconds.append(took)
        sizes.append(size / 1e6)
    row.ours = f"{median(seconds):.2f}"
    row.reached = median(seconds) <= MOST_SECONDS and max(sizes) <= MOST_MEGABYTES
    row.notes = [
        (
            f"{rounds} starts; seconds {spread(seconds)}, the check of the whole file included; at most"
            f" {max(sizes):.0f} MB resident; the file has {database.stat().st_size / 1e6:.0f} MB"
        )
    ]
    return row


def measure(rounds: int) -> list[Row]:
    """Measure both."""
    return [speed(rounds), load(rounds)]
