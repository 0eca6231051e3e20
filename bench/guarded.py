"""What the guard costs, in a guest: loads of modules, starts of known programs beside fapolicyd, a large database.

``python -m bench.guarded PART ROUNDS FOLDER`` is what runs in the guest, as root; it prints its figures as JSON.
FOLDER is made before, as an emulated guest takes long for it.
"""

from __future__ import annotations

import ctypes
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from statistics import median
from tempfile import mkdtemp
from typing import Any

from bench import fapolicyd, guest
from bench.build import clean, folder, need, program
from bench.database import make_database
from bench.process import RINGWARD, Watched, count, run, watched
from bench.row import Row, spread
from bench.trees import tree_of
from ringward.guard.programs import KernelPrograms
from ringward.kmod.compression import decompress
from ringward.sensor import _native
from ringward.trust import rows as database
from ringward.trust.entry import Entry, Item, Who
from ringward.trust.store import open_store
from vmtest.kernels import KERNELS

COUNT = 200_000
MOST_MEGABYTES = 80
TIMES = 20
LOOPS, BATCHES = 100, 8
COUNTED = 24
"""Batches whose instructions are counted: what happens now and then in a guest is in some of them."""
LOADS = 15
MODULE = "dummy"
SIZES = (1 << 15, 1 << 18, 1 << 20, 1 << 22, 1 << 24)
"""Bytes. A module of the kernel's own, with zeros behind its end, which the kernel reads, and does nothing with."""
_FINIT, _DELETE = 313, 176  # arch/x86/entry/syscalls/syscall_64.tbl
_NAMES = ("nobody", "hooks", "ringward", "fapolicyd", "all")
"""Who looks at starts; `hooks`: the programs in the kernel alone, without the process that reads what they tell;
`ringward`: of programs alone; `all`: the guard of programs beside all that it judges by default."""


def prepare() -> Path:
    """Make what the guest needs; return the folder."""
    made = Path(mkdtemp(dir=folder()))
    kernel = next(kernel for kernel in KERNELS if kernel.name == guest.KERNEL)
    (module,) = tree_of(kernel).root.glob(f"**/{MODULE}.ko*")
    image = decompress(module.read_bytes(), str(module))
    digests = []
    for size in SIZES:
        padded = image.ljust(size, b"\0")
        (made / f"{size}.ko").write_bytes(padded)
        digests.append(hashlib.sha256(padded).digest())
    for name in ("spawn", "tiny"):
        shutil.copy(program(name), made / name)
        digests.append(hashlib.sha256((made / name).read_bytes()).digest())
    make_database(made / "small.db", digests)
    make_database(made / "large.db", [*digests, *(os.urandom(32) for _ in range(COUNT - len(digests)))])
    (made / "rules.d").mkdir()
    return made


@contextmanager
def guarded(made: Path, name: str, *options: str) -> Iterator[Watched]:
    """Run the guard in monitor with a database."""
    base = ("guard", "--mode", "monitor", "--database", str(made / name), "--rules", str(made / "rules.d"))
    command = (*RINGWARD, *base, "--output", "jsonl", *options)
    with watched(made, command, "ringward guard: mode monitor", "guard", seconds=120) as one:
        yield one


def load(path: Path) -> float:
    """Return the microseconds of a load, by finit_module(2) and back; the module is unloaded again."""
    empty, name = ctypes.create_string_buffer(b""), ctypes.create_string_buffer(MODULE.encode())
    with path.open("rb") as file:
        start = time.perf_counter_ns()
        result = _native.raw_syscall(_FINIT, file.fileno(), ctypes.addressof(empty), 0)
        taken = time.perf_counter_ns() - start
    gone = _native.raw_syscall(_DELETE, ctypes.addressof(name), os.O_NONBLOCK)
    if result or gone:
        raise RuntimeError(f"{path} was loaded with {result} and removed with {gone}")
    return taken / 1000


def loads(made: Path) -> dict[str, dict[str, list[float]]]:
    """Return the microseconds of loads by size, without and with the guard."""
    found: dict[str, dict[str, list[float]]] = {}
    for name in ("nobody", "ringward"):
        with guarded(made, "small.db") if name == "ringward" else nullcontext() as one:
            found[name] = {str(size): [load(made / f"{size}.ko") for _ in range(LOADS)] for size in SIZES}
            if one:
                one.settle()
                told = [json.loads(line) for line in one.out.read_text().splitlines()]
                mine = [event["args"] for event in told if event["event"] == "module_verdict"]
                judged = [args for args in mine if args["digest"] and args["verdict"] == "allow"]
                found["judged"] = {"": [float(len(judged))]}
    return found


