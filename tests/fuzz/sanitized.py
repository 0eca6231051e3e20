"""Ringward's native modules as a fuzzer wants them: watched by sanitizers, each branch counted.

Atheris ships AddressSanitizer's library with libFuzzer in it; loaded before all else it serves modules that clang has
instrumented for both.
"""

from __future__ import annotations

import importlib.machinery
import importlib.util
import os
import subprocess
import sys
import sysconfig
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

from tests.fuzz.campaign import ROOT

FLAGS = (
    *("-g", "-O1", "-shared", "-fPIC", "-fsanitize=fuzzer-no-link,address,undefined"),
    "-fno-sanitize-recover=undefined",
)
SOURCES: dict[str, tuple[str, tuple[str, ...]]] = {
    "ringward.sensor._native": ("native", ("-lbpf",)),
    "ringward.output._lines": ("native/lines", ()),
    "ringward.kmod._elf": ("native/elf", ()),
    "ringward.kmod.depmod._native": ("native/depmod", ()),
}
"""Native module -> folder of its sources, what it is linked with."""
FOLDER = "RINGWARD_SANITIZED"
"""Variable of the environment: where a fuzzer finds its modules."""
_OPTIONS = {
    # Python leaves much to the end of the process, and is not watched itself.
    "ASAN_OPTIONS": "detect_leaks=0:max_allocation_size_mb=512:malloc_context_size=1:quarantine_size_mb=16",
    "UBSAN_OPTIONS": "print_stacktrace=1",
    "PYTHONMALLOC": "malloc",
}


def build(names: Sequence[str], folder: Path) -> dict[str, str]:
    """Build some native modules; return the environment of a fuzzer that is to use them.

    Raises:
        FileNotFoundError: there is no clang.
        subprocess.CalledProcessError: one does not build; its stderr says why.

    """
    for name in names:
        source, libraries = SOURCES[name]
        files = sorted(str(path) for path in (ROOT / source).glob("*.c"))
        include = f"-I{sysconfig.get_paths()['include']}"
        subprocess.run(
            ["clang", *FLAGS, include, *files, "-o", str(folder / f"{name}.so"), *libraries],
            check=True,
            capture_output=True,
            text=True,
        )
    spec = find_spec("atheris")
    assert spec
    assert spec.origin
    library = Path(spec.origin).parents[1] / "asan_with_fuzzer.so"
    return {FOLDER: str(folder), "LD_PRELOAD": str(library), **_OPTIONS}


class Finder:
    """Finds the modules that were built, before any other finder does."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def find_spec(
        self, name: str, _path: Sequence[str] | None = None, _target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        file = self._folder / f"{name}.so"
        return importlib.util.spec_from_file_location(name, file) if file.is_file() else None


def in_use() -> bool:
    """Return whether this process uses such modules."""
    return FOLDER in os.environ


def install() -> None:
    """Have the modules that were built imported instead of the package's own."""
    if in_use():
        sys.meta_path.insert(0, Finder(Path(os.environ[FOLDER])))
