# SPDX-License-Identifier: Apache-2.0
"""Build the project's own kernel modules (vmtest/kmod) against Debian's headers, in the cache."""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from vmtest.cache import cache_root, ensure
from vmtest.errors import VmtestError
from vmtest.kernels import find_kernel
from vmtest.packages import run_tool
from vmtest.trees import Report, fetch_headers, fetch_kernel, silent

if TYPE_CHECKING:
    from collections.abc import Iterable

SOURCES = Path(__file__).parent / "kmod"
COMPILER = "gcc-12"  # what Debian 12 builds both kernels with
BUILD_SECONDS = 600


def source_files(folder: Path = SOURCES) -> list[Path]:
    """Return the files that a build reads."""
    return sorted(path for path in folder.iterdir() if path.name == "Kbuild" or path.suffix in (".c", ".h"))


def content_key(files: Iterable[Path], *others: str) -> str:
    """Hash names and contents of the files and the other inputs: 16 hex digits of the SHA-256."""
    digest = hashlib.sha256()
    for name, content in [(f.name, f.read_bytes()) for f in files] + [("", o.encode()) for o in others]:
        digest.update(f"{name}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()[:16]


def build_modules(name: str, report: Report = silent) -> Path:
    """Return the folder with the .ko files for the kernel of that name ("6.12"), built when needed.

    Raises UsageError for an unknown kernel, VmtestError with the compiler's first error when the build fails.
    """
    release = fetch_kernel(find_kernel(name), report).release
    files = source_files()
    _, compiler, _ = run_tool([COMPILER, "--version"], COMPILER, 60)
    entry = cache_root() / "modules" / f"{release}-{content_key(files, release, compiler)}"

    def build(tree: Path) -> list[str]:
        build_dir = fetch_headers(release, report)
        report(f"building {', '.join(f.stem for f in files if f.suffix == '.c')} for {release}")
        work = tree.parent / "build"
        work.mkdir()
        for file in files:
            shutil.copy(file, work)
        # Headers that bring the kernel's vmlinux would have pahole make BTF of each module, which nothing here reads.
        settings = [f"M={work}", f"CC={COMPILER}", "CONFIG_DEBUG_INFO_BTF_MODULES=", f"-j{os.cpu_count() or 1}"]
        command = ["make", "-C", str(build_dir), *settings, "modules"]
        status, out, err = run_tool(command, "make", BUILD_SECONDS)
        built = sorted(work.glob("*.ko"))
        if status or not built:
            errors = [line for line in (err + out).splitlines() if "rror" in line] or ["make built no module"]
            raise VmtestError(f"cannot build the test modules for {release}: {errors[0].strip()}")
        for ko in built:  # debug information would be nine tenths of the file
            run_tool(["strip", "--strip-debug", str(ko)], "binutils", 60)
            ko.rename(tree / ko.name)
        return [ko.name for ko in built]

    return ensure(entry, build)
