"""A boot by systemd with the unit of `ringward guard --print-unit`: it decides before devices are looked for."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ringward.guard.pins import FOLDER
from ringward.trust import rows
from ringward.trust.entry import Entry, Item, Kind, Who
from ringward.trust.store import PATH, open_store
from tests.kernel.guest_only import only_in_guest

pytestmark = [pytest.mark.guest, pytest.mark.modules, pytest.mark.soak, pytest.mark.one_way]

UNIT = "ringward-guard.service"
SYSTEMD = Path("/lib/systemd/systemd")
TURNS = 900
"""Looks at the unit, each with a sleep of 0.2 s. An emulated guest boots in a minute."""
RINGWARD = Path(sys.executable).with_name("ringward")


def run(*command: str | Path) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def shown(unit: str) -> dict[str, str]:
    """Return what systemd says of a unit; nothing while it cannot be asked."""
    done = subprocess.run(["systemctl", "show", unit], check=False, capture_output=True, text=True)
    return dict(line.split("=", 1) for line in done.stdout.splitlines() if "=" in line)


def until(unit: str, state: str) -> dict[str, str]:
    for _ in range(TURNS):
        found = shown(unit)
        if found.get("ActiveState") in (state, "failed"):
            break
        time.sleep(0.2)
    log = subprocess.run(["journalctl", "-u", unit, "--no-pager"], check=False, capture_output=True, text=True).stdout
    assert found.get("ActiveState") == state, (found, log)
    return found


def test_a_boot_by_systemd() -> None:
    only_in_guest()
    with open_store(PATH, write=True, create=True) as store, store.change() as connection:
        rows.add(connection, [Entry(Item(bytes(32), Kind.PROGRAM, ""), "hand", Who(None, 0, 1))])
    options = ("--mode", "monitor", "--on-end", "continue")
    text = run(RINGWARD, "guard", *options, "--print-unit")
    Path("/etc/systemd/system", UNIT).write_text(text)
    run("systemctl", "enable", UNIT)
    # It would clean up /tmp, which is the host's: many files, by way of 9p.
    Path("/etc/systemd/system/systemd-tmpfiles-setup.service").symlink_to(os.devnull)
    init = Path("/run/vmtest.init")
    init.write_text(f"#!/bin/sh\nexec {SYSTEMD} --unit=sysinit.target\n")
    init.chmod(0o755)
    os.kill(1, signal.SIGUSR1)
    guard, udev = until(UNIT, "active"), until("systemd-udev-trigger.service", "active")
    assert Path("/proc/1/comm").read_text() == "systemd\n"
    # It had said that it decides before the kernel was asked for its devices again.
    assert 0 < int(guard["ActiveEnterTimestampMonotonic"]) <= int(udev["ExecMainStartTimestampMonotonic"])
    assert int(guard["ExecMainStartTimestampMonotonic"]) < int(guard["ActiveEnterTimestampMonotonic"])
    status = subprocess.run([RINGWARD, "guard", "--status"], check=False, capture_output=True, text=True)
    assert status.returncode == 0, status.stderr
    # Ended by systemd, the kernel part goes on; started again, it takes over.
    assert FOLDER.exists()
    run("systemctl", "restart", UNIT)
    assert shown(UNIT)["MainPID"] != guard["MainPID"]
    run("systemctl", "stop", UNIT)
    assert FOLDER.exists()
    assert "its process ends; the kernel part will continue" in run("journalctl", "--no-pager", "-b")
    run(RINGWARD, "guard", "--off")