def _kept() -> int:
    """Return how many starts the kernel part has answered by a kept digest."""
    told = subprocess.run(
        [need("bpftool"), "-j", "map", "dump", "name", "program_counts"], check=True, capture_output=True, text=True
    )
    (entry,) = json.loads(told.stdout)
    return sum(int(one["value"]["kept"]) for one in entry["formatted"]["values"])


def starts(made: Path, rounds: int, *, counted: bool) -> dict[str, list[float]]:
    """Return microseconds a loop of fork, exec and exit, and how many of them each watcher has judged.

    Args:
        made: folder.
        rounds: in turn.
        counted: the clock counts instructions.

    """
    # Where a program's memory lies decides how many page tables a fork copies: more than all that is measured here.
    Path("/proc/sys/kernel/randomize_va_space").write_text("0")
    home = Path("/opt/bench")
    home.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "none", str(home)], check=True)
    for name in ("spawn", "tiny"):
        shutil.copy(made / name, home / name)
    fapolicyd.install(made / "fapolicyd", [home / "spawn", home / "tiny"])
    found: dict[str, list[float]] = {name: [] for name in (*_NAMES, "kept", "told", "decided", "denied")}

    def loop() -> float:
        run(home / "spawn", "20", home / "tiny")  # what is hashed once is
        batches = COUNTED if counted else BATCHES
        each = [run(home / "spawn", str(LOOPS), home / "tiny") / LOOPS / 1000 for _ in range(batches)]
        # What disturbs an emulated guest makes all else longer; instructions are only disturbed by the guest's own.
        return median(each) if counted else min(each)

    for number in range(rounds):
        for name in _NAMES[number % len(_NAMES) :] + _NAMES[: number % len(_NAMES)]:
            if name == "nobody":
                found[name].append(loop())
            elif name == "hooks":
                known = [hashlib.sha256((home / one).read_bytes()).digest() for one in ("spawn", "tiny")]
                alone = KernelPrograms(known)
                found[name].append(loop())
                alone.close()
            elif name in ("ringward", "all"):
                with guarded(made, "small.db", "--programs", *(() if name == "all" else ("--for", "none"))) as one:
                    before = _kept()
                    found[name].append(loop())
                    found["kept"].append(_kept() - before)
                    one.settle()
                    found["told"].append(count(one.out, str(home).encode()))
            else:
                with fapolicyd.running(made, home):
                    found[name].append(loop())
                allowed, denied = fapolicyd.decided()
                found["decided"].append(allowed + denied)
                found["denied"].append(denied)
    return found


def large(made: Path) -> dict[str, float]:
    """Return the megabytes of the guard with a large database, and the seconds until it decides by a changed one."""
    with guarded(made, "large.db", "--programs") as one:
        first = one.memory("VmHWM")
        with open_store(str(made / "large.db"), write=True) as store, store.change() as connection:
            item = Item(os.urandom(32), "program", "/usr/lib/new", "p", "1")
            database.add(connection, [Entry(item, "dpkg", Who(None, 0, 0))])
        start = time.monotonic()
        one.wait_for(lambda: "decides by the changed policy" in one.err.read_text(), 300, "the changed policy")
        seconds = time.monotonic() - start
        return {"first": first, "most": one.memory("VmHWM"), "then": one.memory(), "seconds": seconds}


def in_guest(part: str, rounds: int, made: Path) -> dict[str, Any]:
    """Measure one part: `starts`, by time or by `instructions`, or the others."""
    # The guard writes to what it reads: in memory, and not by way of the host's files.
    own = Path("/run/made")
    shutil.copytree(made, own)
    if part in {"starts", "instructions"}:
        return {"starts": starts(own, rounds, counted=part == "instructions")}
    return {"loads": loads(own), "large": large(own)}


def measure(rounds: int) -> list[Row]:
    """Boot a guest for loads of modules, and a large database.

    Raises:
        CannotMeasureError: something is missing, or the guest did not run.

    """
    found = guest.measured("bench.guarded", "others", str(rounds), str(prepare()))
    return [load_row(found["loads"]), large_row(found["large"])]


def measure_starts(rounds: int) -> list[Row]:
    """Boot a guest for starts of programs.

    Raises:
        CannotMeasureError: as of `measure`.

    """
    need("bpftool")
    made = prepare()
    fapolicyd.unpack(made / "fapolicyd")
    found = guest.measured("bench.guarded", "starts", str(rounds), str(made))
    counted = guest.measured("bench.guarded", "instructions", str(rounds), str(made), icount=True)
    return [start_row(found["starts"]), counted_row(counted["starts"])]


