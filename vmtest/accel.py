# SPDX-License-Identifier: Apache-2.0
"""KVM when it truly runs code here, software emulation (TCG) when it does not.

/dev/kvm can exist, open, and create machines, and still fail before the first instruction (nested
virtualization that is switched off, a filtered MSR). So the probe runs a few instructions in a machine of
its own.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from vmtest.cache import cache_root
from vmtest.packages import last_line

if TYPE_CHECKING:
    from collections.abc import Sequence

PROBE_SECONDS = 10.0
KEEP_SECONDS = 3600.0

# x86 starts at the last 16 bytes of the ROM: mov al,0x10; out 0xf4,al; hlt; jmp $-1
_RESET_CODE = bytes.fromhex("b010 e6f4 f4 ebfd")
# QEMU's isa-debug-exit ends the process with status (value << 1) | 1 (hw/misc/debugexit.c).
PROBE_STATUS = (0x10 << 1) | 1


@dataclass(frozen=True)
class Accelerator:
    """`name` is "kvm" or "tcg", QEMU's own names; `reason` one line on why."""

    name: str
    reason: str

    def __str__(self) -> str:
        label = "KVM" if self.name == "kvm" else "software emulation"
        return f"{label} ({self.reason})"


def decide(status: int | None, stderr: str) -> Accelerator:
    """Return what the probe's end means; `status` is None when it did not end in time."""
    if status == PROBE_STATUS:
        return Accelerator("kvm", "a probe ran code under it")
    if status is None:
        return Accelerator("tcg", f"KVM: the probe hung for {PROBE_SECONDS:g} s")
    errors = [line for line in stderr.splitlines() if "error" in line.lower()]
    why = errors[0].strip() if errors else last_line(stderr)
    return Accelerator("tcg", f"KVM: {why} (probe status {status})")


def device_problem(device: Path) -> str | None:
    """Why KVM need not even be tried, or None."""
    if not device.exists():
        return f"{device} does not exist"
    if not os.access(device, os.R_OK | os.W_OK):
        return f"no permission for {device}; its group is usually kvm"
    return None


def probe_command(qemu: str, rom: Path, accelerator: str = "kvm", cpu: str = "host") -> list[str]:
    """Return the command line of a machine that runs the reset code and ends with PROBE_STATUS."""
    machine = f"-machine q35 -accel {accelerator} -cpu {cpu} -m 16M -nodefaults -no-user-config".split()
    devices = ["-display", "none", "-no-reboot", "-device", "isa-debug-exit,iobase=0xf4,iosize=0x04"]
    return [qemu, *machine, *devices, "-bios", str(rom)]


def write_rom(rom: Path) -> Path:
    """Write a 64 KiB ROM of hlt instructions with the reset code at its reset vector."""
    image = bytearray(b"\xf4" * 65536)
    image[0xFFF0 : 0xFFF0 + len(_RESET_CODE)] = _RESET_CODE
    rom.write_bytes(image)
    return rom


def run_probe(command: Sequence[str]) -> tuple[int | None, str]:
    """Status (negative: the signal that ended it; None: ended by us after PROBE_SECONDS) and stderr."""
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace",
            timeout=PROBE_SECONDS, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return None, ""
    return done.returncode, done.stderr


def recall(text: str, key: str, at: float) -> Accelerator | None:
    """Return the answer kept in `text` if it is for the same machine state (`key`) and still fresh."""
    with contextlib.suppress(ValueError, KeyError, TypeError):
        kept = json.loads(text)
        if kept["key"] == key and 0 <= at - kept["time"] < KEEP_SECONDS and kept["name"] in ("kvm", "tcg"):
            return Accelerator(kept["name"], str(kept["reason"]))
    return None


def choose_accelerator(qemu: str, device: Path = Path("/dev/kvm")) -> Accelerator:
    """Return the accelerator for this boot, user and QEMU; the probe's answer is kept for an hour."""
    if problem := device_problem(device):
        return Accelerator("tcg", f"KVM: {problem}")
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    key = f"{boot} {os.getuid()} {qemu} {Path(qemu).stat().st_mtime_ns} {device.stat().st_mtime_ns}"
    kept = cache_root() / "accelerator.json"
    with contextlib.suppress(OSError):
        if answer := recall(kept.read_text(), key, time.time()):
            return answer
    with tempfile.TemporaryDirectory(prefix="vmtest-") as folder:
        answer = decide(*run_probe(probe_command(qemu, write_rom(Path(folder, "probe.rom")))))
    with contextlib.suppress(OSError):  # a cache that cannot be written costs a probe each time, no more
        part = kept.with_suffix(f".{os.getpid()}")
        part.write_text(json.dumps({"key": key, "time": time.time(), **asdict(answer)}))
        part.replace(kept)
    return answer
