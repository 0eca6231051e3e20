"""What the guard costs, in a guest: loads of modules, a large database (starts of programs: bench.known).

``python -m bench.guarded FOLDER`` is what runs in the guest, as root; it prints its figures as JSON.
FOLDER is made before, as an emulated guest takes long for it.
"""

from __future__ import annotations

import ctypes
import hashlib
import json
import os
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from statistics import median
from tempfile import mkdtemp

from bench import guest
from bench.build import clean, folder, program
from bench.database import make_database
from bench.process import RINGWARD, Watched, watched
from bench.row import Row, spread
from bench.trees import tree_of
from ringward.kmod.compression import decompress
from ringward.sensor import _native
from ringward.trust import rows as database
from ringward.trust.entry import Entry, Item, Who
from ringward.trust.store import open_store
from vmtest.kernels import KERNELS

COUNT = 200_000
MOST_MEGABYTES = 80
LOADS = 15
MODULE = "dummy"
SIZES = (1 << 15, 1 << 18, 1 << 20, 1 << 22, 1 << 24)
"""Bytes. A module of the kernel's own, with zeros behind its end, which the kernel reads, and does nothing with."""
_FINIT, _DELETE = 313, 176  # arch/x86/entry/syscalls/syscall_64.tbl


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


def own(made: Path) -> Path:
    """Return a copy in the guest's memory: the guard writes to what it reads, and not by way of the host's files."""
    return Path(shutil.copytree(made, "/run/made"))


def measure(_rounds: int) -> list[Row]:
    """Boot a guest for loads of modules, many in one boot, and a large database.

    Raises:
        CannotMeasureError: something is missing, or the guest did not run.

    """
    found = guest.measured("bench.guarded", str(prepare()))
    return [load_row(found["loads"]), large_row(found["large"])]


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
        folder_here = own(Path(sys.argv[1]))
        print(json.dumps({"loads": loads(folder_here), "large": large(folder_here)}))
    finally:
        clean()
