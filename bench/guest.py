"""Measurements that are made in a guest: what would change this machine, or what it has not got."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from bench.row import CannotMeasureError

KERNEL = "6.12"
EMULATED = f"in an emulated guest (Linux {KERNEL})"


def measured(module: str, *args: str, seconds: int = 900, icount: bool = False) -> Any:
    """Run ``python -m MODULE ARGS`` as root in a guest; return the JSON in the last line that it prints.

    Args:
        module: of Python.
        args: for it.
        seconds: that the guest has.
        icount: its clocks count instructions, a nanosecond each, on one processor.

    Raises:
        CannotMeasureError: the guest did not run, or the program failed.

    """
    results = Path(tempfile.mkdtemp(prefix="ringward-bench-guest-"))
    guest = ["-k", KERNEL, "--timeout", str(seconds), "--results", str(results)]
    guest += ["--icount"] if icount else ["--cpus", "2"]
    done = subprocess.run(
        [sys.executable, "-m", "vmtest", *guest, "--", sys.executable, "-m", module, *args],
        check=False,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        said = (done.stdout + done.stderr).splitlines()
        errors = [line for line in said if re.match(r"[\w.]*Error: |vmtest: (?!kernel)", line)]
        raise CannotMeasureError(f"the guest ended with {done.returncode}: {''.join(errors[-1:])}")
    return json.loads(done.stdout.strip().splitlines()[-1])
