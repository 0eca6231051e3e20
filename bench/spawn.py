"""What watching costs those who are watched: a loop of fork, exec and exit of the smallest program."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from statistics import median

from bench import bpftrace
from bench.build import folder, need, program
from bench.process import RINGWARD, count, run, watched
from bench.row import Row, spread

LOOPS = 3000
GOAL = 1.05


def loop(watcher: str) -> tuple[float, int]:
    """Return microseconds a loop, and how many execs of it the watcher printed."""
    with ExitStack() as stack:
        one = None
        if watcher == "ringward":
            command = (*RINGWARD, "watch", "--output", "jsonl")
            one = stack.enter_context(watched(folder(), command, '"state":"attached"', watcher))
        elif watcher == "bpftrace":
            command = bpftrace.command(need("bpftrace"), bpftrace.PROGRAMS)
            one = stack.enter_context(watched(folder(), command, bpftrace.READY, watcher))
        nanoseconds = run(program("spawn"), LOOPS, program("tiny"))
        if one:
            one.settle(0.5)
    return nanoseconds / LOOPS / 1000, count(one.out, _exec(watcher)) if one else LOOPS


def _exec(watcher: str) -> bytes:
    tiny = str(program("tiny"))
    return b'"process_exec"' if watcher == "ringward" else f" exec {tiny}".encode()


def measure(rounds: int) -> list[Row]:
    """Measure the loop without, with Ringward's default events, and with bpftrace, in turn."""
    row = Row("fork, exec, exit of a tiny static program, watched / not", f"at most {GOAL} times")
    times: dict[str, list[float]] = {"": [], "ringward": [], "bpftrace": []}
    seen: dict[str, list[int]] = {"": [], "ringward": [], "bpftrace": []}
    order = list(times)
    for number in range(rounds):
        for watcher in order[number % 3 :] + order[: number % 3]:
            each, printed = loop(watcher)
            times[watcher].append(each)
            seen[watcher].append(printed)
    base = median(times[""])
    ratio = {watcher: median(values) / base for watcher, values in times.items()}
    row.ours, row.peer = f"{ratio['ringward']:.3f}", f"{ratio['bpftrace']:.3f}"
    row.reached = ratio["ringward"] <= GOAL
    row.notes = [
        (
            f"{rounds} rounds of {LOOPS} in turn; microseconds a loop:"
            f" {', '.join(f'{name or chr(45)} {spread(values, 1)}' for name, values in times.items())}"
        )
    ]
    short = [f"{name} {min(values)}" for name, values in seen.items() if min(values) < LOOPS]
    if short:
        row.void = f"not all of {LOOPS} execs were printed: {', '.join(short)}"
    return [row]


def tiny() -> Path:
    """Return the smallest program."""
    return program("tiny")
