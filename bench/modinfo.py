"""How long modinfo takes for every module of a tree, in one process: Ringward's and the installed one, in turn."""

from __future__ import annotations

import os
import re
import subprocess
import time
from statistics import median

from bench.build import need
from bench.process import RINGWARD
from bench.row import CannotMeasureError, Row, spread
from vmtest.errors import VmtestError
from vmtest.kernels import KERNELS, Kernel
from vmtest.trees import fetch_kernel

GOAL = 1.0
COMPRESSED_GOAL = 0.5
BUILD_ID = re.compile(rb"^build-id:.*\n", re.MULTILINE)
"""A line that only newer versions of kmod have."""


def once(command: tuple[str, ...], paths: list[str]) -> tuple[float, float, bytes]:
    """Return seconds, seconds of processor time, and what was printed, of one run."""
    before = os.times()
    start = time.perf_counter()
    told = subprocess.run([*command, *paths], check=True, capture_output=True).stdout
    seconds = time.perf_counter() - start
    after = os.times()
    used = after.children_user + after.children_system - before.children_user - before.children_system
    return seconds, used, told


def of(kernel: Kernel, rounds: int) -> Row:
    """Measure one tree."""
    kmod = need("modinfo")
    try:
        tree = fetch_kernel(kernel)
    except VmtestError as error:
        raise CannotMeasureError(f"no tree of {kernel.name}: {error}") from error
    paths = sorted(str(path) for path in tree.modules.rglob("*.ko*") if path.suffix in {".ko", ".xz"})
    compressed = any(path.endswith(".xz") for path in paths)
    goal = COMPRESSED_GOAL if compressed and (os.cpu_count() or 1) > 1 else GOAL
    row = Row(f"modinfo, {len(paths)} modules of {tree.release}, Ringward / kmod", f"at most {goal:g} times")
    commands = {"ringward": (*RINGWARD, "modinfo"), "kmod": (kmod,)}
    told = {name: once(command, paths)[2] for name, command in commands.items()}  # and the files are in memory
    if BUILD_ID.sub(b"", told["ringward"]) != told["kmod"]:
        row.void = "the answers differ"
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in commands}
    for number in range(rounds):
        for name in list(commands)[:: -1 if number % 2 else 1]:
            times[name].append(once(commands[name], paths)[:2])
    wall = {name: median(seconds for seconds, _ in values) for name, values in times.items()}
    row.ours, row.peer = f"{wall['ringward']:.2f} s", f"{wall['kmod']:.2f} s"
    row.reached = wall["ringward"] / wall["kmod"] <= goal
    row.notes = [
        f"{rounds} rounds in turn, {'xz' if compressed else 'not compressed'}; seconds: "
        + ", ".join(f"{name} {spread([seconds for seconds, _ in values])}" for name, values in times.items()),
        "seconds of processor time: "
        + ", ".join(f"{name} {spread([used for _, used in values])}" for name, values in times.items()),
        f"{wall['ringward'] / wall['kmod']:.2f} times kmod's time; the answers are the same but for the build IDs",
    ]
    return row


def measure(rounds: int) -> list[Row]:
    """Measure the trees of all kernels."""
    return [of(kernel, rounds) for kernel in KERNELS]
