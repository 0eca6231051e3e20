"""The C programs of programs/, compiled when first asked for; and what they need of the machine."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import pytest

from tests.kernel.conftest import IN_GUEST

SOURCES = Path(__file__).parent / "programs"
PREEMPTION = Path("/sys/kernel/debug/sched/preempt")
NOBODY = 65534
_ALONE_32 = ("-m32", "-nostdlib", "-static", "-fno-pic", "-fno-stack-protector", "-fcf-protection=none")
FLAGS = {"stay32": _ALONE_32, "calls32": _ALONE_32}
"""Of the compiler, where a program needs others than the rest."""


@cache
def compiled(name: str, folder: Path) -> Path:
    """Compile programs/NAME.c into a folder; return the program."""
    program = folder / name
    flags = FLAGS.get(name, ("-pthread",))
    command = ["gcc", "-O1", "-Wall", "-Werror", *flags, "-o", str(program), str(SOURCES / f"{name}.c")]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, f"gcc {name}.c: {done.stderr}"
    return program


def open_folder() -> Path:
    """Make a folder in memory that every user can enter, on a file system that takes setuid and devices."""
    for parent in ("/run", "/tmp"):  # a tmpfs in guests: stable inodes, as on a disk
        flags = os.statvfs(parent).f_flag
        if not flags & (os.ST_NOSUID | os.ST_NODEV | os.ST_NOEXEC) and os.access(parent, os.W_OK):
            folder = Path(tempfile.mkdtemp(prefix="ringward-test-", dir=parent))
            folder.chmod(0o755)
            return folder
    raise AssertionError("neither /run nor /tmp takes setuid programs and device nodes")


@pytest.fixture(scope="session", name="program")
def program_fixture() -> Iterator[Callable[[str], Path]]:
    """Return the path of a compiled program, by its name."""
    folder = open_folder()
    yield lambda name: compiled(name, folder)
    shutil.rmtree(folder)
    compiled.cache_clear()


@pytest.fixture(name="folder")
def folder_fixture() -> Iterator[Path]:
    """Give a folder as `open_folder` makes it, for one test."""
    made = open_folder()
    yield made
    shutil.rmtree(made)


@contextmanager
def preemptible() -> Iterator[str]:
    """Give how the race program can race: `one` processor, on which system calls can be preempted, or `two`.

    The first is sure, and needs the kernel's preemption model changed (PREEMPT_DYNAMIC, debugfs): in guests alone.
    """
    if not IN_GUEST:
        yield "two"
        return
    before = PREEMPTION.read_text().partition("(")[2].partition(")")[0]
    PREEMPTION.write_text("full")
    try:
        yield "one"
    finally:
        PREEMPTION.write_text(before)
