"""Programs on file systems of every kind, and ways to change them: what the tests of kept digests share."""

from __future__ import annotations

import ctypes
import mmap
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.kernel.file_systems import FileSystem, mounted
from tests.kernel.monitor import Monitor, opened, tiny

MARK = b"ringward-before"
OTHER = b"ringward-behind"
PADDING = 8192
"""Bytes that nothing reads; the mark stands behind them."""


@pytest.fixture(scope="module", name="file_systems")
def file_systems_fixture() -> Iterator[dict[str, FileSystem]]:
    with mounted() as found:
        yield found


@pytest.fixture(scope="module", name="everything")
def everything_fixture(file_systems: dict[str, FileSystem]) -> Iterator[Monitor]:
    yield from opened(Monitor)


@pytest.fixture(name="m")
def monitor_fixture(everything: Monitor) -> Monitor:
    everything.w.events.clear()
    return everything


@pytest.fixture(scope="module", name="base")
def base_fixture(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Return the bytes of a program."""
    return tiny(tmp_path_factory.mktemp("tiny")).read_bytes()


@pytest.fixture(name="make")
def make_fixture(base: bytes) -> Iterator[Callable[[FileSystem], Path]]:
    """Make a program in a file system of its own folder; with padding that nothing reads."""
    made: list[Path] = []

    def one(where: FileSystem) -> Path:
        folder = where.folder / "test"
        folder.mkdir()
        made.append(folder)
        program = folder / "program"
        program.write_bytes(base.ljust(PADDING, b"\0") + MARK)
        program.chmod(0o755)
        return program

    yield one
    for folder in made:
        shutil.rmtree(folder)


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
