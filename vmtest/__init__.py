# SPDX-License-Identifier: Apache-2.0
"""Boot a guest with a Debian kernel on this machine's root file system and run a command in it."""

from __future__ import annotations

from vmtest.errors import GuestError, UsageError, VmtestError
from vmtest.guest import GuestResult, run_guest
from vmtest.kernels import KERNELS, Kernel
from vmtest.modules import build_modules

__all__ = [
    "KERNELS",
    "GuestError",
    "GuestResult",
    "Kernel",
    "UsageError",
    "VmtestError",
    "build_modules",
    "run_guest",
]
