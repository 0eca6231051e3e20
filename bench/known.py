"""What the start of a known program costs under the guard, beside fapolicyd, in the same guest.

``python -m bench.known PART ROUNDS FOLDER`` is what runs in the guest, as root; it prints its figures as JSON.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from statistics import fmean, median

from bench import fapolicyd, guest
from bench.build import clean, need
from bench.guarded import guarded, own, prepare
from bench.process import count, run
from bench.row import Row, spread
from bench.turns import middle
from ringward.guard.programs import KernelPrograms

TIMES = 20
NAMES = ("nobody", "hooks", "ringward", "fapolicyd", "all")
"""Who looks at starts; `hooks`: the programs in the kernel alone, without the process that reads what they tell;
`ringward`: of programs alone; `all`: the guard of programs beside all that it judges by default."""
LOOPS, BATCHES = 100, 24
"""Of instructions: what happens now and then in a guest is in some of so many batches."""
TIMED = 500
"""Loops that are timed at once."""
AT_ONCE = 20
"""An emulated guest's time changes by half within seconds: the hooks are attached so often that they show."""
PAUSES, PAUSED = 100, 100
"""How often the guard's process is stopped and let go on, and the loops each time."""
SHARES = 5
"""How often its share of a processor is read, of four times `TIMED` loops: it looks about once a second."""

Found = dict[str, list[float]]


def loops(home: Path, number: int) -> float:
    """Return microseconds of one fork, exec, exit of a tiny static program, of so many of them."""
    return run(home / "spawn", str(number), home / "tiny") / number / 1000


def warm(home: Path) -> None:
    """Start both programs: what is hashed once is."""
    loops(home, 20)


def _kept() -> int:
    """Return how many starts the kernel part of the guard has answered by a kept digest."""
    told = subprocess.run(
        [need("bpftool"), "-j", "map", "dump", "name", "program_counts"], check=True, capture_output=True, text=True
    )
    (entry,) = json.loads(told.stdout)
    return sum(int(one["value"]["kept"]) for one in entry["formatted"]["values"])


class Starts:
    """A guest in which programs are started, with who looks at it in turn.

    Args:
        made: folder of `bench.guarded.prepare`.

    """

    def __init__(self, made: Path) -> None:
        # Where a program's memory lies decides how many page tables a fork copies: more than all that is measured here.
        Path("/proc/sys/kernel/randomize_va_space").write_text("0")
        self.home = Path("/opt/bench")
        self.home.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "none", str(self.home)], check=True)
        self._made = made
        programs = [Path(shutil.copy(made / name, self.home / name)) for name in ("spawn", "tiny")]
        self._known = [hashlib.sha256(path.read_bytes()).digest() for path in programs]
        fapolicyd.install(made / "fapolicyd", programs)
        self.found: Found = {}

    def add(self, name: str, value: float) -> None:
        """Note a figure."""
        self.found.setdefault(name, []).append(value)

    @contextmanager
    def hooks(self, at_once: int, wanted: int) -> Iterator[None]:
        """Attach the programs in the kernel, so many times; each is to judge as many starts."""
        each = [KernelPrograms(self._known) for _ in range(at_once)]
        try:
            yield
            self.add("judged", float(min(one.counts().kept for one in each) >= wanted))
        finally:
            for one in each:
                one.close()

    @contextmanager
    def guard(self, wanted: int, *options: str) -> Iterator[int]:
        """Run the guard of programs; it is to judge so many starts and to tell of none. Yield its pid."""
        with guarded(self._made, "small.db", "--programs", *options) as one:
            before = _kept()
            yield one.process.pid
            self.add("judged", float(_kept() - before >= wanted))
            one.settle()
            self.add("told", count(one.out, str(self.home).encode()))

    @contextmanager
    def fapolicyd(self, wanted: int) -> Iterator[None]:
        """Run fapolicyd; it is to decide as many starts, and deny none."""
        with fapolicyd.running(self._made, self.home):
            yield
        allowed, denied = fapolicyd.decided()
        self.add("judged", float(allowed + denied >= wanted))
        self.add("told", denied)

    def counted(self, rounds: int) -> Found:
        """Return microseconds a loop, where the clock counts instructions, by who looks."""
        wanted = LOOPS * BATCHES
        for number in range(rounds):
            for name in NAMES[number % len(NAMES) :] + NAMES[: number % len(NAMES)]:
                looking: dict[str, Callable[[], AbstractContextManager[object]]] = {
                    "nobody": nullcontext,
                    "hooks": lambda: self.hooks(1, wanted),
                    "ringward": lambda: self.guard(wanted, "--for", "none"),
                    "fapolicyd": lambda: self.fapolicyd(wanted),
                    "all": lambda: self.guard(wanted),
                }
                with looking[name]():
                    warm(self.home)
                    self.add(name, median(loops(self.home, LOOPS) for _ in range(BATCHES)))
        return self.found

    def timed(self, rounds: int) -> Found:
        """Return microseconds that a start takes longer than those just before and after, at which nobody looks."""
        before = self._time()
        for _ in range(rounds):
            for name, looking in (("hooks", self.hooks(AT_ONCE, TIMED)), ("fapolicyd", self.fapolicyd(TIMED))):
                with looking:
                    with_it = self._time()
                after = self._time()
                self.add("nobody", after)
                self.add(name, with_it - fmean((before, after)))
                before = after
        with self.guard(2 * PAUSES * PAUSED + 4 * SHARES * TIMED, "--for", "none") as pid:
            for number in range(PAUSES):
                # Once the one first, once the other: the guest becomes slower and faster by itself.
                signals = (signal.SIGCONT, signal.SIGSTOP) if number % 2 else (signal.SIGSTOP, signal.SIGCONT)
                each = {one: self._beside(pid, one) for one in signals}
                self.add("process", each[signal.SIGCONT] - each[signal.SIGSTOP])
            os.kill(pid, signal.SIGCONT)
            warm(self.home)
            for _ in range(SHARES):
                begin, used = time.monotonic(), _cpu(pid)
                loops(self.home, 4 * TIMED)
                self.add("cpu", (_cpu(pid) - used) / (time.monotonic() - begin))
        return self.found

    def _time(self, number: int = TIMED) -> float:
        warm(self.home)
        return loops(self.home, number)

    def _beside(self, pid: int, number: signal.Signals) -> float:
        """Send a process a signal, and return microseconds a loop."""
        os.kill(pid, number)
        return self._time(PAUSED)


