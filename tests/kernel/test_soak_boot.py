"""A boot by systemd with the unit of `ringward guard --print-unit`, in enforce: what is stock goes on, all else not."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from ringward.guard.pins import FOLDER
from ringward.trust.store import PATH
from tests.kernel.calls import awaited
from tests.kernel.guarding import load
from tests.kernel.guest_only import only_in_guest
from tests.kernel.machine import knocking, needed_files, package, padded, param, work
from tests.kernel.witness import SECONDS, image, listed, remove, sha256sum

pytestmark = [pytest.mark.guest, pytest.mark.modules, pytest.mark.soak, pytest.mark.one_way]

UNIT = "ringward-guard.service"
SYSTEMD = Path("/lib/systemd/systemd")
TURNS = 2000
"""Looks at the unit, each with a sleep of 0.2 s. An emulated guest boots in a minute."""
RINGWARD = Path(sys.executable).with_name("ringward")
EVENTS = Path("/run/guard.jsonl")
LISTED = ("msdos", "nbd")
"""What modules-load.d names."""
STOCK = ("acpi", "ata", "block", "cdrom", "char", "firmware", "i2c", "input", "md", "tty", "virtio")
"""Drivers that systemd loads by name, or that input devices want which come later."""
BROUGHT = ("iTCO_wdt", "sg", "sr_mod", "sd_mod")
"""Drivers of devices that the drivers of QEMU's devices bring."""
SLOW = "[Service]\nTimeoutStartSec=15min\n"
"""An emulated guest on a busy machine needs more than a minute for what a machine does in seconds."""
DISK = Path("/srv/disk")
SUMS = """\
for file; do
    sha256sum "$file"
    case "$file" in *.xz) xz -dc "$file" ;; *) cat "$file" ;; esac | sha256sum
done
"""
POSTINST = """\
#!/bin/sh
case "$1" in
triggered) echo "triggered by $2" >> /run/rw-log ;;
configure)
    modprobe dummy && echo stock >> /run/rw-log
    insmod {module} 2>> /run/rw-err || echo refused >> /run/rw-log ;;
esac
"""


def run(*command: str | Path) -> str:
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, (command, done.stdout, done.stderr)
    return done.stdout


def shown(unit: str) -> dict[str, str]:
    """Return what systemd says of a unit; nothing while it cannot be asked."""
    done = subprocess.run(["systemctl", "show", unit], check=False, capture_output=True, text=True)
    return dict(line.split("=", 1) for line in done.stdout.splitlines() if "=" in line)


def journal(*options: str) -> str:
    return run("journalctl", "--no-pager", "-b", *options)


def until(unit: str, state: str) -> dict[str, str]:
    for _ in range(TURNS):
        found = shown(unit)
        # A service that systemd starts again is never in the state "failed" for long.
        if found.get("ActiveState") in (state, "failed") or found.get("NRestarts", "0") != "0":
            break
        time.sleep(0.2)
    assert found.get("ActiveState") == state, (found, run("systemctl", "list-jobs"), journal())
    return found


def trust_stock(folder: Path) -> None:
    """Trust modules of this kernel: all but drivers and sound, and of those the ones that can be wanted here.

    To read the other 2,500 drivers would take the guest some minutes.
    """
    release = os.uname().release
    tree = Path("/lib/modules", release, "kernel").resolve()
    whole = [top for top in tree.iterdir() if top.name not in ("drivers", "sound")]
    for top in (*whole, *(tree / "drivers" / name for name in STOCK)):
        place = folder / "lib/modules" / release / "kernel" / top.relative_to(tree)
        place.mkdir(parents=True)
        run("mount", "--bind", top, place)
    run(RINGWARD, "trust", "init", "--sysroot", folder, "--modules", release, "--database", PATH)
    run(RINGWARD, "trust", "add", *sorted(needed_files("dummy", *BROUGHT)), "--reason", "stock")


def add_disk(folder: Path) -> None:
    """Have fstab name a disk by its label: systemd mounts it once udev has told of that."""
    disk = folder / "disk.img"
    with disk.open("wb") as file:
        file.truncate(8 << 20)
    run("mkfs.ext4", "-q", "-F", "-L", "rw_disk", disk)
    run("modprobe", "loop", "max_loop=1")
    run("losetup", "--find", disk)
    DISK.mkdir()
    Path("/etc/fstab").write_text(f"LABEL=rw_disk {DISK} ext4 x-systemd.device-timeout=15min 0 0\n")


def boot() -> None:
    """Have systemd become the first process."""
    # It would clean up /tmp, which is the host's: many files, by way of 9p.
    Path("/etc/systemd/system/systemd-tmpfiles-setup.service").symlink_to(os.devnull)
    init = Path("/run/vmtest.init")
    init.write_text(f"#!/bin/sh\nexec {SYSTEMD} --unit=sysinit.target\n")
    init.chmod(0o755)
    os.kill(1, signal.SIGUSR1)


def told() -> list[dict[str, Any]]:
    """Return the verdicts on modules so far."""
    events = map(json.loads, EVENTS.read_text().split("\n")[:-1])
    return [event for event in events if event["event"] == "module_verdict"]


def status() -> dict[str, Any]:
    return json.loads(run(RINGWARD, "guard", "--status", "--json"))


def digests(names: list[str]) -> dict[str, set[str]]:
    """Return what sha256sum says of stock modules: of the file as it is, and unpacked."""
    files = run("modinfo", "-n", *names).split()
    lines = [line.split()[0] for line in run("sh", "-ec", SUMS, "sh", *files).splitlines()]
    return {name: set(lines[2 * index :][:2]) for index, name in enumerate(names)}


