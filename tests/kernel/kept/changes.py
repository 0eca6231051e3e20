"""Ways to change a program's file."""

from __future__ import annotations

import ctypes
import mmap
import os
import shutil
from pathlib import Path

MARK = b"ringward-before"
OTHER = b"ringward-behind"
PADDING = 8192
"""Bytes that nothing reads; the mark stands behind them."""


def write(program: Path) -> None:
    with program.open("r+b") as file:
        file.seek(PADDING)
        file.write(OTHER)


def write_and_set_the_time_back(program: Path) -> None:
    before = program.stat()
    write(program)
    os.utime(program, ns=(before.st_atime_ns, before.st_mtime_ns))


def write_through_a_shared_mapping(program: Path) -> None:
    with program.open("r+b") as file, mmap.mmap(file.fileno(), 0) as mapped:
        mapped[PADDING : PADDING + len(OTHER)] = OTHER


def truncate_by_name(program: Path) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.truncate(bytes(program), ctypes.c_long(PADDING)) == 0, os.strerror(ctypes.get_errno())


def truncate_by_descriptor(program: Path) -> None:
    with program.open("r+b") as file:
        file.truncate(PADDING)


def write_anew(program: Path) -> None:
    program.write_bytes(program.read_bytes().replace(MARK, OTHER))


def rename_another_over_it(program: Path) -> None:
    other = program.with_name("other")
    shutil.copy(program, other)
    write(other)
    stat = program.stat()
    os.utime(other, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    other.rename(program)


def write_through_a_hard_link(program: Path) -> None:
    link = program.with_name("link")
    link.hardlink_to(program)
    write(link)
    link.unlink()


def punch_a_hole(program: Path) -> None:
    with program.open("r+b") as file:
        file.seek(PADDING)
        libc = ctypes.CDLL(None, use_errno=True)
        # FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE
        done = libc.fallocate(file.fileno(), 3, ctypes.c_long(PADDING), ctypes.c_long(4096))
        assert done == 0, os.strerror(ctypes.get_errno())
