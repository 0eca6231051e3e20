"""Real files to start from: the module trees of Debian's kernels, as far as this machine has or gets them."""

from __future__ import annotations

from functools import cache
from itertools import islice
from pathlib import Path

from ringward.kmod.index import Index
from vmtest.errors import VmtestError
from vmtest.kernels import KERNELS
from vmtest.trees import cached_releases, fetch_kernel, kernel_entry


@cache
def module_directories() -> tuple[Path, ...]:
    """Return lib/modules/VERSION of each kernel; those that cannot be had are left out."""
    found = []
    for kernel in KERNELS:
        cached = cached_releases(kernel)
        try:
            tree = fetch_kernel(kernel) if not cached else None
        except VmtestError:
            continue
        release, base = (tree.release, Path(tree.root)) if tree else (cached[0], kernel_entry(cached[0]))
        found.append(base / "lib/modules" / release)
    return tuple(found)


def entries_of(directory: Path, name: str, start: int, count: int) -> list[tuple[str, str, int]]:
    """Return some entries of an index: ``dep`` is modules.dep.bin; none when there is no such file."""
    path = directory / f"modules.{name}.bin"
    return list(islice(Index.open(str(path)).entries(), start, start + count)) if path.is_file() else []


def head(path: Path, size: int = 4096) -> bytes:
    """Return the beginning of a file, b"" when there is none."""
    if not path.is_file():
        return b""
    with path.open("rb") as file:
        return file.read(size)


def some_modules(count: int) -> list[str]:
    """Return the paths of the first modules of each tree."""
    return [
        str(directory / line.partition(":")[0])
        for directory in module_directories()
        for _name, line, _priority in entries_of(directory, "dep", 0, count)
    ]
