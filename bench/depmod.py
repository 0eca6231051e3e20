"""How long depmod takes for the trees of Debian's kernels: Ringward's and the installed one, in turn."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path
from statistics import median

from bench.build import folder, need
from bench.process import RINGWARD
from bench.row import CannotMeasureError, Row, spread
from ringward.kmod.depmod import _native
from ringward.kmod.index_writer import IndexWriter
from vmtest.errors import VmtestError
from vmtest.kernels import KERNELS, Kernel
from vmtest.trees import KernelTree, fetch_kernel

GOAL = 1.0
COMPRESSED_GOAL = 0.5
INPUTS = ("modules.order", "modules.builtin", "modules.builtin.modinfo")
TEXTS = ("modules.dep", "modules.alias", "modules.softdep", "modules.symbols", "modules.devname")


def view(tree: KernelTree, name: str) -> Path:
    """Return a directory of links to a tree's directories, with nothing of what depmod writes; its base is above."""
    base = folder() / f"depmod-{tree.release}-{name}"
    directory = base / "lib/modules" / tree.release
    shutil.rmtree(base, ignore_errors=True)
    directory.mkdir(parents=True)
    for entry in tree.modules.iterdir():
        if entry.is_dir():
            (directory / entry.name).symlink_to(entry)
        elif entry.name in INPUTS:
            shutil.copy(entry, directory)
    return directory


def once(command: tuple[str, ...], directory: Path) -> tuple[float, float]:
    """Return seconds, and seconds of processor time, of one run."""
    before = os.times()
    start = time.perf_counter()
    subprocess.run(
        [*command, "-b", str(directory.parents[2]), "-C", os.devnull, directory.name],
        check=True,
        capture_output=True,
    )
    seconds = time.perf_counter() - start
    after = os.times()
    used = after.children_user + after.children_system - before.children_user - before.children_system
    return seconds, used


def native(directory: Path) -> str:
    """Return what the index writer in C buys for the largest index."""
    lines = (directory / "modules.alias").read_text().splitlines()[1:]
    pairs = [line.removeprefix("alias ").rpartition(" ") for line in lines]
    entries = [(alias.replace("-", "_"), name, number) for number, (alias, _, name) in enumerate(pairs)]
    start = time.perf_counter()
    writer = IndexWriter()
    for entry in entries:
        writer.insert(*entry)
    plain = writer.content()
    middle = time.perf_counter()
    content = _native.index(*map(list, zip(*entries, strict=True)))
    end = time.perf_counter()
    if content != plain:
        raise AssertionError("the index writers differ")
    return f"modules.alias.bin is made in {(end - middle) * 1e3:.0f} ms in C, {(middle - start) * 1e3:.0f} ms in Python"


def of(kernel: Kernel, rounds: int) -> Row:
    """Measure one tree."""
    kmod = need("depmod")
    try:
        tree = fetch_kernel(kernel)
    except VmtestError as error:
        raise CannotMeasureError(f"no tree of {kernel.name}: {error}") from error
    files = [path for path in tree.modules.rglob("*.ko*") if path.suffix in {".ko", ".xz"}]
    compressed = any(path.suffix == ".xz" for path in files)
    goal = COMPRESSED_GOAL if compressed and (os.cpu_count() or 1) > 1 else GOAL
    row = Row(f"depmod, {len(files)} modules of {tree.release}, Ringward / kmod", f"at most {goal:g} times")
    commands = {"ringward": (*RINGWARD, "depmod"), "kmod": (kmod,)}
    views = {name: view(tree, name) for name in commands}
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in commands}
    for name, command in commands.items():  # what is read once is in memory from then on
        once(command, views[name])
    for number in range(rounds):
        for name in list(commands)[:: -1 if number % 2 else 1]:
            times[name].append(once(commands[name], views[name]))
    different = [name for name in TEXTS if len({(view / name).read_bytes() for view in views.values()}) != 1]
    if different:
        row.void = f"the answers differ: {', '.join(different)}"
    wall = {name: median(seconds for seconds, _ in values) for name, values in times.items()}
    row.ours, row.peer = f"{wall['ringward']:.2f} s", f"{wall['kmod']:.2f} s"
    row.reached = wall["ringward"] / wall["kmod"] <= goal
    row.notes = [
        f"{rounds} rounds in turn, {'xz' if compressed else 'not compressed'}; seconds: "
        + ", ".join(f"{name} {spread([seconds for seconds, _ in values])}" for name, values in times.items()),
        "seconds of processor time: "
        + ", ".join(f"{name} {spread([used for _, used in values])}" for name, values in times.items()),
        f"{wall['ringward'] / wall['kmod']:.2f} times kmod's time; only Ringward brings its files to the disk (fsync)",
        native(views["ringward"]),
    ]
    return row


def measure(rounds: int) -> list[Row]:
    """Measure the trees of all kernels."""
    return [of(kernel, rounds) for kernel in KERNELS]
