"""What watching calls costs on a kernel of Debian's, in a guest: beside perf trace and programs that do nothing.

``python -m bench.emulated ROUNDS FOLDER`` is what runs in the guest, as root; it prints its figures as JSON. FOLDER has
what is compiled, as an emulated guest takes long for it.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from statistics import median
from tempfile import mkdtemp

from bench import guest
from bench.build import bpf_object, clean, folder, need, program
from bench.process import run
from bench.row import Row, spread
from bench.syscalls import MADE, NOBODY, OF_PERF, OTHER, empty, filtering

CALLS, TIMES = 5_000, 8
FILTERS = {"another call": ("-e", OTHER), **{name: ("-e", MADE, *words) for name, words in NOBODY.items()}}


def prepare() -> Path:
    """Make what the guest needs; return the folder."""
    made = Path(mkdtemp(dir=folder()))
    shutil.copy(program("loop"), made / "loop")
    (made / "empty.bpf.o").write_bytes(bpf_object("empty"))
    return made


def by_perf(loop: Path) -> int:
    """Run the loop under perf trace, which watches for another call; return its nanoseconds."""
    command = (need("perf"), "trace", "-e", OTHER, "-o", "/dev/null", str(loop), str(CALLS), str(TIMES))
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def in_guest(rounds: int, made: Path) -> dict[str, list[float]]:
    """Return nanoseconds a call of the loop, by who watches it, of each round."""
    loop = made / "loop"
    ways: dict[str, Callable[[], AbstractContextManager[object]]] = {
        "unwatched": nullcontext,
        "empty programs": lambda: empty((made / "empty.bpf.o").read_bytes()),
        **{name: (lambda words=words: filtering(*words)) for name, words in FILTERS.items()},  # type: ignore[misc]
    }
    times: dict[str, list[float]] = {name: [] for name in (*ways, "perf trace")}
    for number in range(rounds):
        for name in ways if number % 2 == 0 else reversed(ways):
            with ways[name]():
                times[name].append(run(loop, str(CALLS), str(TIMES)) / CALLS)
        times["perf trace"].append(by_perf(loop) / CALLS)
    return times


def measure(rounds: int) -> list[Row]:
    """Measure in a guest.

    Raises:
        CannotMeasureError: a peer is not installed, or the guest did not run.

    """
    need("perf")
    made = prepare()
    times = guest.measured("bench.emulated", str(rounds), str(made))
    return rows(times)


def rows(times: dict[str, list[float]]) -> list[Row]:
    """Return the rows of what was measured, by who watches."""
    base = median(times["unwatched"])
    added = {name: median(values) - base for name, values in times.items()}
    note = f"nanoseconds a call, the shortest of {TIMES} times {CALLS:,} getppid(): " + ", ".join(
        f"{name} {spread(values, 0)}" for name, values in times.items()
    )
    beside = Row(
        f"a loop of one call, watched for another call: nanoseconds added to each, {guest.EMULATED}",
        f"at most 1/{OF_PERF} of perf trace",
        f"{added['another call']:,.0f}",
        f"perf {added['perf trace']:,.0f}",
        OF_PERF * added["another call"] <= added["perf trace"],
        [f"{len(times['unwatched'])} rounds in turn; {note}"],
    )
    filters = [added[name] / added["empty programs"] for name in NOBODY]
    ratio = Row(
        f"a call that a filter does not let pass: times what programs that do nothing add, {guest.EMULATED}",
        "",
        f"{min(filters):.1f} to {max(filters):.1f}",
        notes=["the figures are those of the row before"],
    )
    return [beside, ratio]


if __name__ == "__main__":
    try:
        print(json.dumps(in_guest(int(sys.argv[1]), Path(sys.argv[2]))))
    finally:
        clean()