def _cpu(pid: int) -> float:
    """Return milliseconds of processor time of all threads of a process (Documentation/scheduler/sched-stats.rst)."""
    return sum(int(task.read_text().split()[0]) for task in Path(f"/proc/{pid}/task").glob("*/schedstat")) / 1e6


def measure(rounds: int) -> list[Row]:
    """Boot a guest for times, and one for instructions.

    Raises:
        CannotMeasureError: something is missing, or the guest did not run.

    """
    need("bpftool")
    made = prepare()
    fapolicyd.unpack(made / "fapolicyd")
    timed = guest.measured("bench.known", "timed", str(2 * rounds), str(made))
    counted = guest.measured("bench.known", "counted", str(rounds), str(made), icount=True)
    return [timed_row(timed), counted_row(counted)]


def _middle(values: list[float]) -> str:
    return f"{median(values):.0f} (the middle half of {len(values)}: {middle(values, 0)})"


def timed_row(found: Found) -> Row:
    """Return the row of what the start of a known program takes longer."""
    row = Row(
        f"added to a start of a known program by the guard's hooks, microseconds, {guest.EMULATED}",
        f"{TIMES} times less than fapolicyd adds",
    )
    each = [value / AT_ONCE for value in found["hooks"]]
    ours, theirs = median(each), median(found["fapolicyd"])
    row.ours, row.peer = f"{ours:.0f}", f"{theirs:.0f}"
    share = median(found["cpu"]) / 1000
    lost = share * median(found["nobody"])
    row.reached = theirs >= TIMES * (max(ours, 0) + lost)
    row.notes = [
        (
            f"{len(each)} times in turn, {TIMED} fork, exec, exit of a tiny static program on tmpfs, addresses not"
            " randomized; what they take longer than those just before and after, at which nobody looks:"
            f" {_middle(found['nobody'])} microseconds each"
        ),
        (
            f"the guard's programs in the kernel were attached {AT_ONCE} times at once, and a {AT_ONCE}th of what"
            f" that adds is told: such a guest's time changes by more within seconds than they add; {_middle(each)}"
        ),
        (
            f"fapolicyd {fapolicyd.VERSION}: permissive, integrity = sha256, trust = file, both programs in it;"
            f" {_middle(found['fapolicyd'])}; {theirs / max(ours, 1):.0f} times as much"
        ),
        (
            "besides, the guard's process is told of no known program and looks about once a second, however many are"
            f" started: {share:.1%} of one of the guest's two processors, {lost:.0f} microseconds of each start if all"
            f" of it were taken from them; {theirs / max(ours + lost, 1):.0f} times as much; starts beside it take"
            f" {_middle(found['process'])} microseconds longer than while it is stopped"
        ),
    ]
    row.void = void_of(found)
    return row


def counted_row(found: Found) -> Row:
    """Return the row of how many more instructions the start of a known program takes."""
    row = Row(
        f"added to a start of a known program, instructions of the whole machine, {guest.EMULATED}",
        f"{TIMES} times less than fapolicyd adds",
    )
    base, *others = (1000 * median(found[name]) for name in NAMES)
    hooks, ours, theirs, every = (value - base for value in others)
    row.ours, row.peer = f"{ours:,.0f}", f"{theirs:,.0f}"
    row.reached = theirs >= TIMES * max(ours, 0)
    row.notes = [
        (
            f"loops as in the row above, on one processor whose clock counts them (QEMU's -icount):"
            f" {len(found['nobody'])} rounds in turn, of each the median of {BATCHES} times {LOOPS}; thousands a loop:"
            f" {', '.join(f'{one} {spread(found[one], 1)}' for one in NAMES)}"
        ),
        (
            f"`--programs --for none`: fapolicyd adds {theirs / max(ours, 1):.1f} times as many; the hooks alone add"
            f" {hooks:,.0f}, the rest is the process that reads what they tell and looks for changes"
        ),
        (
            f"with all that the guard judges by default it adds {every:,.0f}, fapolicyd {theirs / max(every, 1):.1f}"
            " times as many: each system call passes a hook for the calls that Linux has not any more, each open"
            " that of its own files"
        ),
    ]
    row.void = void_of(found)
    return row


def void_of(found: Found) -> str | None:
    """Return why starts were measured that are not alike, None where they are."""
    short, told = found["judged"].count(0), sum(found["told"])
    if not short and not told:
        return None
    return f"not every start was judged in {short} of {len(found['judged'])} measurements; told of {told:.0f} or denied"


if __name__ == "__main__":
    try:
        starts = Starts(own(Path(sys.argv[3])))
        print(json.dumps((starts.timed if sys.argv[1] == "timed" else starts.counted)(int(sys.argv[2]))))
    finally:
        clean()
