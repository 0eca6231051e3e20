"""The summary of all system calls of the machine, at a million a second: what it costs, and whether it is exact."""

from __future__ import annotations

import subprocess
from statistics import median

from bench.build import folder, program
from bench.process import RINGWARD, watched
from bench.row import Row, spread

RATE, SECONDS, CALLERS = 1_000_000, 5, 2
GOAL = 5
"""Percent of a core, in user space."""
GOOD, BAD = "sched_get_priority_max", "sched_get_priority_min"


def lines(text: str) -> dict[str, list[str]]:
    """Return the words of each line of the summary, by the event."""
    return {words[-1]: words for words in map(str.split, text.splitlines()) if len(words) > 3}


def one_round() -> tuple[float, float, int, list[str]]:
    """Return percent of a core in user space, calls a second, how many were lost, and what was not equal."""
    command = (*RINGWARD, "watch", "calls", "-c")
    with watched(folder(), command, "", "summary") as one:
        # The loop begins when the programs are attached: nothing is said before the end.
        one.wait_for(lambda: one.cpu().total > 0.2, 30, "the start of ringward watch -c")
        one.settle(1.0, 3)
        before = one.cpu()
        words = (str(program("flood")), str(RATE * SECONDS // CALLERS), str(RATE // CALLERS))
        callers = [subprocess.Popen(words, stdout=subprocess.PIPE, text=True) for _ in range(CALLERS)]
        made = [map(int, caller.communicate()[0].split()) for caller in callers]
        calls, failed, times = zip(*made, strict=True)
        good, bad, took = sum(calls), sum(failed), max(times)
        used = one.cpu() - before
        said = one.end()
        told = lines(one.out.read_text())
    lost = int(said.rsplit(",", 1)[1].split()[0])
    found = {name: (told[name][3], told[name][4]) for name in (GOOD, BAD)}
    wrong = [] if found[GOOD][0] == str(good) and found[BAD] == (str(bad), str(bad)) else [f"{found}: {good}, {bad}"]
    return 100 * used.user / (took / 1e9), (good + bad) / (took / 1e9), lost, wrong


def measure(rounds: int) -> list[Row]:
    """Measure it."""
    row = Row(
        "`watch calls -c` of the machine at 1,000,000 calls a second: % of a core in user space", f"at most {GOAL}"
    )
    found = [one_round() for _ in range(rounds)]
    shares, rates, lost, wrong = zip(*found, strict=True)
    row.ours, row.reached = f"{median(shares):.1f}", median(shares) <= GOAL
    row.notes = [
        (
            f"{rounds} rounds of {SECONDS} s, {CALLERS} callers: {spread(list(shares), 1)}; {median(rates):,.0f} calls"
            " a second were made (sched_get_priority_max, and every fourth a failing sched_get_priority_min);"
            f" {sum(lost)} lost; calls and errors are those that the callers counted"
        )
    ]
    unequal = [text for one in wrong for text in one]
    if unequal or sum(lost):
        row.void = f"{sum(lost)} lost; not equal: {'; '.join(unequal) or 'none'}"
    if min(rates) < RATE * 0.95:
        row.void = f"only {min(rates):,.0f} calls a second were made"
    return [row]
