"""Coverage-guided fuzzing of the native readers: ``python -m tests.native.fuzzing [--seconds N] [--corpus FOLDER]``.

libFuzzer with AddressSanitizer and UndefinedBehaviorSanitizer; each target starts from files that are right.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from tests.kmod.elf_builder import GLOBAL, WEAK, Module

ROOT = Path(__file__).parents[2]
FLAGS = ("-g", "-O1", "-fsanitize=fuzzer,address,undefined", "-fno-sanitize-recover=undefined")
LONGEST = 8192


class Target(NamedTuple):
    """What is fuzzed: the source files that it is made of, and files to start from."""

    name: str
    sources: tuple[str, ...]
    seeds: Callable[[], list[bytes]]


class Result(NamedTuple):
    """What came of it."""

    runs: int
    covered: int
    """Edges of the program that were reached."""
    corpus: int
    """Inputs that each reach something new."""


class FoundError(Exception):
    """The message is the end of what the fuzzer said; the input is named there."""


def elf_seeds() -> list[bytes]:
    return [
        Module(
            [b"license=GPL", b"alias=x"],
            [(b"printk", GLOBAL), (b"maybe", WEAK)],
            [(b"absolute", 1)],
            [(b"relocatable", 2)],
            [b"string"],
            [(b"printk", 3)],
            bytes(20),
            bits=bits,
            big=big,
        ).build()
        for bits in (32, 64)
        for big in (False, True)
    ]


TARGETS = {
    "elf": Target("elf", ("native/elf/elf.c", "native/elf/source.c"), elf_seeds),
}


def build(target: Target, folder: Path) -> Path:
    """Return the fuzzer of a target, built in a folder.

    Raises:
        FileNotFoundError: there is no clang.
        subprocess.CalledProcessError: it does not build; its stderr says why.

    """
    program = folder / target.name
    sources = [f"tests/native/fuzz/{target.name}.c", *target.sources]
    include = f"-I{Path(target.sources[0]).parent}"
    subprocess.run(
        ["clang", *FLAGS, include, *sources, "-o", str(program)],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    return program


def fuzz(target: Target, program: Path, corpus: Path, seconds: int) -> Result:
    """Run a fuzzer for so long; what it finds worth keeping stays in the corpus.

    Raises:
        FoundError: it found a fault.

    """
    corpus.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(target.seeds()):
        (corpus / f"seed-{number}").write_bytes(seed)
    done = subprocess.run(
        [
            str(program),
            str(corpus),
            f"-max_total_time={seconds}",
            f"-max_len={LONGEST}",
            "-timeout=10",
            "-rss_limit_mb=1024",
            f"-artifact_prefix={program.parent}/",
        ],
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
        env=os.environ | {"ASAN_OPTIONS": "detect_leaks=1"},
    )
    runs = re.search(r"Done (\d+) runs", done.stderr)
    if done.returncode or not runs:
        raise FoundError(f"{target.name}: exit status {done.returncode}\n{done.stderr[-3000:]}")
    covered, kept = re.findall(r"cov: (\d+) ft: \d+ corp: (\d+)", done.stderr)[-1]
    return Result(int(runs[1]), int(covered), int(kept))


def main() -> int:
    """Fuzz all targets in turn; 1 when something was found."""
    parser = argparse.ArgumentParser("python -m tests.native.fuzzing", description=__doc__.split(":")[0])
    parser.add_argument("--seconds", type=int, default=600, help="for each target; default: 600")
    parser.add_argument("--corpus", type=Path, help="folder that inputs worth keeping stay in; default: none stays")
    options = parser.parse_args()
    status = 0
    with tempfile.TemporaryDirectory() as name:
        for target in TARGETS.values():
            corpus = (options.corpus or Path(name) / "corpus") / target.name
            try:
                found = fuzz(target, build(target, Path(name)), corpus, options.seconds)
            except FoundError as error:
                sys.stderr.write(f"{error}\n")
                status = 1
            else:
                sys.stdout.write(
                    f"{target.name}: {found.runs:,} runs, {found.covered} edges covered, {found.corpus} inputs kept\n"
                )
    return status


if __name__ == "__main__":
    sys.exit(main())
