"""Gives damaged modules to the native modules of a folder, for some seconds: ``mutate.py FOLDER SECONDS SEED``.

Run with a native module that AddressSanitizer watches: what is wrong ends the process.
"""

from __future__ import annotations

import importlib.util
import random
import sys
import tempfile
import time
from pathlib import Path
from types import ModuleType
from typing import Any

from ringward.kmod.errors import KmodError
from tests.native.fuzzing import elf_seeds

READERS = ("sections", "symbols", "modinfo", "versions", "table", "scan", "info")


def load(folder: Path, name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"ringward.kmod.{name}", folder / f"{name}.so")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def damaged(data: bytes, chance: random.Random) -> bytes:
    out = bytearray(data)
    for _ in range(chance.randrange(1, 6)):
        at = chance.randrange(len(out))
        how = chance.randrange(4)
        if how == 0:
            out[at] = chance.randrange(256)
        elif how == 1:
            out[at : at + 4] = chance.choice((0, 1, 0x7FFFFFFF, 0xFFFFFFFF, 64)).to_bytes(4, "little")
        elif how == 2 and len(out) > 100:
            del out[chance.randrange(len(out)) :]
            out = out or bytearray(b"x")
        else:
            out[at:at] = chance.randbytes(chance.randrange(9))
    return bytes(out)


def read(elf: Any, image: bytes, path: Path) -> int:
    """Return how many of the readers took it."""
    taken = 0
    path.write_bytes(image)
    for call in (
        *(lambda name=name: getattr(elf, name)(image, "x") for name in READERS),
        lambda: elf.scan_file(str(path), 1 << 20),
        lambda: elf.info_file(str(path), 1 << 20),
    ):
        try:
            call()
            taken += 1
        except KmodError:
            pass
    return taken


def main() -> None:
    folder, seconds, chance = Path(sys.argv[1]), float(sys.argv[2]), random.Random(sys.argv[3])
    elf = load(folder, "_elf")
    seeds = [seed + tail for seed in elf_seeds() for tail in (b"", bytes(12) + b"~Module signature appended~\n")]
    taken = refused = runs = 0
    end = time.monotonic() + seconds
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "x.ko"
        while time.monotonic() < end:
            count = read(elf, damaged(chance.choice(seeds), chance), path)
            taken += count
            refused += len(READERS) + 2 - count
            runs += 1
    sys.stdout.write(f"{runs} {taken} {refused}\n")


if __name__ == "__main__":
    main()
