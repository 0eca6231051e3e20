"""What watching costs those who are watched: a loop of fork, exec and exit of the smallest program."""

from __future__ import annotations

import sys
from pathlib import Path
from statistics import fmean, median, quantiles

from bench import bpftrace
from bench.build import folder, need, program
from bench.process import RINGWARD, count, run, watched
from bench.row import Row, spread

LOOPS = 3000
TURNS = 8
"""As many for each round asked for."""
GOAL = 1.05


NOBODY = (sys.executable, "-c", "import signal; print('ready', flush=True); signal.pause()")
"""In the place of a watcher: started, waited for and ended as one is, so that watching is all that differs. A loop just
after another is faster than one after the idle second in which a watcher starts, by more than watching adds."""


def loop(watcher: str) -> tuple[float, int]:
    """Return microseconds a loop, and how many execs of it the watcher printed; "": nobody watches."""
    command, ready = NOBODY, "ready"
    if watcher == "ringward":
        command, ready = (*RINGWARD, "watch", "--output", "jsonl"), '"state":"attached"'
    elif watcher == "bpftrace":
        command, ready = tuple(bpftrace.command(need("bpftrace"), bpftrace.PROGRAMS)), bpftrace.READY
    with watched(folder(), command, ready, watcher or "nobody") as one:
        nanoseconds = run(program("spawn"), LOOPS, program("tiny"))
        one.settle(0.5)
    return nanoseconds / LOOPS / 1000, count(one.out, _exec(watcher)) if watcher else LOOPS


def _exec(watcher: str) -> bytes:
    tiny = str(program("tiny"))
    return b'"process_exec"' if watcher == "ringward" else f" exec {tiny}".encode()


def measure(rounds: int) -> list[Row]:
    """Measure the loop with Ringward's default events and with bpftrace, each beside the loops just before and after.

    A virtual machine becomes slower and faster by itself, by more than watching adds: neighbours in time show what is
    added, the medians of a whole run do not.
    """
    row = Row("fork, exec, exit of a tiny static program, watched / not", f"at most {GOAL} times")
    alone = [loop("")[0]]
    times: dict[str, list[float]] = {"ringward": [], "bpftrace": []}
    seen: dict[str, list[int]] = {"ringward": [], "bpftrace": []}
    for _ in range(TURNS * rounds):
        for watcher, found in times.items():
            each, printed = loop(watcher)
            alone.append(loop("")[0])
            found.append(each / fmean(alone[-2:]))
            seen[watcher].append(printed)
    ratio = {watcher: median(values) for watcher, values in times.items()}
    row.ours, row.peer = f"{ratio['ringward']:.3f}", f"{ratio['bpftrace']:.3f}"
    row.reached = ratio["ringward"] <= GOAL
    row.notes = [
        (
            f"{TURNS * rounds} times in turn, {LOOPS} loops each, beside as many just before and after that nobody"
            f" watched: {spread(alone, 0)} microseconds; times as long, the middle half:"
            f" {', '.join(f'{name} {_middle(values)}' for name, values in times.items())}"
        )
    ]
    short = [f"{name} {min(values)}" for name, values in seen.items() if min(values) < LOOPS]
    if short:
        row.void = f"not all of {LOOPS} execs were printed: {', '.join(short)}"
    return [row]


def _middle(values: list[float]) -> str:
    low, _, high = quantiles(values, n=4)
    return f"{low:.3f} to {high:.3f}"


def tiny() -> Path:
    """Return the smallest program."""
    return program("tiny")
