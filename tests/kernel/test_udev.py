"""udev's own loads: the device that each is for, by the messages of a real systemd-udevd."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from ringward.events import Event
from ringward.sensor.origin import Device
from ringward.sensor.udev import Workers
from tests.kernel.conftest import Watch
from tests.kernel.witness import listed, remove

pytestmark = [pytest.mark.guest, pytest.mark.modules]
UDEVD = Path("/lib/systemd/systemd-udevd")
# Modules that the guest itself stands on.
KEPT = {"9p", "9pnet", "9pnet_virtio", "netfs", "fscache", "overlay", "virtio", "virtio_pci", "virtio_ring"}
# Whose devices have a MODALIAS; all devices take an emulated guest too long.
BUSES = {
    "fentry": ("pci", "platform", "scsi", "serio", "acpi", "cpu", "virtio", "input"),
    "kprobe": ("pci", "input"),
}
FEWEST = {"fentry": 20, "kprobe": 3}


def run(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


def start() -> None:
    subprocess.run([UDEVD, "--daemon", "--children-max=4"], check=True, capture_output=True)


def end() -> None:
    """End it with its workers: two that run at once both answer the kernel. Some do not end when asked."""
    run("udevadm", "control", "--exit")
    until = time.monotonic() + 3
    while left := run("pidof", "systemd-udevd", "udevadm").split():
        time.sleep(0.1)
        if time.monotonic() > until:
            run("kill", "-KILL", *left)


@pytest.fixture
def udevd() -> Iterator[None]:
    assert UDEVD.exists(), "install the Debian package udev on the machine whose root the guest shares"
    start()
    yield
    end()


def restart() -> None:
    end()
    start()


def unload_all() -> None:
    """Remove every module that can go, dependencies last."""
    for _ in range(4):
        for name, line in listed().items():
            if line.refcount == 0 and name not in KEPT:
                subprocess.run(["rmmod", name], check=False, capture_output=True)


def trigger(*devices: str) -> None:
    """Make the kernel announce devices anew, and wait until udev is done."""
    run("udevadm", "trigger", "--action=add", *devices)
    run("udevadm", "settle", "--timeout=120")


@cache
def candidates(modalias: str) -> set[str]:
    """Return what modprobe would load for an alias, with what that needs."""
    lines = (line.split() for line in run("modprobe", "--show-depends", modalias).splitlines())
    return {Path(words[1]).name.split(".ko")[0].replace("-", "_") for words in lines if words[0] == "insmod"}


def join(events: list[Event]) -> list[tuple[str, Device]]:
    """Return each load that udev made, with its device."""
    workers, found = Workers(), []
    for event in events:
        if event.event == "udev_device":
            workers.tell(event.process.id, event.args.stage, Device(event.args.devpath, event.args.modalias))
        elif event.event == "module_load" and "udev" in event.process.exe:
            name = event.args.name
            device = workers.at(event.process.id, lambda late, name=name: found.append((name, late)))
            if device:
                found.append((name, device))
    return found


@pytest.mark.parametrize("rung", BUSES)
def test_every_load_is_for_the_device_that_its_alias_says(udevd: None, watch, rung: str) -> None:
    unload_all()
    w: Watch = watch("module_load", "udev_device", hook=rung)
    assert w.info.attached["udev_device"].rung == rung
    # A worker that was just forked knows its first device without a message.
    found = sorted(Path("/sys/devices/pci0000:00").glob("*/modalias"))
    first = [path.parent for path in found if candidates(path.read_text().strip())][:3]
    assert len(first) > 1, "the guest has next to no device that a module is for"
    for device in first:
        restart()
        trigger(str(device))
    unload_all()
    trigger(*(f"--subsystem-match={name}" for name in BUSES[rung]))  # four workers at once
    w.settle(3)
    by_udev = [e for e in w.of("module_load") if "udev" in e.process.exe]
    joined = join(w.events)
    assert len(by_udev) > FEWEST[rung], "udev loaded next to nothing: the test shows nothing"
    assert len(joined) == len(by_udev), "a load has no device"
    assert w.of("events_lost") == []
    wrong = []
    for name, device in joined:
        assert device.devpath
        modalias = Path(f"/sys{device.devpath}/modalias")
        if modalias.exists() and device.modalias is not None:
            assert device.modalias == modalias.read_text().strip()
        # 80-debian-compat.rules: every SCSI device loads sg, whatever its alias.
        if name != "sg" and name not in candidates(device.modalias or ""):
            wrong.append((name, device))
    assert wrong == []
    stages = [e.args.stage for e in w.of("udev_device")]
    assert stages.count("processed") > stages.count("received") > FEWEST[rung]
    remove("sg")


def test_a_message_is_the_workers(udevd: None, watch) -> None:
    w: Watch = watch("udev_device")
    device = Path("/sys/devices/virtual/mem/null")
    for _ in range(3):
        trigger(str(device))
    w.settle(1)
    events = [e for e in w.of("udev_device") if e.args.devpath == "/devices/virtual/mem/null"]
    done = [e for e in events if e.args.stage == "processed"]
    taken = [e for e in events if e.args.stage == "received"]
    assert len(done) == 3
    assert len(taken) >= 1
    (manager,) = {e.args.sender for e in taken}
    assert Path(f"/proc/{manager}/exe").resolve().name == "udevadm"
    for event in events:
        assert (event.args.action, event.args.subsystem, event.args.modalias) == ("add", "mem", None)
        assert event.unread["modalias"]
        assert event.process.ppid == manager
        assert event.args.sender_uid == 0
    for event in done:
        assert event.args.sender == event.process.pid
    numbers = [e.args.seqnum for e in done]
    assert numbers == sorted(numbers)
    assert all(e.args.seqnum in numbers for e in taken)
