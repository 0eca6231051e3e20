"""Compiles what the measurements run."""

from __future__ import annotations

import shutil
import subprocess
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

from bench.row import CannotMeasureError

SOURCES = Path(__file__).parent / "programs"


@cache
def folder() -> Path:
    """Return a folder for this run; `clean` removes it."""
    return Path(mkdtemp(prefix="ringward-bench-"))


def clean() -> None:
    """Remove the folder."""
    shutil.rmtree(folder(), ignore_errors=True)


def need(program: str) -> str:
    """Return the path of a program.

    Raises:
        CannotMeasureError: it is not installed.

    """
    found = shutil.which(program)
    if not found:
        raise CannotMeasureError(f"{program} is not installed: apt-get install {program}")
    return found


@cache
def program(name: str) -> Path:
    """Return a program of bench/programs, built: static, so that an exec of it costs little."""
    source = next(SOURCES.glob(f"{name}.[cS]"))
    flags = ["-nostdlib"] if source.suffix == ".S" else []
    target = folder() / name
    subprocess.run([need("gcc"), "-O2", "-static", *flags, str(source), "-o", str(target)], check=True)
    return target
