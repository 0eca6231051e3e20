"""SHA-256 in the kernel beside OpenSSL."""

from __future__ import annotations

import hashlib
import os
import struct
import time
from statistics import median

from bench.build import bpf_object
from bench.row import CannotMeasureError, Row, spread
from ringward.sensor import _native

GOAL = 200
SIZE = 8 << 20
SIZES = (1 << 15, 1 << 18, 1 << 20, 1 << 22, SIZE)
"""Bytes of modules: most are smaller than the second, few larger than the fourth."""
_CONTEXT = struct.Struct("<QQQq32s")


def measure(rounds: int) -> list[Row]:
    """Hash the same bytes in the kernel and with OpenSSL."""
    row = Row("SHA-256 in the kernel, MB/s", f"at least {GOAL}; try for 300")
    obj = _native.Object("bench_sha256", bpf_object("sha256"))
    try:
        obj.load()
    except _native.BpfError as error:
        raise CannotMeasureError(f"the kernel refuses it: {error.args[1]}") from None
    data = os.urandom(SIZE)
    fd = obj.program_fd("bench_sha256")
    _native.map_update(obj.map_fd("bench_buffer"), struct.pack("<I", 0), data)
    by_size: dict[int, list[float]] = {size: [] for size in SIZES}
    theirs = []
    for size in SIZES * max(rounds, 5):
        context = bytearray(_CONTEXT.pack(0, 0, size, -1, b""))
        start = time.perf_counter()
        _native.program_run(fd, context)
        by_size[size].append(time.perf_counter() - start)
        _address, _offset, _size, result, digest = _CONTEXT.unpack(context)
        start = time.perf_counter()
        expected = hashlib.sha256(data[:size]).digest()
        if size == SIZE:
            theirs.append(SIZE / (time.perf_counter() - start) / 1e6)
        if result or digest != expected:
            row.void = f"the digest is not OpenSSL's (result {result})"
    ours = [SIZE / seconds / 1e6 for seconds in by_size[SIZE]]
    row.ours, row.peer = f"{median(ours):.0f}", f"{median(theirs):.0f}"
    row.reached = median(ours) >= GOAL
    row.notes = [
        (
            f"{SIZE >> 20} MiB of memory; {spread(ours, 0)}; OpenSSL by Python's hashlib, with the processor's own"
            f" instructions where it has them: {spread(theirs, 0)}"
        )
    ]
    obj.close()
    return [row, added(by_size, row.void)]


def added(by_size: dict[int, list[float]], void: str | None) -> Row:
    """Return the row of what the guard adds to the load of a module, but for microseconds: the hash, by size."""
    row = Row("hash of a module that is loaded, milliseconds by its size", "", void=void)
    times = {f"{size >> 10:,} KiB": [1000 * one for one in seconds] for size, seconds in by_size.items()}
    row.ours = ", ".join(f"{size} {median(each):.2f}" for size, each in times.items())
    row.notes = [f"natively; {'; '.join(f'{size} {spread(each)}' for size, each in times.items())}"]
    return row
