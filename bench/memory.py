"""Resident memory after an hour's events."""

from __future__ import annotations

from bench.build import folder, program
from bench.lines import summary
from bench.process import RINGWARD, run, watched
from bench.row import Row

GOAL = 60
SPAWNS, BATCHES, CALLS = 20_000, 10, 60_000


def measure(rounds: int) -> list[Row]:  # noqa: ARG001 - one long run
    """Watch a million events of many short processes, and a few that make many calls."""
    row = Row("resident memory after a million events, MB", f"at most {GOAL}")
    grown = []
    command = (*RINGWARD, "watch", "all", "--output", "jsonl")
    with watched(folder(), command, '"state":"attached"', "ringward", keep=False) as one:
        start = one.memory()
        for _ in range(BATCHES):
            run(program("spawn"), SPAWNS // 10, program("tiny"))
            for _ in range(9):
                run(program("spawn"), SPAWNS // 10, program("tiny"))
            run(program("calls"), CALLS, 50_000)
            one.settle()
            one.out.write_bytes(b"")
            grown.append(one.memory())
        most = one.memory("VmHWM")
        said = one.end()
    shown, _filtered, lost = summary(said)
    row.ours = f"{grown[-1]:.0f}"
    row.reached = grown[-1] <= GOAL
    row.notes = [
        (
            f"{shown:,} events shown ({SPAWNS * BATCHES:,} processes, {CALLS * BATCHES:,} calls), {lost:,} lost;"
            f" at the start {start:.0f}, then {', '.join(f'{mb:.0f}' for mb in grown)}; the most was {most:.0f};"
            " MB of 10^6 bytes"
        )
    ]
    return [row]
