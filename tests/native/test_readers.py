"""native/elf and native/xz as Python has them: under sanitizers, with damaged modules, and watched for leaks."""

from __future__ import annotations

import contextlib
import gc
import os
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path

import pytest

from ringward.kmod import _elf, _xz
from ringward.kmod.errors import KmodError
from tests.fuzz.campaign import ROOT
from tests.kmod.test_compression import kernel_xz
from tests.native.fuzzing import elf_seeds
from tests.native.mutate import READERS

SECONDS = 8


def sanitized(folder: Path) -> str:
    """Build both native modules for AddressSanitizer; return the library to be loaded first."""
    flags = ["-g", "-O1", "-shared", "-fPIC", "-fsanitize=address,undefined", "-fno-sanitize-recover=undefined"]
    include = f"-I{sysconfig.get_paths()['include']}"
    for name in ("elf", "xz"):
        sources = sorted(str(path) for path in (ROOT / "native" / name).glob("*.c"))
        subprocess.run(["gcc", *flags, include, *sources, "-o", str(folder / f"_{name}.so")], check=True)
    asked = ["gcc", "-print-file-name=libasan.so"]
    library = Path(subprocess.run(asked, check=True, capture_output=True, text=True).stdout.strip())
    if not library.is_absolute():
        pytest.skip("gcc has no libasan: install libgcc-12-dev")
    return str(library.resolve())


def test_the_native_modules_touch_no_byte_that_is_not_theirs(tmp_path: Path) -> None:
    library = sanitized(tmp_path)
    environ = os.environ | {
        "LD_PRELOAD": library,
        "ASAN_OPTIONS": "detect_leaks=0",  # Python leaves much to the end of the process
        "PYTHONMALLOC": "malloc",
        "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'src'}",
    }
    done = subprocess.run(
        [sys.executable, "-m", "tests.native.mutate", str(tmp_path), str(SECONDS), "1"],
        cwd=ROOT,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    runs, taken, refused = map(int, done.stdout.split())
    assert runs > 100
    assert taken > runs
    assert refused > runs


def test_nothing_is_left_behind(tmp_path: Path) -> None:
    path = tmp_path / "x.ko"
    images = [*elf_seeds(), elf_seeds()[0][:-1], elf_seeds()[2].replace(b"printk\0", b"printkx"), b"junk" * 30]
    packed = [kernel_xz(image) for image in images]
    packed.append(packed[0][:-1])

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
        for data in packed:
            _xz.decompress(data, 1 << 20)
        gc.collect()

    all_of_it()
    all_of_it()
    blocks, files = sys.getallocatedblocks(), len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(40):
        all_of_it()
    assert sys.getallocatedblocks() - blocks < 100
    assert len(list(Path("/proc/self/fd").iterdir())) == files
