"""What watching system calls costs who makes them: beside strace and perf trace, and when nothing is let pass."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from statistics import median

from bench.build import bpf_object, folder, need, program
from bench.process import RINGWARD, count, run, watched
from bench.row import CannotMeasureError, Row, spread
from bench.turns import beside, middle, nobody
from ringward.sensor import _native

CALLS = 15_000
"""Of one loop: their records fit the ring at once, so that none is lost however slow the reader is."""
MADE, OTHER = "getppid", "mkdirat"
OF_STRACE, OF_PERF = 10, 2
FILTERED_CALLS, TIMES = 50_000, 12
TURNS = 4
"""As many for each round asked for."""
GOAL_NS = 100
NOBODY = {"another process": ("-p", "1"), "another user": ("--uid", "65533"), "another name": ("--comm", "no-such")}


def tracer(name: str, call: str) -> tuple[str, ...]:
    """Return the command before the program that is watched for a call; its output goes to a file."""
    out = str(folder() / f"{name}.trace")
    if name == "ringward":
        return *RINGWARD, "watch", "-q", "-e", call, "--json", "-o", out, "--"
    if name == "strace":
        return need("strace"), "-f", "-e", f"trace={call}", "-o", out
    return need("perf"), "trace", "-e", call, "-o", out


def watched_loop(name: str, call: str) -> tuple[float, int]:
    """Return nanoseconds a call of the loop, and how many of its calls were told; an empty name: nobody watches."""
    words = (*(tracer(name, call) if name else ()), str(program("loop")), str(CALLS), "1")
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        raise CannotMeasureError(f"{words[0]} ended with {done.returncode}: {done.stderr.strip()[-200:]}")
    told = count(folder() / f"{name}.trace", b'"event":"getppid"' if name == "ringward" else b"getppid(") if name else 0
    return int(done.stdout) / CALLS, told


def measure(rounds: int) -> list[Row]:
    """Measure the loop without, and with each tracer, watched for its call and for another.

    Raises:
        CannotMeasureError: a peer is not installed.

    """
    return [_beside(rounds, MADE, "that call"), _beside(rounds, OTHER, "another call")]


def _beside(rounds: int, call: str, what: str) -> Row:
    row = Row(
        f"a loop of one call, watched for {what}: nanoseconds added to each",
        f"at most 1/{OF_STRACE} of strace -f, 1/{OF_PERF} of perf trace",
    )
    names = ["", "ringward", "strace", "perf"]
    times: dict[str, list[float]] = {name: [] for name in names}
    told: dict[str, list[int]] = {name: [] for name in names}
    for number in range(rounds):
        for name in names if number % 2 == 0 else reversed(names):
            each, seen = watched_loop(name, call)
            times[name].append(each)
            told[name].append(seen)
    base = median(times[""])
    added = {name: median(values) - base for name, values in times.items()}
    row.ours, row.peer = f"{added['ringward']:,.0f}", f"strace {added['strace']:,.0f}, perf {added['perf']:,.0f}"
    row.reached = OF_STRACE * added["ringward"] <= added["strace"] and OF_PERF * added["ringward"] <= added["perf"]
    row.notes = [
        f"{rounds} rounds of {CALLS:,} getppid() in turn; nanoseconds a call: unwatched {spread(times[''], 0)}",
        *(f"{name} {spread(times[name], 0)}, told {min(told[name]):,}" for name in names[1:]),
    ]
    expected = CALLS if call == MADE else 0
    if set(told["ringward"]) | set(told["strace"]) != {expected}:
        row.void = f"not {expected:,} calls were told: ringward {told['ringward']}, strace {told['strace']}"
    return row


@contextmanager
def empty(built: bytes | None = None) -> Iterator[None]:
    """Attach programs that do nothing to both tracepoints; `built`: bench/empty.bpf.c; None: it is compiled."""
    obj = _native.Object("bench_empty", built or bpf_object("empty"))
    links = []
    try:
        obj.load()
        links = [obj.attach(name) for name in ("empty_sys_enter", "empty_sys_exit")]
        yield
    except _native.BpfError as error:
        raise CannotMeasureError(f"the kernel refuses bench/empty.bpf.c: {error.args[1]}") from None
    finally:
        for link in links:
            link.close()
        obj.close()
        time.sleep(0.5)  # the kernel takes them off the tracepoint a little later


def filtering(*words: str) -> AbstractContextManager[object]:
    """Watch with filters that let nothing of the loop pass."""
    command = (*RINGWARD, "watch", "--output", "jsonl", *words)
    return watched(folder(), command, '"state":"attached"', "ringward")


def measure_filter(rounds: int) -> list[Row]:
    """Measure what a call costs that is watched and not let pass, beside programs that do nothing."""
    row = Row("a call that a filter does not let pass: nanoseconds added", f"at most {GOAL_NS}")
    ways: dict[str, Callable[[], AbstractContextManager[object]]] = {
        "empty programs": empty,
        "another call": lambda: filtering("-e", OTHER),
        **{name: (lambda words=words: filtering("-e", MADE, *words)) for name, words in NOBODY.items()},  # type: ignore[misc]
    }

    def call(way: Callable[[], AbstractContextManager[object]]) -> float:
        with way():
            return run(program("loop"), str(FILTERED_CALLS), str(TIMES)) / FILTERED_CALLS

    turns = TURNS * rounds
    alone, found = beside(lambda: call(nobody), {name: partial(call, way) for name, way in ways.items()}, turns)
    times = {name: [each - base for each, base in pairs] for name, pairs in found.items()}
    added = {name: median(values) for name, values in times.items()}
    filters = {name: added[name] for name in (*NOBODY, "another call")}
    row.ours = f"{min(filters.values()):.0f} to {max(filters.values()):.0f}"
    row.peer = f"{added['empty programs']:.0f} (programs that do nothing)"
    row.reached = max(filters.values()) <= GOAL_NS
    row.notes = [
        (
            f"{turns} times in turn, the shortest of {TIMES} times {FILTERED_CALLS:,} getppid(), beside as many just"
            f" before and after that nobody watched: {spread(alone, 0)} nanoseconds a call; added, the middle half: "
            + ", ".join(f"{name} {added[name]:.0f} ({middle(values, 0)})" for name, values in times.items())
        ),
        (
            "in the best state of the machine, added to the least of them: "
            + ", ".join(f"{name} {min(each for each, _ in pairs) - min(alone):.0f}" for name, pairs in found.items())
        ),
        "the peer is the least that any program on sys_enter and sys_exit costs: the kernel leaves its fast way",
    ]
    return [row]
