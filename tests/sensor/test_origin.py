"""Where a load came from: a decision by identity."""

from __future__ import annotations

from typing import Any

import pytest

from ringward.events import Ancestor, Origin, Process
from ringward.sensor.origin import MODULES_LOAD, UDEV, Device, Request, origin, person, udev_worker

BASH = Ancestor("10@1", 10, "bash", "/usr/bin/bash", ("-bash",))
INIT = Ancestor("1@0", 1, "systemd", "/usr/lib/systemd/systemd", ("/sbin/init",))
REQUEST = Request("2a", "net-pf-5", Ancestor("123@5", 123, "python3", "/usr/bin/python3"))
DEVICE = Device("/devices/pci0000:00/0000:00:03.0", "pci:v00001AF4d00001000")


def process(exe: str | None = "/usr/bin/kmod", comm: str = "modprobe", **more: Any) -> Process:
    values: dict[str, Any] = {
        "id": "20@2",
        "pid": 20,
        "tid": 20,
        "start_time": 20_000_000,
        "ppid": 10,
        "parent": "10@1",
        **dict.fromkeys(("uid", "gid", "euid", "egid"), 0),
        "loginuid": None,
        "sessionid": None,
        "comm": comm,
        "exe": exe,
        "args": ("modprobe", "msdos"),
        "cwd": "/",
        "cgroup": "/",
        "container": None,
        "namespaces": {},
        "ancestors": (BASH, INIT),
    }
    return Process(**(values | more))


def test_a_request_of_the_kernel_comes_first() -> None:
    found = origin(process("/usr/lib/systemd/systemd-udevd"), REQUEST, DEVICE, initramfs=True)
    assert found == Origin(
        "request",
        "kernel asked for net-pf-5 for python3[123]",
        alias="net-pf-5",
        request="2a",
        requester=REQUEST.requester,
    )


def test_a_request_that_was_not_seen_says_so_in_its_text() -> None:
    found = origin(process(), Request("2a", None, Ancestor("7@7", 7)), None)
    assert (found.text, found.alias) == ("kernel asked for ? for ?[7]", None)


@pytest.mark.parametrize("initramfs", [False, True])
def test_what_the_kernel_has_started_for_a_request_that_is_not_known_is_no_command(initramfs: bool) -> None:
    line = (Ancestor("90@1", 90, "kworker/u8:1"), Ancestor("2@0", 2, "kthreadd"))
    found = origin(process(ancestors=line), None, None, initramfs=initramfs)
    assert (found.kind, found.text) == ("unknown", "modprobe msdos[20], by kworker/u8:1[90]")
    assert found.unread == {"kind": "the kernel has started the program, and for what was not seen"}
    assert origin(process(ancestors=line), REQUEST, None).kind == "request"


@pytest.mark.parametrize("exe", sorted(UDEV))
def test_udev_with_its_device(exe: str) -> None:
    found = origin(process(exe), None, DEVICE)
    assert (found.kind, found.device, found.modalias) == ("udev", DEVICE.devpath, DEVICE.modalias)
    assert str(DEVICE.devpath) in found.text
    assert found.unread == {}


def test_a_program_that_udev_runs_is_udevs() -> None:
    worker = Ancestor("9@9", 9, "(udev-worker)", "/usr/lib/systemd/systemd-udevd")
    assert origin(process(ancestors=(worker, INIT)), None, DEVICE).kind == "udev"


def test_a_device_without_an_alias_says_so() -> None:
    found = origin(process(min(UDEV)), None, Device("/devices/virtual/x", None))
    assert (found.device, found.modalias) == ("/devices/virtual/x", None)
    assert set(found.unread) == {"modalias"}


def test_the_worker_is_the_nearest_of_udevs_processes() -> None:
    udev = min(UDEV)
    worker, manager = Ancestor("9@9", 9, "(udev-worker)", udev), Ancestor("8@8", 8, "systemd-udevd", udev)
    assert udev_worker(process(udev, ancestors=(manager, INIT))) == "20@2"
    assert udev_worker(process(ancestors=(BASH, worker, manager, INIT))) == "9@9"


def test_udev_without_a_device_has_reasons() -> None:
    found = origin(process(min(UDEV)), None, None)
    assert (found.kind, found.device, found.modalias) == ("udev", None, None)
    assert set(found.unread) == {"device", "modalias"}


@pytest.mark.parametrize("exe", sorted(MODULES_LOAD))
def test_modules_load(exe: str) -> None:
    assert origin(process(exe), None, None).kind == "modules-load"


def test_the_initramfs() -> None:
    assert origin(process(), None, None, initramfs=True) == Origin("initramfs", "initramfs: modprobe")


def test_a_person_or_a_script() -> None:
    found = origin(process(), None, None)
    assert found == Origin("command", "modprobe msdos, by bash[10]")
    assert origin(process(ancestors=()), None, None).text == "modprobe msdos"
    assert origin(process(args=None), None, None).text == "modprobe, by bash[10]"


def test_a_program_that_is_not_known_is_told_as_unknown_with_the_reason() -> None:
    found = origin(process(None, unread={"exe": "it ended"}), None, None)
    assert (found.kind, found.unread) == ("unknown", {"kind": "it ended"})
    assert origin(process(None), None, None).unread == {"kind": "the program is not known"}


def test_a_name_proves_nothing() -> None:
    found = origin(process("/tmp/x", comm="systemd-udevd", args=("systemd-udevd",)), None, DEVICE)
    assert found.kind == "command"


def test_a_process_for_a_person() -> None:
    assert person(BASH) == "bash[10]"
    assert person(Ancestor("5@5", 5)) == "?[5]"
