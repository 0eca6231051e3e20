"""Proof that the hooks which judge decide: a thread of its own whose calls are counted, and go no further.

Where the guard can refuse, these calls are refused and leave no trace: no event, no line in the kernel's log, no
modprobe. Where it only watches, loads (where the kernel knows signatures) and removals leave none either; requests
would start modprobe each time: the sensor's canary (`ringward.sensor.canary`) proves them, more rarely.
"""

from __future__ import annotations

import ctypes
import errno
import os
import socket
import struct
import threading
from collections.abc import Collection, Mapping
from contextlib import suppress
from pathlib import Path

from ringward.guard.policy import operation_number
from ringward.sensor import _native
from ringward.sensor.canary import GARBAGE, NO_FAMILY, asks_for_modules
from ringward.sensor.canary_thread import PROOF, canary_thread
from ringward.trust.rules import Operation

# arch/x86/entry/syscalls/syscall_64.tbl
_DELETE_MODULE, _FINIT_MODULE = 176, 313
_KEY = struct.Struct("<I")
_COUNT = struct.Struct("<Q")
_SIGNATURES = Path("/sys/module/module/parameters/sig_enforce")
"""There with CONFIG_MODULE_SIG (kernel/module/signing.c)."""


def provable(*, refuses: bool) -> frozenset[Operation]:
    """Return which operations can be proved without a trace, by programs that can refuse or cannot."""
    if refuses:
        return frozenset((Operation.MODULES, Operation.AUTOLOAD, Operation.UNLOAD))
    return frozenset((Operation.MODULES, Operation.UNLOAD) if _SIGNATURES.exists() else (Operation.UNLOAD,))


class Proof:
    """Makes the hooks decide.

    Args:
        maps: descriptor of each map of the kernel part, by name.
        judged: the operations whose hooks are attached.
        refuses: whether the programs can refuse anything.

    """

    def __init__(self, maps: Mapping[str, int], judged: Collection[Operation], *, refuses: bool) -> None:
        self._maps = maps
        self._judged = [one for one in Operation if one in provable(refuses=refuses).intersection(judged)]
        self._keys = {one: _KEY.pack(operation_number(one)) for one in self._judged}
        self._unreached: set[Operation] = set()

    def undecided(self) -> list[Operation]:
        """Return the operations whose hook did not decide just now; not those that the kernel did not get to."""
        if not self._judged:
            return []
        before = self._counts()
        self._unreached.clear()
        thread = threading.Thread(target=self._sing, name="ringward-proof")
        thread.start()
        thread.join()
        after = self._counts()
        return [one for one in self._judged if after[one] <= before[one] and one not in self._unreached]

    def _counts(self) -> dict[Operation, int]:
        counts = self._maps["guard_hits"]
        return {one: _COUNT.unpack(_native.map_lookup(counts, key) or bytes(8))[0] for one, key in self._keys.items()}

    def _sing(self) -> None:
        calls = {Operation.MODULES: _load, Operation.AUTOLOAD: _request, Operation.UNLOAD: _remove}
        with canary_thread(self._maps, PROOF):
            self._unreached.update(one for one in self._judged if not calls[one]())


def _load() -> bool:
    """Have the kernel read an image that is none; return whether it can have got to the hook."""
    fd = os.memfd_create("ringward-canary")
    try:
        os.write(fd, GARBAGE)
        empty = ctypes.create_string_buffer(b"")
        # Without the privilege, or when loading is closed for good, the kernel reads nothing.
        return _native.raw_syscall(_FINIT_MODULE, fd, ctypes.addressof(empty), 0) not in (-errno.EPERM, -errno.EACCES)
    finally:
        os.close(fd)


def _request() -> bool:
    """Have the kernel want a module; return whether it can have got to the hook."""
    with suppress(OSError):
        socket.socket(NO_FAMILY, socket.SOCK_STREAM).close()
    return asks_for_modules()


def _remove() -> bool:
    """Remove a module that is not there; return whether the kernel can have got to the hook."""
    name = ctypes.create_string_buffer(b"ringward canary")
    return _native.raw_syscall(_DELETE_MODULE, ctypes.addressof(name), os.O_NONBLOCK) == -errno.ENOENT