def load_row(found: dict[str, dict[str, list[float]]]) -> Row:
    """Return the row of what a load of a module takes longer."""
    row = Row(f"load of a module under `guard --mode monitor`, by its size, times as long, {guest.EMULATED}", "")
    notes = []
    for size in map(str, SIZES):
        plain, judged = found["nobody"][size], found["ringward"][size]
        notes.append(f"{int(size) >> 10:,} KiB {spread(plain, 0)} and {spread(judged, 0)}")
    ratios = [median(found["ringward"][size]) / median(found["nobody"][size]) for size in map(str, SIZES)]
    row.ours = ", ".join(f"{int(size) >> 10:,} KiB {ratio:.1f}" for size, ratio in zip(SIZES, ratios, strict=True))
    row.notes = [
        f"microseconds of finit_module, without and with the guard, {LOADS} loads each: {'; '.join(notes)}",
        (
            f"it is the kernel's own {MODULE}, with zeros behind its end: a module of that size that has something to"
            " link takes longer to load, and no longer to judge; emulation makes hashing dearer than reading"
        ),
    ]
    judged_loads = found["judged"][""][0]
    if judged_loads < LOADS * len(SIZES):
        row.void = f"{judged_loads:.0f} of {LOADS * len(SIZES)} loads were judged, and known"
    return row


def counted_row(found: dict[str, list[float]]) -> Row:
    """Return the row of how many more instructions the start of a known program takes."""
    row = Row(
        f"added to a start of a known program, instructions of the whole machine, {guest.EMULATED}",
        f"{TIMES} times less than fapolicyd adds",
    )
    base, *others = (1000 * median(found[name]) for name in _NAMES)
    rounds = len(found["nobody"])
    hooks, ours, theirs, every = (value - base for value in others)
    row.ours, row.peer = f"{ours:,.0f}", f"{theirs:,.0f}"
    row.reached = theirs >= TIMES * max(ours, 0)
    row.notes = [
        (
            f"loops as in the row above, addresses not randomized, on one processor whose clock counts them (QEMU's"
            f" -icount): {rounds} rounds in turn, of each the median of {COUNTED} times {LOOPS}; thousands a loop:"
            f" {', '.join(f'{one} {spread(found[one], 1)}' for one in _NAMES)}"
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


def start_row(found: dict[str, list[float]]) -> Row:
    """Return the row of what the start of a known program takes longer."""
    row = Row(
        f"added to a start of a known program, microseconds, {guest.EMULATED}",
        f"{TIMES} times less than fapolicyd adds",
    )
    # What disturbs an emulated guest makes all else longer: of each the best of all rounds.
    base, hooks, ours, theirs, every = (min(found[name]) for name in _NAMES)
    hooks, ours, theirs, every = (value - base for value in (hooks, ours, theirs, every))
    row.ours, row.peer = f"{ours:.0f}", f"{theirs:.0f}"
    # Less than nothing is a difference that was not found.
    row.reached = theirs >= TIMES * ours if ours > 0 else None
    row.notes = [
        (
            f"{len(found['nobody'])} rounds in turn, of each round the best of {BATCHES} times {LOOPS} fork, exec,"
            " exit of a tiny static program on tmpfs, and of those the best; microseconds a loop:"
            f" {', '.join(f'{one} {spread(found[one], 0)}' for one in _NAMES)}; a difference that is smaller than the"
            " spread is none"
        ),
        f"the hooks alone add {hooks:.0f}, all that the guard judges by default {every:.0f}",
        f"fapolicyd {fapolicyd.VERSION}: permissive, integrity = sha256, trust = file, both programs in it",
    ]
    row.void = void_of(found)
    return row


def void_of(found: dict[str, list[float]]) -> str | None:
    """Return why starts were measured that are not alike, None where they are."""
    short = [f"{one} {min(found[one]):.0f}" for one in ("kept", "decided") if min(found[one]) < LOOPS * BATCHES]
    told, denied = sum(found["told"]), sum(found["denied"])
    if not short and not told and not denied:
        return None
    return (
        f"not every start was judged, or one was not known: {', '.join(short) or 'all judged'};"
        f" told of {told:.0f}, denied {denied:.0f}"
    )


def large_row(found: dict[str, float]) -> Row:
    """Return the row of a guard with a large database."""
    row = Row(f"`guard --programs` with {COUNT:,} digests, MB resident, {guest.EMULATED}", f"at most {MOST_MEGABYTES}")
    row.ours = f"{found['most']:.0f}"
    row.reached = found["most"] <= MOST_MEGABYTES
    row.notes = [
        (
            f"the most at any time: {found['first']:.0f} when it had started, {found['most']:.0f} when the database had"
            f" changed, {found['then']:.0f} at the end; it decided by the changed one after"
            f" {found['seconds']:.1f} s of the emulated machine's, of which it looks once in one"
        )
    ]
    return row


if __name__ == "__main__":
    try:
        print(json.dumps(in_guest(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]))))
    finally:
        clean()