def decided_before_all(guard: dict[str, str]) -> None:
    """Compare when the guard said that it decides with when systemd began what loads modules."""
    decides = int(guard["ActiveEnterTimestampMonotonic"])
    assert 0 < int(guard["ExecMainStartTimestampMonotonic"]) < decides
    for unit in ("systemd-udev-trigger.service", "systemd-modules-load.service"):
        assert decides <= int(until(unit, "active")["ExecMainStartTimestampMonotonic"]), unit


def went_on(before: set[str]) -> None:
    """Check that what a stock boot loads was judged, let in and told."""
    until("srv-disk.mount", "active")
    assert DISK.is_mount()
    verdicts = told()
    found = {(one["args"]["mode"], one["args"]["verdict"]) for one in verdicts}
    assert found == {("enforce", "allow")}, journal("-t", "ringward")
    by = {one["args"]["name"]: one for one in verdicts}
    fresh = [name for name in listed() if name not in before]
    # The newest comes first: from the first that was judged on all were.
    judged = [name for name in fresh if name in by]
    assert fresh[: len(judged)] == judged
    origins = {name: one["load"]["origin"]["kind"] for name, one in by.items()}
    assert {origins[name] for name in LISTED} == {"modules-load"}
    assert origins["ext4"] == "request"
    assert "udev" in origins.values()
    for name, either in digests(judged).items():
        assert by[name]["args"]["digest"] in either, name
    assert run("systemctl", "list-units", "--failed", "--plain", "--no-legend") == ""


def refuses(*modules: Path) -> None:
    """Check that modules are refused, and a stock one that comes after them is not."""
    for module in modules:
        assert load(module) == -errno.EKEYREJECTED
        done = subprocess.run(["insmod", module], check=False, capture_output=True, text=True)
        assert "Key was rejected by service" in done.stderr
    run("modprobe", "dummy")
    assert "dummy" in listed()
    assert "rw_param" not in listed()
    remove("dummy")


def logged(*modules: Path) -> None:
    """Check that the refusals of modules are in the journal, and among the events."""
    for digest in map(sha256sum, modules):
        awaited(partial(refused_in_journal, digest), "the refusal in the journal", SECONDS)
        verdicts = [one["args"] for one in told() if one["args"]["digest"] == digest]
        assert {(one["verdict"], one["refused"]) for one in verdicts} == {("deny", True)}


def refused_in_journal(digest: str) -> bool:
    return f"(sha256 {digest}" in journal("-t", "ringward")


def install(folder: Path, unknown: Path) -> None:
    """Install packages with scripts and a trigger: one loads a stock module, and one that nobody has trusted."""
    scripts = {"postinst": POSTINST.format(module=unknown), "triggers": "interest-noawait /opt/own\n"}
    for archive in (
        package(folder, "rw-own", {"opt/rw-own": b"#!/bin/sh\n"}, scripts),
        package(folder, "rw-other", {"opt/own/data": b"data"}, {}),
    ):
        run("dpkg", "-i", archive)
    assert Path("/run/rw-log").read_text().splitlines() == ["stock", "refused", "triggered by /opt/own"]
    assert "Key was rejected by service" in Path("/run/rw-err").read_text()
    remove("dummy")


def test_a_boot_by_systemd_that_enforces(tmp_path: Path) -> None:
    only_in_guest()
    trust_stock(tmp_path / "stock")
    changed = padded(image("dummy", tmp_path), "changed.ko", 8)
    add_disk(tmp_path)
    Path("/etc/modules-load.d/stock.conf").write_text("\n".join(LISTED))
    options = ("--mode", "enforce", "--on-end", "continue", "--json", "-o", str(EVENTS))
    Path("/etc/systemd/system", UNIT).write_text(run(RINGWARD, "guard", *options, "--print-unit"))
    slow = Path("/etc/systemd/system", f"{UNIT}.d", "slow.conf")
    slow.parent.mkdir()
    slow.write_text(SLOW)
    run("systemctl", "enable", UNIT)
    before = set(listed())
    boot()
    guard = until(UNIT, "active")
    until("sysinit.target", "active")
    assert Path("/proc/1/comm").read_text() == "systemd\n"
    run("udevadm", "settle", "--timeout=600")
    decided_before_all(guard)
    went_on(before)
    found = status()
    assert set(found["modes"].values()) == {"enforce"}
    assert (found["alive"], found["on_end"], str(found["pid"])) == (True, "continue", guard["MainPID"])
    refuses(param(), changed)
    logged(param(), changed)
    for name in ("work", "packages"):
        (tmp_path / name).mkdir()
    work(tmp_path / "work")
    install(tmp_path / "packages", changed)
    # Started again, it takes over: what knocks in between is never let in.
    with knocking(param()) as results:
        run("systemctl", "restart", UNIT)
    assert len(results) > 5
    assert set(results) == {-errno.EKEYREJECTED}
    assert status()["pid"] != found["pid"]
    # Ended by systemd, the kernel part goes on.
    run("systemctl", "stop", UNIT)
    assert "its process ends; the kernel part will continue" in journal("-t", "ringward")
    found = status()
    assert (found["active"], found["alive"]) == (True, False)
    refuses(param(), changed)
    run(RINGWARD, "guard", "--off")
    assert not FOLDER.exists()
    assert load(param()) == 0
    remove("rw_param")
