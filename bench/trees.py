"""The kernels of the guests, as trees of modules."""

from __future__ import annotations

from bench.row import CannotMeasureError
from vmtest.errors import VmtestError
from vmtest.kernels import Kernel
from vmtest.trees import KernelTree, fetch_kernel


def tree_of(kernel: Kernel) -> KernelTree:
    """Return a kernel's tree.

    Raises:
        CannotMeasureError: it is not there, and cannot be fetched.

    """
    try:
        return fetch_kernel(kernel)
    except VmtestError as error:
        raise CannotMeasureError(f"no tree of {kernel.name}: {error}") from error
