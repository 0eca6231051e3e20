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


def bpf_object(name: str) -> bytes:
    """Return the object of bench/NAME.bpf.c.

    Raises:
        CannotMeasureError: there is no clang, or it refuses the source.

    """
    source, target = SOURCES.parent / f"{name}.bpf.c", folder() / f"{name}.bpf.o"
    flags = ("-O2", "-g", "-target", "bpf", "-mcpu=v3", "-D__TARGET_ARCH_x86", "-I/usr/include/x86_64-linux-gnu")
    command = (need("clang"), *flags, "-Ibpf", "-c", str(source), "-o", str(target))
    made = subprocess.run(command, capture_output=True, text=True, check=False)
    if made.returncode:
        raise CannotMeasureError(f"clang refuses bench/{source.name}: {made.stderr.strip().splitlines()[-1]}")
    return target.read_bytes()
