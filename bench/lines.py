"""Lines per second of processor time, and up to which rate nothing is lost."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from statistics import median

from bench import bpftrace
from bench.build import folder, need, program
from bench.process import RINGWARD, Cpu, Watched, count, run, watched
from bench.row import CannotMeasureError, Row, spread

CALLS = 300_000
RATE = 100_000
"""Calls a second while the time is measured: neither program loses any at this rate, or the row is void."""
RATES = (50_000, 100_000, 150_000, 200_000)
MILLION = 1_000_000
_WORD = {"ringward": b'"event":"create_module"', "bpftrace": b" create_module name=module_"}


@dataclass
class Run:
    """One program through one flood of calls."""

    lines: int
    cpu: Cpu
    said: str
    seconds: float

    @property
    def rate(self) -> float:
        """Calls a second that were really made."""
        return CALLS / self.seconds


def ringward(*options: str) -> AbstractContextManager[Watched]:
    """Start Ringward on create_module alone."""
    command = (*RINGWARD, "watch", "create_module", "--output", "jsonl", *options)
    return watched(folder(), command, '"state":"attached"', "ringward")


def peer() -> AbstractContextManager[Watched]:
    """Start bpftrace on the same calls."""
    return watched(folder(), bpftrace.command(need("bpftrace"), bpftrace.CALLS), bpftrace.READY, "bpftrace")


def flood(name: str, start: Callable[[], AbstractContextManager[Watched]], calls: int, rate: int) -> Run:
    """Make calls while a program watches; return what it wrote and what it used for them."""
    with start() as one:
        before = one.cpu()
        # What is there already are Ringward's own canaries.
        own = count(one.out, _WORD[name])
        nanoseconds = run(program("calls"), calls, rate)
        one.settle()
        cpu = one.cpu() - before
        said = one.end()
    return Run(count(one.out, _WORD[name]) - own, cpu, said, nanoseconds / 1e9)


def measure(rounds: int) -> list[Row]:
    """Measure lines per second of processor time beside bpftrace, one program after the other."""
    rows = [
        Row("JSON lines per CPU second, user time", "at least bpftrace's text lines"),
        Row("JSON lines per CPU second, user and system", "at least bpftrace's text lines"),
    ]
    ours: list[Run] = []
    theirs: list[Run] = []
    for number in range(rounds):
        pair: list[tuple[str, Callable[[], AbstractContextManager[Watched]], list[Run]]] = [
            ("ringward", ringward, ours),
            ("bpftrace", peer, theirs),
        ]
        for name, start, runs in pair if number % 2 == 0 else reversed(pair):
            runs.append(flood(name, start, CALLS, RATE))
    short = [
        f"{name} {run.lines:,}"
        for name, runs in (("ringward", ours), ("bpftrace", theirs))
        for run in runs
        if run.lines != CALLS
    ]
    for row, of in zip(rows, ("user", "total"), strict=True):
        a, b = ([run.lines / getattr(run.cpu, of) for run in runs] for runs in (ours, theirs))
        row.ours, row.peer = f"{median(a):,.0f}", f"{median(b):,.0f}"
        row.reached = median(a) >= median(b)
        row.notes = [
            (
                f"{CALLS:,} calls at {RATE:,} a second, each with another name; {rounds} rounds in turn;"
                f" thousands of lines, lowest to highest: {spread([x / 1e3 for x in a], 0)},"
                f" bpftrace {spread([x / 1e3 for x in b], 0)};"
                f" a line has {_length('ringward')} bytes, bpftrace's {_length('bpftrace')}"
            )
        ]
        if short:
            row.void = f"not all of {CALLS:,} calls were printed: {', '.join(short)}"
    return rows


def _length(name: str) -> int:
    path = folder() / f"{name}.out"
    return path.stat().st_size // max(count(path, _WORD[name]), 1)


def measure_million(rounds: int) -> list[Row]:  # noqa: ARG001 - one round of a million is enough
    """Decode a million calls, filter them by an argument, and count."""
    row = Row("a million calls decoded and filtered by an argument", "none lost")
    wanted = "module_000*"
    found = flood("ringward", lambda: ringward("--arg", f"name={wanted}"), MILLION, RATE)
    shown, filtered, lost = summary(found.said)
    row.ours = f"{found.lines:,} shown, {filtered:,} filtered, {lost:,} lost"
    row.reached = lost == 0 and found.lines == 0x1000 and found.lines + filtered >= MILLION
    row.notes = [
        (
            f"{MILLION / found.seconds:,.0f} calls a second;"
            f" {found.cpu.total / MILLION * 1e6:.2f} us of processor time a call;"
            f" {shown:,} shown by its own count"
        )
    ]
    return [row]


def summary(said: str) -> tuple[int, int, int]:
    """Return shown, filtered and lost of Ringward's last line.

    Raises:
        RuntimeError: there is none.

    """
    found = re.search(r"(\d+) events? shown.*?, (\d+) filtered, (\d+) lost", said)
    if not found:
        raise RuntimeError(f"no summary in: {said[-300:]}")
    shown, filtered, lost = map(int, found.groups())
    return shown, filtered, lost


def measure_loss(rounds: int) -> list[Row]:
    """Find the rate up to which no call is lost."""
    row = Row("calls a second without a loss", f"{RATES[-1]:,}")
    best, notes = {}, []
    for name, start in _programs():
        best[name] = 0
        for rate in RATES:
            runs = [flood(name, start, CALLS, rate) for _ in range(min(rounds, 3))]
            missing = [CALLS - run.lines for run in runs]
            if name == "ringward":
                _check(runs)
            slow = min(run.rate for run in runs)
            notes.append(
                f"{name} at {rate:,}: {', '.join(f'{n:,}' for n in missing)} of {CALLS:,} missing"
                + (f"; only {slow:,.0f} calls a second were made" if slow < rate * 0.98 else "")
            )
            if sorted(missing)[len(missing) // 2] == 0 and slow >= rate * 0.98:
                best[name] = rate
            else:
                break
    row.ours = f"{best['ringward']:,}"
    row.peer = f"{best['bpftrace']:,}" if "bpftrace" in best else ""
    row.reached = best["ringward"] >= RATES[-1]
    row.notes = notes
    return [row]


def _programs() -> Iterator[tuple[str, Callable[[], AbstractContextManager[Watched]]]]:
    yield "ringward", ringward
    try:
        need("bpftrace")
    except CannotMeasureError:
        return
    yield "bpftrace", peer


def _check(runs: list[Run]) -> None:
    """Compare what is missing with what Ringward says that it lost.

    Raises:
        RuntimeError: a loss that it does not know of.

    """
    for one in runs:
        lost = summary(one.said)[2]
        if one.lines < CALLS and not lost:
            raise RuntimeError(f"{CALLS - one.lines} calls are missing and Ringward says that none was lost")
