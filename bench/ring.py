"""What watching io_uring costs who uses it, beside perf trace on the same tracepoints."""

from __future__ import annotations

import subprocess
from statistics import median

from bench.build import folder, need, program
from bench.process import RINGWARD, count
from bench.row import CannotMeasureError, Row, spread

REQUESTS = 10_000
"""Of one loop: their records fit the ring at once, so that none is lost however slow the reader is."""
_TOLD = {"ringward": b'"operation":"NOP"', "perf": b"io_uring_complete("}
_EVENTS = "io_uring:io_uring_submit_req,io_uring:io_uring_complete"


def tracer(name: str) -> tuple[str, ...]:
    """Return the command before the program that is watched; its output goes to a file."""
    out = str(folder() / f"{name}.trace")
    if name == "ringward":
        return *RINGWARD, "watch", "-q", "-e", "io_uring", "--json", "-o", out, "--"
    return need("perf"), "trace", "--no-syscalls", "-e", _EVENTS, "-o", out


def watched_loop(name: str) -> tuple[float, int]:
    """Return nanoseconds a request of the loop, and how many were told; an empty name: nobody watches."""
    words = (*(tracer(name) if name else ()), str(program("ring")), str(REQUESTS), "1")
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        raise CannotMeasureError(f"{words[0]} ended with {done.returncode}: {done.stderr.strip()[-200:]}")
    return int(done.stdout) / REQUESTS, count(folder() / f"{name}.trace", _TOLD[name]) if name else 0


def measure(rounds: int) -> list[Row]:
    """Measure the loop without and with each tracer.

    Raises:
        CannotMeasureError: perf is not installed, or the kernel has no io_uring for this user.

    """
    row = Row("a loop of one request of io_uring, watched: nanoseconds added to each", "")
    names = ["", "ringward", "perf"]
    times: dict[str, list[float]] = {name: [] for name in names}
    told: list[int] = []
    for number in range(rounds):
        for name in names if number % 2 == 0 else reversed(names):
            each, seen = watched_loop(name)
            times[name].append(each)
            if name == "ringward":
                told.append(seen)
            elif name and seen != REQUESTS:
                row.notes.append(f"perf told {seen:,}")
    base = median(times[""])
    row.ours, row.peer = (f"{median(times[name]) - base:,.0f}" for name in names[1:])
    row.peer = f"perf trace {row.peer}"
    row.notes[:0] = [
        f"{rounds} rounds of {REQUESTS:,} NOP in turn, one io_uring_enter each; unwatched {spread(times[''], 0)} ns",
        *(f"{name} {spread(times[name], 0)}" for name in names[1:]),
        "perf has two lines for each, without the mark, the result and the process's context",
    ]
    if set(told) != {REQUESTS}:
        row.void = f"not {REQUESTS:,} requests were told: {told}"
    return [row]
