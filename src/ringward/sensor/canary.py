"""Proof that hooks fire: Ringward makes calls of its own and looks whether their records come.

A program can be attached and never run: ftrace or kprobes switched off by a sysctl, an
LSM that is not among the active ones. Only a record that comes back shows that a hook hears.
"""

from __future__ import annotations

import contextlib
import os
import socket
import struct
import threading
from collections.abc import Iterable

from ringward.sensor import _native
from ringward.sensor.decode import Record

GRACE_NS = 2_000_000_000
"""How long a canary's records may take."""

# arch/x86/entry/syscalls/syscall_64.tbl
_CALLS = {
    "create_module": 174,
    "init_module": 175,
    "delete_module": 176,
    "get_kernel_syms": 177,
    "query_module": 178,
    "finit_module": 313,
}
_BAD_FD = (1 << 64) - 1
# AF_SECURITY (include/linux/socket.h) has had no protocol on any kernel: the kernel asks for net-pf-14
# and finds nothing.
_NO_FAMILY = 14
_PROGRAMS = ("process_fork", "process_exec", "process_exit")
_REQUESTS = ("module_request", "usermodehelper")
_LOUD = ("module_digest", *_REQUESTS)
_GARBAGE = b"ringward canary: not a module\n" * 8


def _image_by_descriptor() -> None:
    """Make the kernel read an image that it refuses: the digest's hook fires before it is parsed."""
    fd = os.memfd_create("ringward-canary")
    try:
        os.write(fd, _GARBAGE)
        _native.raw_syscall(_CALLS["finit_module"], fd, 0, 0)
    finally:
        os.close(fd)


class Canary:
    """Provokes records and knows which are owed.

    Args:
        attached: the events that can be provoked are those attached here.
        threads: descriptor of the map of threads whose records are marked.

    """

    def __init__(self, attached: Iterable[str], threads: int) -> None:
        self._attached = frozenset(attached)
        self._threads = threads
        self._owed: dict[str, int] = {}
        self._deaf: set[str] = set()

    def heard(self, record: Record) -> None:
        """Take in a record that a canary provoked."""
        self._owed.pop(record.name, None)

    def sing(self, now: int, *, loud: bool) -> None:
        """Make every hook fire that can be fired without effect.

        Args:
            now: nanoseconds since boot.
            loud: also those that leave a line in the kernel's log or start modprobe.

        """
        thread = threading.Thread(target=self._sing, args=(loud,), name="ringward-canary")
        for name in (*_CALLS, *_PROGRAMS, *(_LOUD if loud else ())):
            if name in self._attached:
                self._owed.setdefault(name, now)
        thread.start()
        thread.join()

    def _sing(self, loud: bool) -> None:  # noqa: FBT001 - a thread's target
        key = struct.pack("<I", threading.get_native_id())
        _native.map_update(self._threads, key, struct.pack("<I", 1))
        try:
            for name, number in _CALLS.items():
                if name in self._attached:
                    _native.raw_syscall(number, _BAD_FD if name == "finit_module" else 0, 0, 0, 0, 0)
            if not self._attached.isdisjoint(_PROGRAMS):
                os.waitpid(os.posix_spawn("/bin/true", ["true"], {}), 0)
            if loud and "module_digest" in self._attached:
                _image_by_descriptor()
            if loud and not self._attached.isdisjoint(_REQUESTS):
                with contextlib.suppress(OSError):
                    socket.socket(_NO_FAMILY, socket.SOCK_STREAM).close()
        finally:
            _native.map_delete(self._threads, key)

    def changes(self, now: int) -> list[tuple[str, bool]]:
        """Return the events whose hook went deaf (True) or was heard again (False) since the last call."""
        late = {name for name, since in self._owed.items() if now - since > GRACE_NS}
        found = [(name, True) for name in sorted(late - self._deaf)]
        found += [(name, False) for name in sorted(self._deaf - set(self._owed))]
        self._deaf = (self._deaf & set(self._owed)) | late
        return found
