"""The system's own log: journald, or syslog where there is none."""

from __future__ import annotations

import contextlib
import socket
import struct
from collections.abc import Mapping
from enum import IntEnum
from pathlib import Path

JOURNAL = Path("/run/systemd/journal/socket")
SYSLOG = Path("/dev/log")
_NAME = "ringward"
_FACILITY = 10
# LOG_AUTHPRIV of syslog(3): who was refused what is not for everybody.


class Priority(IntEnum):
    """Of syslog(3)."""

    ALERT = 1
    WARNING = 4
    NOTICE = 5


def journal_entry(text: str, priority: Priority, fields: Mapping[str, str]) -> bytes:
    """Return an entry in the journal's own protocol (https://systemd.io/JOURNAL_NATIVE_PROTOCOL)."""
    values = {
        "MESSAGE": text,
        "PRIORITY": str(int(priority)),
        "SYSLOG_IDENTIFIER": _NAME,
        "SYSLOG_FACILITY": str(_FACILITY),
        **fields,
    }
    parts = []
    for name, value in values.items():
        raw = value.encode("utf-8", "replace")
        if b"\n" in raw:
            parts.append(name.encode() + b"\n" + struct.pack("<Q", len(raw)) + raw + b"\n")
        else:
            parts.append(name.encode() + b"=" + raw + b"\n")
    return b"".join(parts)


def syslog_line(text: str, priority: Priority) -> bytes:
    """Return a line of syslog, as a local log daemon takes it: it adds time and host (RFC 3164, 4.1)."""
    line = text.replace("\n", " ").encode("utf-8", "replace")
    return f"<{_FACILITY << 3 | int(priority)}>{_NAME}: ".encode() + line


class SystemLog:
    """A way to the system's log.

    Args:
        journal: socket of journald.
        syslog: socket of a syslog daemon.

    Attributes:
        failed: why the last entry could not be written; "": it was.

    """

    def __init__(self, journal: Path = JOURNAL, syslog: Path = SYSLOG) -> None:
        self._journal = journal
        self._syslog = syslog
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        # A log that is full is not waited for.
        self._socket.settimeout(0)
        self.failed = ""

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    def write(self, text: str, priority: Priority, fields: Mapping[str, str] | None = None) -> bool:
        """Write an entry; return whether it was taken.

        Args:
            text: one line for a person.
            priority: how urgent.
            fields: further ones of the journal, names in upper case.

        """
        ways = (
            (self._journal, journal_entry(text, priority, fields or {})),
            (self._syslog, syslog_line(text, priority)),
        )
        reasons = []
        for path, data in ways:
            try:
                self._socket.sendto(data, str(path))
            except OSError as error:
                reasons.append(f"{path}: {error.strerror}")
                continue
            self.failed = ""
            return True
        self.failed = "; ".join(reasons)
        return False

    def __del__(self) -> None:
        with contextlib.suppress(OSError, AttributeError):
            self._socket.close()
