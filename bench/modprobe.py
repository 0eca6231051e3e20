"""How long modprobe takes: for one name, beside an empty Python; for all modules of a tree, beside kmod's."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from bench.build import need
from bench.row import Row, spread
from bench.trees import tree_of
from ringward.cli.links import make
from ringward.kmod.tree import Tree
from vmtest.kernels import KERNELS, Kernel

START_GOAL = 2.5
TREE_GOAL = 10.0
STARTS = 20
"""Processes of each kind in one round: one takes a few milliseconds."""
NAMES = ("ext4", "i915", "pci:v00008086d00001572sv00001028sd00000000bc02sc00i00")
"""A module, one with many dependencies, and a modalias that goes through the alias index."""
LOADED = 150
"""Modules that lsmod lists: as many as a laptop has loaded."""
EMPTY = (sys.executable, "-c", "pass")


def seconds(command: list[str]) -> tuple[float, bytes]:
    """Return how long a command takes, and what it prints."""
    start = time.perf_counter()
    told = subprocess.run(command, check=True, capture_output=True).stdout
    return time.perf_counter() - start, told


def turns(commands: dict[str, list[str]], rounds: int, each: int) -> dict[str, list[float]]:
    """Return milliseconds of every command: its median of `each` runs, for every round, all in turn."""
    found: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(rounds):
        times: dict[str, list[float]] = {name: [] for name in commands}
        for _ in range(each):
            for name, command in commands.items():
                times[name].append(seconds(command)[0] * 1000)
        for name, values in times.items():
            found[name].append(median(values))
    return found


def row_of(name: str, goal: float, ours: list[float], peer: list[float], what: str) -> Row:
    """Return a row of two series of milliseconds."""
    ratio = median(ours) / median(peer)
    row = Row(name, f"at most {goal:g} times", f"{median(ours):.1f} ms", f"{median(peer):.1f} ms", ratio <= goal)
    row.notes = [f"{ratio:.2f} times {what}; milliseconds: Ringward {spread(ours, 1)}, the other {spread(peer, 1)}"]
    return row


def start(folder: Path, rounds: int) -> list[Row]:
    """Measure one call of modprobe and lsmod, from their links."""
    links = make(str(folder / "links"))
    kmod = need("modprobe")
    tree = tree_of(KERNELS[0])
    options = ["-C", "/dev/null", "-d", str(tree.root), "-S", tree.release, "-D"]
    (folder / "proc").mkdir()
    (folder / "proc/modules").write_text(
        "".join(f"module_{number} 16384 0 - Live 0x0000000000000000\n" for number in range(LOADED))
    )
    commands = {"python": [*EMPTY], "lsmod": [str(links / "lsmod"), "--sysroot", str(folder)]}
    for name in NAMES:
        commands[name] = [str(links / "modprobe"), *options, name]
        commands[f"kmod {name}"] = [kmod, *options, name]
    different = [name for name in NAMES if seconds(commands[name])[1] != seconds(commands[f"kmod {name}"])[1]]
    times = turns(commands, rounds, STARTS)
    rows = []
    for name in (*NAMES, "lsmod"):
        title = f"lsmod, {LOADED} modules" if name == "lsmod" else f"modprobe -D {name}"
        row = row_of(
            f"{title}, one process / python3 -c pass", START_GOAL, times[name], times["python"], "an empty Python"
        )
        row.notes[0] += f"; {STARTS} processes a round, {rounds} rounds in turn"
        if name in different:
            row.void = "the answers differ"
        if name in NAMES:
            row.notes.append(f"kmod's modprobe: {median(times[f'kmod {name}']):.1f} ms")
        rows.append(row)
    return rows


def everything(kernel: Kernel, folder: Path, rounds: int) -> Row:
    """Measure the resolving of every module of a tree in one process."""
    tree = tree_of(kernel)
    names = Tree(str(tree.root), tree.release).modules()
    options = ["-C", "/dev/null", "-d", str(tree.root), "-S", tree.release, "-D", "-a", *names]
    commands = {"ringward": [str(folder / "links/modprobe"), *options], "kmod": [need("modprobe"), *options]}
    told = {name: seconds(command)[1] for name, command in commands.items()}
    times = turns(commands, rounds, 3)
    row = row_of(
        f"modprobe -a -D, {len(names)} modules of {tree.release}, Ringward / kmod",
        TREE_GOAL,
        times["ringward"],
        times["kmod"],
        "kmod's time",
    )
    lines = len(told["kmod"].splitlines())
    row.notes.append(f"{lines} lines, the same of both; {rounds} rounds in turn")
    if told["ringward"] != told["kmod"]:
        row.void = "the answers differ"
    return row


def measure(rounds: int) -> list[Row]:
    """Measure starts, then whole trees."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        return [*start(folder, rounds), *(everything(kernel, folder, rounds) for kernel in KERNELS)]
