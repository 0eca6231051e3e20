"""The guard as a service of systemd: the text of a unit, for an administrator to install."""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Collection, Iterable, Mapping, Sequence

from ringward.guard.pins import FOLDER

_UNIT = """\
# Written by `ringward guard --print-unit`. What is loaded before it starts is not judged.
[Unit]
Description=Ringward guards what enters the kernel
DefaultDependencies=no
RequiresMountsFor={needs}
# Not after local-fs.target: that waits for devices, and they for this unit.
After=systemd-remount-fs.service systemd-journald.socket
{before}
Conflicts=shutdown.target
ConditionKernelCommandLine=!ringward.guard=off

[Service]
Type=notify
# The devices of fstab wait for this, and the boot fails without them after 90 s (DefaultDeviceTimeoutSec=).
TimeoutStartSec=60s
ExecStart={command}
# Denials are in the journal anyway.
StandardOutput=null
Restart=on-failure
RestartSec=5

[Install]
WantedBy=sysinit.target
"""
_EARLY = """\
# Devices are not looked for, and no list of modules is loaded, before it decides.
Before=sysinit.target systemd-modules-load.service systemd-udev-trigger.service shutdown.target"""
_LATE = """\
# {mounts} waits for a device: devices are looked for, and lists of modules loaded, before it decides.
Before=sysinit.target shutdown.target"""
_BY_INITRAMFS = {"/", "/usr"}


def tell_ready(environment: Mapping[str, str]) -> None:
    """Tell systemd that what was started is ready (sd_notify(3)), where it asks for that.

    Raises:
        OSError: it cannot be told.

    """
    place = environment.get("NOTIFY_SOCKET", "")
    if place:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as told:
            told.sendto(b"READY=1", f"\0{place[1:]}" if place.startswith("@") else place)


def quoted(word: str) -> str:
    """Return a word as a unit takes it (systemd.syntax(7), "Quoting"; systemd.unit(5), "Specifiers").

    Raises:
        ValueError: it has a line break or NUL, which a unit cannot have.

    """
    if any(char in word for char in "\n\r\0"):
        raise ValueError(f"a unit cannot have {word!r} in a line")
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"{escaped}"'


def own_mounts(fstab: str, needs: Collection[str]) -> list[str]:
    """Return the mount points of an fstab(5) that paths are below, without those that the initramfs has mounted.

    Systemd mounts them once udev has told of their devices, which it does not before systemd-udev-trigger.service.
    """
    points = set()
    for row in map(str.split, fstab.splitlines()):
        if len(row) > 1 and row[0][0] != "#" and row[1].startswith("/"):
            # A space in a field is written \040.
            point = re.sub(r"\\([0-7]{3})", lambda code: chr(int(code[1], 8)), row[1])
            # Two slashes at the beginning, normpath() keeps.
            points.add(os.path.normpath(f"/{point.lstrip('/')}"))
    wanted = (point for point in points - _BY_INITRAMFS if any(f"{path}/".startswith(f"{point}/") for path in needs))
    return sorted(wanted)


def text(command: Sequence[str], needs: Iterable[str] = (), mounts: Iterable[str] = ()) -> str:
    """Return the unit that starts a command.

    Args:
        command: its first word is an absolute path.
        needs: paths of what it reads and writes.
        mounts: of `own_mounts` for those: it starts when they are mounted.

    Raises:
        ValueError: of `quoted`.

    """
    waits = ", ".join(map(quoted, mounts))
    return _UNIT.format(
        # $ means something in a command only (systemd.service(5), "Command lines").
        command=" ".join(quoted(word).replace("$", "$$") for word in command),
        needs=" ".join(map(quoted, sorted({str(FOLDER.parent), *needs}))),
        before=_LATE.format(mounts=waits) if waits else _EARLY,
    )
