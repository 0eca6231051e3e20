"""What was measured on: the figures mean nothing without it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from pathlib import Path


def _first(path: str, pattern: str) -> str:
    found = re.search(pattern, Path(path).read_text(), re.MULTILINE)
    return found.group(1) if found else "?"


def _version(*command: str) -> str:
    if not shutil.which(command[0]):
        return "not installed"
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip().splitlines()[0]


def is_virtual() -> bool:
    """Return whether the CPU says that a hypervisor runs beneath it."""
    return "hypervisor" in _first("/proc/cpuinfo", r"^flags\s*:\s*(.*)$").split()


def facts() -> dict[str, str]:
    """Return date, kernel, machine and the versions of what is compared."""
    memory = int(_first("/proc/meminfo", r"^MemTotal:\s+(\d+)")) / 1024 / 1024
    return {
        "date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        "kernel": os.uname().release,
        "processor": _first("/proc/cpuinfo", r"^model name\s*:\s*(.*)$"),
        "cores": f"{os.cpu_count()}{', virtual machine' if is_virtual() else ''}",
        "memory": f"{memory:.0f} GiB",
        "python": _version("python3", "--version"),
        "bpftrace": _version("bpftrace", "--version"),
        "strace": _version("strace", "--version"),
        "perf": _version("perf", "--version"),
        "openssl": _version("openssl", "version"),
    }


def load() -> float:
    """Return for which part of the last ten seconds some task waited for a processor (0 to 1)."""
    return float(_first("/proc/pressure/cpu", r"^some avg10=([\d.]+)")) / 100
