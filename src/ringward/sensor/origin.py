"""How a module load came about: a pure decision from what is known of the loading process.

By identity only: the process that the kernel started for a request, the file that it
runs, the device that udev handed to it. Never by time or by a command's name.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from ringward.events.context import Ancestor, Origin, Process

UDEV = frozenset({"/usr/lib/systemd/systemd-udevd", "/lib/systemd/systemd-udevd", "/usr/bin/udevadm", "/bin/udevadm"})
MODULES_LOAD = frozenset({"/usr/lib/systemd/systemd-modules-load", "/lib/systemd/systemd-modules-load"})
KTHREADD = 2
"""Number of the process that all threads of the kernel descend from (init/main.c: rest_init())."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request of the kernel, as its module_request event told."""

    id: str
    alias: str | None
    requester: Ancestor


@dataclass(frozen=True, slots=True)
class Device:
    """The device that a udev worker is at work for."""

    devpath: str | None
    modalias: str | None


class Cause(NamedTuple):
    """How a call came about that begins no load."""

    origin: Origin
    """As of a load; of a device nothing is known."""
    initramfs: bool
    """The caller's root is the initial root file system, whoever started it."""
    lost: bool
    """Records were lost: that it was started for a request of the kernel may be among them."""


def person(process: Ancestor) -> str:
    """Return a process for a person: ``bash[12]``."""
    return f"{process.comm or '?'}[{process.pid}]"


def udev_worker(process: Process) -> str:
    """Return the id of the process of udev's that `process` is, or that started it."""
    if process.exe in UDEV:
        return process.id
    return next((ancestor.id for ancestor in process.ancestors if ancestor.exe in UDEV), process.id)


def _by_udev(device: Device | None) -> Origin:
    if device is None:
        unread = {"device": "the message that handed it to udev's worker was not seen"}
        return Origin("udev", "udev, device not seen", unread=unread | {"modalias": unread["device"]})
    values = {"device": device.devpath, "modalias": device.modalias}
    unread = {name: "udev's message has none for the device" for name, value in values.items() if value is None}
    text = f"udev for {device.devpath or '?'}"
    return Origin("udev", text, device=device.devpath, modalias=device.modalias, unread=unread)


def origin(process: Process, request: Request | None, device: Device | None, *, initramfs: bool = False) -> Origin:
    """Return the origin of a load that `process` makes.

    Args:
        process: the one that calls.
        request: of the kernel, that it or an ancestor was started for.
        device: that udev handed to it.
        initramfs: its root is the initial root file system.

    """
    if request:
        text = f"kernel asked for {request.alias or '?'} for {person(request.requester)}"
        unread = {} if request.alias is not None else {"alias": "the record of the request was not seen"}
        return Origin("request", text, request.alias, request.id, request.requester, unread=unread)
    line = [(process.exe, process.comm, process.pid), *((a.exe, a.comm, a.pid) for a in process.ancestors)]
    if any(exe in UDEV for exe, _, _ in line):
        return _by_udev(device)
    if any(exe in MODULES_LOAD for exe, _, _ in line):
        return Origin("modules-load", "modules-load.d")
    by_kernel = any(ancestor.pid == KTHREADD for ancestor in process.ancestors)
    if initramfs and not by_kernel:
        return Origin("initramfs", f"initramfs: {process.comm}")
    command = " ".join(process.args) if process.args else process.comm
    by = f", by {person(process.ancestors[0])}" if process.ancestors else ""
    if by_kernel:
        reason = "the kernel has started the program, and for what was not seen"
    elif process.exe is None:
        reason = process.unread.get("exe", "the program is not known")
    else:
        return Origin("command", f"{command}{by}")
    return Origin("unknown", f"{command}[{process.pid}]{by}", unread={"kind": reason})
