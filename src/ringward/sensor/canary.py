"""Proof that hooks fire: Ringward makes calls of its own and looks whether their records come.

A program can be attached and never run: ftrace or kprobes switched off by a sysctl, an
LSM that is not among the active ones. Only a record that comes back shows that a hook hears.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import socket
import threading
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from ringward.sensor import _native
from ringward.sensor.canary_thread import canary_thread
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
NO_FAMILY = 14
"""AF_SECURITY (include/linux/socket.h) has had no protocol on any kernel: the kernel asks for net-pf-14, in vain."""
_PROGRAMS = ("process_fork", "process_exec", "process_exit", "program_verdict")
_REQUESTS = ("module_request", "usermodehelper")
# Verdicts of the guard come by the same calls.
_LOUD = ("module_digest", "module_verdict", "autoload_verdict", *_REQUESTS)
GARBAGE = b"ringward canary: not a module\n" * 3 + b"\xff" * 12 + b"~Module signature appended~\n"
"""An image that the kernel refuses; where it knows signatures (CONFIG_MODULE_SIG) without a word in its log: this one's
would be longer than the whole (kernel/module_signature.c: mod_check_sig)."""
_NO_MODULE = ctypes.create_string_buffer(b"ringward canary")
# Hooks that add to a record: it shows whether they fired. Labels as in `ringward.sensor.ladder.Choice.aids`.
_NAME_COPY, _FILE_COPY = "delete_module: find_module", "finit_module: security_kernel_read_file"
_COPIES = {_NAME_COPY: ("delete_module", "name"), _FILE_COPY: ("finit_module", "file")}
_REMOVAL = "unload_verdict"
_MODPROBE = Path("/proc/sys/kernel/modprobe")


def image_by_descriptor() -> int:
    """Make the kernel read an image that it refuses: the digest's hook fires before it is parsed."""
    fd = os.memfd_create("ringward-canary")
    try:
        os.write(fd, GARBAGE)
        return _native.raw_syscall(_CALLS["finit_module"], fd, 0, 0)
    finally:
        os.close(fd)


def asks_for_modules() -> bool:
    """Return whether the kernel asks at all: with an empty kernel.modprobe it does not."""
    try:
        return bool(_MODPROBE.read_bytes().strip())
    except OSError:
        return True


class Canary:
    """Provokes records and knows which are owed.

    Args:
        attached: events, and hooks that add to one (``event: where``), that are attached; of these, those that
            can be provoked are.
        maps: descriptors by name; see `ringward.sensor.canary_thread`.
        lost_since: whether records may have been lost after a time, nanoseconds since boot.

    """

    def __init__(
        self, attached: Iterable[str], maps: Mapping[str, int], lost_since: Callable[[int], bool] = lambda _time: False
    ) -> None:
        self._attached = frozenset(attached)
        self._maps = maps
        self._lost_since = lost_since
        self._owed: dict[str, int] = {}
        self._deaf: set[str] = set()
        self._refused: set[str] = set()

    @property
    def owed(self) -> frozenset[str]:
        """Events and aids that were provoked and not heard yet."""
        return frozenset(self._owed)

    def heard(self, record: Record) -> None:
        """Take in a record that a canary provoked."""
        self._owed.pop(record.name, None)
        for label, (name, field) in _COPIES.items():
            if label in self._owed and record.name == name and (record.tail.sources or {}).get(field) == "kernel":
                del self._owed[label]

    def excuse(self) -> None:
        """Forget what is owed and not called deaf yet: records were lost, and it may be among them."""
        self._owed = {name: since for name, since in self._owed.items() if name in self._deaf}

    def sing(self, now: int, *, loud: bool) -> None:
        """Make every hook fire that can be fired without effect.

        Args:
            now: nanoseconds since boot.
            loud: also those that may leave a line in the kernel's log, or start modprobe.

        """
        thread = threading.Thread(target=self._sing, args=(loud,), name="ringward-canary")
        self._refused.clear()
        for name in (*_CALLS, *_PROGRAMS, _NAME_COPY, _REMOVAL, *((*_LOUD, _FILE_COPY) if loud else ())):
            if name in self._attached:
                self._owed.setdefault(name, now)
        thread.start()
        thread.join()
        for name in self._refused:
            if self._owed.get(name) == now:
                del self._owed[name]

    def _sing(self, loud: bool) -> None:  # noqa: FBT001 - a thread's target
        with canary_thread(self._maps):
            self._quietly()
            if loud:
                self._loudly()

    def _quietly(self) -> None:
        for name, number in _CALLS.items():
            if name in self._attached:
                _native.raw_syscall(number, _BAD_FD if name == "finit_module" else 0, 0, 0, 0, 0)
        if self._attached & {_NAME_COPY, _REMOVAL}:
            number, name_ptr = _CALLS["delete_module"], ctypes.addressof(_NO_MODULE)
            # Without the privilege, or when loading is closed for good, the kernel does not look it up.
            if _native.raw_syscall(number, name_ptr, os.O_NONBLOCK) != -errno.ENOENT:
                self._refused.add(_NAME_COPY)
        if not self._attached.isdisjoint(_PROGRAMS):
            try:
                os.waitpid(os.posix_spawn("/bin/true", ["true"], {}), 0)
            except OSError:
                self._refused.update(_PROGRAMS)

    def _loudly(self) -> None:
        images = {"module_digest", "module_verdict", _FILE_COPY}
        # These errors say that the kernel did not get as far as a copy of the image.
        if self._attached & images and image_by_descriptor() in (-errno.EPERM, -errno.EACCES):
            self._refused |= images
        if self._attached.isdisjoint((*_REQUESTS, "autoload_verdict")):
            return
        with contextlib.suppress(OSError):
            socket.socket(NO_FAMILY, socket.SOCK_STREAM).close()
        if not asks_for_modules():
            self._refused.update((*_REQUESTS, "autoload_verdict"))

    def changes(self, now: int) -> list[tuple[str, bool]]:
        """Return the events whose hook went deaf (True) or was heard again (False) since the last call."""
        if any(self._lost_since(since) for name, since in self._owed.items() if name not in self._deaf):
            self.excuse()
        late = {name for name, since in self._owed.items() if now - since > GRACE_NS}
        found = [(name, True) for name in sorted(late - self._deaf)]
        found += [(name, False) for name in sorted(self._deaf - set(self._owed))]
        self._deaf = (self._deaf & set(self._owed)) | late
        return found
