# SPDX-License-Identifier: Apache-2.0
"""The one list of kernels that Ringward is tested on. The support matrix is checked against it."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vmtest.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True)
class Kernel:
    """A kernel that guests can boot.

    `name` is the series as users write it ("6.12"), `meta_package` the Debian package that depends on the
    newest image of that series, `notes` what a test author must know about it.
    """

    name: str
    meta_package: str
    notes: str


KERNELS: tuple[Kernel, ...] = (
    Kernel(
        "6.1",
        "linux-image-amd64",
        "Debian 12's own kernel; modules are .ko, not compressed",
    ),
    Kernel(
        "6.12",
        "linux-image-6.12-amd64",
        "Debian 12's newer kernel (bookworm-security); modules are .ko.xz, which kmod 30 decompresses itself",
    ),
)


def kernel_names() -> list[str]:
    """Return the names that `-k` accepts, apart from `all`."""
    return [kernel.name for kernel in KERNELS]


def find_kernel(name: str) -> Kernel:
    """Return the kernel of that name. Raises UsageError with the nearest names."""
    for kernel in KERNELS:
        if kernel.name == name:
            return kernel
    names = kernel_names()
    nearest = difflib.get_close_matches(name, names, n=3, cutoff=0.4) or names
    raise UsageError(f"unknown kernel {name!r}; nearest: {', '.join(nearest)} (python -m vmtest --list shows all)")


def select_kernels(names: Iterable[str]) -> list[Kernel]:
    """Kernels for `-k` options, in the order given, each once; `all` is every one. Raises UsageError."""
    selected: dict[str, Kernel] = {}
    for name in names:
        for kernel in KERNELS if name == "all" else (find_kernel(name),):
            selected.setdefault(kernel.name, kernel)
    return list(selected.values())
