"""The parsers that are written in C, for tests/fuzz: libFuzzer with AddressSanitizer and UndefinedBehaviorSanitizer."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import ClassVar

from tests.fuzz.campaign import ROOT, Coverage
from tests.kmod.elf_builder import GLOBAL, WEAK, Module

SANITIZED = ("-g", "-O1", "-fsanitize=fuzzer,address,undefined", "-fno-sanitize-recover=undefined")
COUNTED = ("-O1", "-fsanitize=fuzzer", "-fprofile-instr-generate", "-fcoverage-mapping")
LONGEST = 8192


class NativeParser:
    """A parser and its fuzzer, tests/native/fuzz/NAME.c.

    Args:
        name: of it.
        sources: files that it is made of.
        seeds, floor: see `campaign.Parser`.

    """

    runs = 20_000
    environment: ClassVar[dict[str, str]] = {"ASAN_OPTIONS": "detect_leaks=1"}
    options = (f"-max_len={LONGEST}", "-timeout=10", "-rss_limit_mb=1024")

    def __init__(
        self,
        name: str,
        sources: tuple[str, ...],
        seeds: Callable[[], list[bytes]],
        floor: int,
    ) -> None:
        self.name = name
        self.sources = sources
        self.seeds = seeds
        self.floor = floor

    def command(self, folder: Path) -> list[str]:
        return [self._build(folder / self.name, *SANITIZED)]

    def coverage(self, folder: Path, inputs: Sequence[Path]) -> Coverage:
        program, profile = self._build(folder / f"{self.name}-lines", *COUNTED), folder / f"{self.name}.profile"
        subprocess.run(
            [program, "-runs=0", *map(str, inputs)],
            check=True,
            capture_output=True,
            env=os.environ | {"LLVM_PROFILE_FILE": str(profile)},
        )
        merged = f"{profile}.merged"
        subprocess.run(["llvm-profdata", "merge", str(profile), "-o", merged], check=True)
        done = subprocess.run(
            ["llvm-cov", "export", "-format=lcov", f"-instr-profile={merged}", program, *self.sources],
            cwd=ROOT,
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        )
        return covered(done.stdout)

    def _build(self, program: Path, *flags: str) -> str:
        sources = [f"tests/native/fuzz/{self.name}.c", *self.sources]
        subprocess.run(
            ["clang", *flags, f"-I{Path(self.sources[0]).parent}", *sources, "-o", str(program)],
            cwd=ROOT,
            check=True,
            capture_output=True,
            text=True,
        )
        return str(program)


def covered(lcov: str) -> Coverage:
    """Return what llvm-cov says in the format of lcov (geninfo(1)): ``SF:file``, ``DA:line,count``."""
    file, counts = "", {}
    for line in lcov.splitlines():
        kind, _, rest = line.partition(":")
        if kind == "SF":
            file = Path(rest).name
        elif kind == "DA":
            number, count = map(int, rest.split(",")[:2])
            counts[file, number] = count
    missed = sorted(place for place, count in counts.items() if not count)
    return Coverage(len(counts) - len(missed), len(counts), missed)


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


TARGETS = {"elf": NativeParser("elf", ("native/elf/elf.c", "native/elf/source.c"), elf_seeds, 68)}
