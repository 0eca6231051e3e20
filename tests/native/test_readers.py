"""native/elf as Python has it, watched for leaks; its bytes are watched in tests/fuzz."""

from __future__ import annotations

import contextlib
import gc
import sys
from collections.abc import Callable
from pathlib import Path

from ringward.kmod import _elf
from ringward.kmod.errors import KmodError
from tests.native.fuzzing import elf_seeds

READERS = ("sections", "symbols", "modinfo", "versions", "table", "scan", "info")


def test_nothing_is_left_behind(tmp_path: Path) -> None:
    path = tmp_path / "x.ko"
    images = [*elf_seeds(), elf_seeds()[0][:-1], elf_seeds()[2].replace(b"printk\0", b"printkx"), b"junk" * 30]

    def attempt(call: Callable[..., object], *args: object) -> None:
        with contextlib.suppress(KmodError, FileNotFoundError):
            call(*args)

    def all_of_it() -> None:
        for image in images:
            path.write_bytes(image)
            for name in READERS:
                attempt(getattr(_elf, name), image, "x")
            for reader in (_elf.scan_file, _elf.info_file):
                attempt(reader, str(path), 1 << 20)
                attempt(reader, str(path), 10)
                attempt(reader, str(tmp_path / "absent"), 1)
        gc.collect()

    all_of_it()
    all_of_it()
    blocks, files = sys.getallocatedblocks(), len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(40):
        all_of_it()
    assert sys.getallocatedblocks() - blocks < 100
    assert len(list(Path("/proc/self/fd").iterdir())) == files
