"""The kernel trees of Debian's packages, and the installed kmod to compare with."""

from __future__ import annotations

import os
import shutil
from typing import NamedTuple

import pytest

from tests.kmod import kmod34
from vmtest.errors import VmtestError
from vmtest.kernels import find_kernel, kernel_names
from vmtest.suites import UnreachableError
from vmtest.trees import cached_releases, fetch_kernel, kernel_entry


class KernelTree(NamedTuple):
    """Where lib/modules/VERSION is."""

    base: str
    version: str

    @property
    def directory(self) -> str:
        return f"{self.base}/lib/modules/{self.version}"


@pytest.fixture(scope="session", params=kernel_names())
def kernel_tree(request: pytest.FixtureRequest) -> KernelTree:
    """Return the tree of one of the kernels that Ringward is tested on, indexes by the installed depmod."""
    kernel = find_kernel(request.param)
    cached = cached_releases(kernel)
    if cached:
        return KernelTree(str(kernel_entry(cached[0])), cached[0])
    try:
        tree = fetch_kernel(kernel)
    except VmtestError as error:
        pytest.skip(f"no kernel tree of {kernel.name}: {error}")
    return KernelTree(str(tree.root), tree.release)


def installed(tool: str) -> str:
    """Return the path of one of kmod's tools; skip where there is none."""
    found = shutil.which(tool, path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin")
    if found is None:
        pytest.skip(f"kmod's {tool} is not installed")
    return found


def kmod_34(tool: str) -> str:
    """Return the path of one of kmod 34's tools; skip without the network and without them in the cache."""
    try:
        return str(kmod34.folder() / tool)
    except UnreachableError as error:
        pytest.skip(f"no kmod 34 in the cache: {error}")


@pytest.fixture(scope="session")
def kmod_modprobe() -> str:
    return installed("modprobe")


@pytest.fixture(scope="session", params=[installed, kmod_34], ids=["installed", "34"])
def either_modprobe(request: pytest.FixtureRequest) -> str:
    """Return the installed modprobe, then that of kmod 34."""
    return str(request.param("modprobe"))
