# SPDX-License-Identifier: Apache-2.0
"""Kernel images and kernel headers from Debian's packages, unpacked in the cache."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from vmtest.cache import cache_root, ensure, what_is_broken
from vmtest.errors import VmtestError
from vmtest.packages import Package, last_line, look_up, run_tool, unpack

if TYPE_CHECKING:
    from vmtest.kernels import Kernel

Report = Callable[[str], None]


def silent(_line: str) -> None:
    """Say nothing."""


@dataclass(frozen=True)
class KernelTree:
    """An unpacked image package. `release` is what `uname -r` prints in the guest."""

    release: str
    root: Path

    @property
    def image(self) -> Path:
        """The bzImage."""
        return self.root / "boot" / f"vmlinuz-{self.release}"

    @property
    def modules(self) -> Path:
        """The directory that the guest has as /lib/modules/<release>."""
        return self.root / "lib" / "modules" / self.release


def image_release(kernel: Kernel, meta: Package) -> str:
    """Return the release whose image `meta` depends on. Raises VmtestError when it is of another series."""
    for alternatives in meta.depends:
        if match := re.fullmatch(r"linux-image-(\d.*)", alternatives[0]):
            release = match.group(1)
            if re.match(rf"{re.escape(kernel.name)}[.-]", release):
                return release
            raise VmtestError(
                f"{meta.name} {meta.version} gives kernel {release}, not {kernel.name}; "
                "the kernels are those of Debian 12 (bookworm): add its sources to apt, run `apt-get update`"
            )
    raise VmtestError(f"{meta.name} {meta.version} depends on no kernel image; run `apt-get update` as root")


def resolve_release(kernel: Kernel) -> str:
    """Return the newest release of that series in apt's lists. Raises VmtestError."""
    return image_release(kernel, look_up(kernel.meta_package))


def kernel_entry(release: str) -> Path:
    """Where the image package of that release is, or will be, unpacked."""
    return cache_root() / "kernels" / release


def cached_releases(kernel: Kernel) -> list[str]:
    """Complete cache entries of that series, newest first."""
    found = [entry for entry in (cache_root() / "kernels").glob(f"{kernel.name}[.-]*") if what_is_broken(entry) is None]
    return [entry.name for entry in sorted(found, key=lambda e: e.stat().st_mtime, reverse=True)]


def fetch_release(release: str, report: Report = silent) -> KernelTree:
    """Return the image package of one release, fetched when the cache lacks it. Raises VmtestError."""
    package = f"linux-image-{release}"

    def build(tree: Path) -> list[str]:
        report(f"fetching {package} ({look_up(package).size / 2**20:.0f} MiB) into the cache")
        unpack(package, tree)
        modules = tree / "lib" / "modules"
        if not modules.is_dir():  # packages of a merged-/usr release
            modules.parent.mkdir(exist_ok=True)
            modules.symlink_to("../usr/lib/modules")
        status, out, err = run_tool(["depmod", "-b", str(tree), release], "kmod", 300)
        if status:
            raise VmtestError(f"depmod failed for {release}: {last_line(out, err)}")
        return [f"boot/vmlinuz-{release}", f"lib/modules/{release}/modules.dep"]

    return KernelTree(release, ensure(kernel_entry(release), build))


def fetch_kernel(kernel: Kernel, report: Report = silent) -> KernelTree:
    """Return the newest kernel of a series; without apt's lists or the network, the newest one in the cache.

    Raises VmtestError when there is neither.
    """
    try:
        return fetch_release(resolve_release(kernel), report)
    except VmtestError as error:
        cached = cached_releases(kernel)
        if not cached:
            raise
        report(f"using {cached[0]} from the cache: {error}")
        return fetch_release(cached[0], report)


def make_relocatable(tree: Path, release: str) -> None:
    """Let unpacked headers be used where they are: they name /usr/src and /usr/lib by absolute paths."""
    for folder, directories, names in os.walk(tree):
        for path in (Path(folder, name) for name in (*directories, *names)):
            if path.is_symlink() and (target := path.readlink()).is_absolute():
                inside = tree / target.relative_to("/")
                if inside.exists():
                    path.unlink()
                    path.symlink_to(os.path.relpath(inside, path.parent))
    makefile = tree / "usr" / "src" / f"linux-headers-{release}" / "Makefile"
    text = makefile.read_text()
    here = "$(dir $(abspath $(lastword $(MAKEFILE_LIST))))../"
    text = re.sub(r"^include\s+/usr/src/", lambda _: f"include {here}", text, flags=re.MULTILINE)
    makefile.write_text(text)


def fetch_headers(release: str, report: Report = silent) -> Path:
    """Return the build directory (for make -C) of one release, with all that it needs. Raises VmtestError."""
    package = f"linux-headers-{release}"
    build_dir = f"usr/src/{package}"

    def build(tree: Path) -> list[str]:
        wanted = re.compile(r"linux-(headers-.*-common|kbuild-.*)")
        needed = [names[0] for names in look_up(package).depends if wanted.fullmatch(names[0])]
        for name in (package, *needed):
            report(f"fetching {name} into the cache")
            unpack(name, tree)
        make_relocatable(tree, release)
        return [f"{build_dir}/Makefile", f"{build_dir}/Module.symvers"]

    return ensure(cache_root() / "headers" / release, build) / build_dir
