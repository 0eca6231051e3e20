"""The guard as a service of systemd: the text of a unit, for an administrator to install."""

from __future__ import annotations

import socket
from collections.abc import Mapping, Sequence

from ringward.guard.pins import FOLDER

_UNIT = """\
# Written by `ringward guard --print-unit`. What is loaded before it starts is not judged.
[Unit]
Description=Ringward guards what enters the kernel
DefaultDependencies=no
RequiresMountsFor=/usr /etc /var/lib {bpf}
After=local-fs.target systemd-journald.socket
Before=sysinit.target systemd-udev-trigger.service shutdown.target
Conflicts=shutdown.target
ConditionKernelCommandLine=!ringward.guard=off

[Service]
# Devices are not looked for before it decides.
Type=notify
ExecStart={command}
# Denials are in the journal anyway.
StandardOutput=null
Restart=on-failure
RestartSec=5

[Install]
WantedBy=sysinit.target
"""


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
    """Return a word as a unit's ExecStart= takes it (systemd.service(5), "Command lines").

    Raises:
        ValueError: it has a line break or NUL, which a unit cannot have.

    """
    if any(char in word for char in "\n\r\0"):
        raise ValueError(f"a unit cannot have {word!r} in its command")
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return f'"{escaped}"'


def text(command: Sequence[str]) -> str:
    """Return the unit that starts a command, whose first word is an absolute path.

    Raises:
        ValueError: of `quoted`.

    """
    return _UNIT.format(command=" ".join(map(quoted, command)), bpf=FOLDER.parent)
