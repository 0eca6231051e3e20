"""How long until something is seen: of `ringward watch`, and of `ringward --version`."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from statistics import median

from bench.process import RINGWARD
from bench.row import Row, spread
from ringward.sensor import _native

FIRST = 1.0
VERSION = 2.5
VERSIONS = 15
"""Starts of each of the two programs in one round."""


def first_event() -> float:
    """Return seconds from the start of `ringward watch` to its first line about a call that goes on all the time."""
    stop = threading.Event()

    def provoke() -> None:
        while not stop.is_set():
            _native.raw_syscall(174, 0, 0, 0, 0, 0)
            time.sleep(0.002)

    caller = threading.Thread(target=provoke)
    caller.start()
    try:
        start = time.perf_counter()
        with subprocess.Popen(
            (*RINGWARD, "watch", "--output", "jsonl"), stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as watch:
            assert watch.stdout
            for line in watch.stdout:
                if b'"event":"create_module"' in line:
                    return time.perf_counter() - start
            assert watch.stderr
            raise RuntimeError(f"no event: {watch.stderr.read().decode()}")
    finally:
        stop.set()
        caller.join()
        watch.terminate()


def once(*command: str) -> float:
    """Return seconds of one run."""
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def measure(rounds: int) -> list[Row]:
    """Measure both."""
    first = Row("start to first event, seconds", f"at most {FIRST:g}")
    times = [first_event() for _ in range(rounds)]
    first.ours, first.reached = f"{median(times):.2f}", median(times) <= FIRST
    first.notes = [f"`ringward watch` with its default events, {rounds} starts: {spread(times)}"]

    version = Row("`ringward --version` / `python3 -c pass`", f"at most {VERSION:g} times")
    ours, bare = [], []
    for _ in range(rounds * VERSIONS):
        bare.append(once(sys.executable, "-c", "pass"))
        ours.append(once(*RINGWARD, "--version"))
    version.ours = f"{median(ours) / median(bare):.2f}"
    version.reached = median(ours) / median(bare) <= VERSION
    version.notes = [
        (
            f"milliseconds: {spread([t * 1e3 for t in ours], 1)}, bare {spread([t * 1e3 for t in bare], 1)};"
            f" {len(ours)} of each in turn, the same Python"
        )
    ]
    return [first, version]
