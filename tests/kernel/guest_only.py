"""The one check before anything is denied: that this is a guest of vmtest, and no machine that somebody works on."""

from __future__ import annotations

import os
from pathlib import Path

INIT = "/vm/init"
"""What vmtest starts as the guest's first process, below the folder of results (vmtest/script.py)."""


def guest_fault(cmdline: str, environment: dict[str, str]) -> str | None:
    """Return why this is not known to be a guest of vmtest; None: it is one.

    Args:
        cmdline: of the kernel, that runs here.
        environment: of this process.

    """
    results = environment.get("VMTEST_RESULTS")
    if not results:
        return "VMTEST_RESULTS is not set"
    # Nobody can set the command line of a kernel that is running.
    if f"init={results}{INIT}" not in cmdline.split():
        return f"the kernel was not started with init={results}{INIT}"
    return None


def only_in_guest() -> None:
    """Raise unless this is a guest of vmtest: what follows denies, and would stop a machine.

    Raises:
        RuntimeError: it is not.

    """
    fault = guest_fault(Path("/proc/cmdline").read_text(), dict(os.environ))
    if fault:
        raise RuntimeError(f"denying is tried in guests only (python -m vmtest): {fault}")
