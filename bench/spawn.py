"""What watching costs those who are watched: a loop of fork, exec and exit of the smallest program."""

from __future__ import annotations

from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from statistics import median

from bench import bpftrace
from bench.build import folder, need, program
from bench.process import RINGWARD, Watched, count, run, watched
from bench.row import Row, spread
from bench.turns import beside, middle, nobody

LOOPS = 3000
TURNS = 8
"""As many for each round asked for."""
GOAL = 1.05


def loop(watcher: str) -> tuple[float, int]:
    """Return microseconds a loop, and how many execs of it the watcher printed; "": nobody watches."""
    found: AbstractContextManager[Watched] = nobody()
    if watcher == "ringward":
        found = watched(folder(), (*RINGWARD, "watch", "--output", "jsonl"), '"state":"attached"', watcher)
    elif watcher == "bpftrace":
        command = bpftrace.command(need("bpftrace"), bpftrace.PROGRAMS)
        found = watched(folder(), command, bpftrace.READY, watcher)
    with found as one:
        nanoseconds = run(program("spawn"), LOOPS, program("tiny"))
        one.settle(0.5)
    return nanoseconds / LOOPS / 1000, count(one.out, _exec(watcher)) if watcher else LOOPS


def _exec(watcher: str) -> bytes:
    tiny = str(program("tiny"))
    return b'"process_exec"' if watcher == "ringward" else f" exec {tiny}".encode()


def measure(rounds: int) -> list[Row]:
    """Measure the loop with Ringward's default events and with bpftrace, each beside loops that nobody watched."""
    row = Row("fork, exec, exit of a tiny static program, watched / not", f"at most {GOAL} times")
    seen: dict[str, list[int]] = {"ringward": [], "bpftrace": []}

    def counted(watcher: str) -> float:
        each, printed = loop(watcher)
        seen[watcher].append(printed)
        return each

    turns = TURNS * rounds
    alone, found = beside(lambda: loop("")[0], {name: partial(counted, name) for name in seen}, turns)
    times = {name: [each / base for each, base in pairs] for name, pairs in found.items()}
    ratio = {name: median(values) for name, values in times.items()}
    row.ours, row.peer = f"{ratio['ringward']:.3f}", f"{ratio['bpftrace']:.3f}"
    row.reached = ratio["ringward"] <= GOAL
    row.notes = [
        (
            f"{turns} times in turn, {LOOPS} loops each, beside as many just before and after that nobody"
            f" watched: {spread(alone, 0)} microseconds; times as long, the middle half:"
            f" {', '.join(f'{name} {middle(values, 3)}' for name, values in times.items())}"
        )
    ]
    short = [f"{name} {min(values)}" for name, values in seen.items() if min(values) < LOOPS]
    if short:
        row.void = f"not all of {LOOPS} execs were printed: {', '.join(short)}"
    return [row]


def tiny() -> Path:
    """Return the smallest program."""
    return program("tiny")
