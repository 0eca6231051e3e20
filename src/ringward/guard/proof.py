"""Proof that the hooks which judge decide: a thread of its own whose calls are counted, and go no further.

In each mode its loads and requests are refused by the hooks themselves, and leave no trace: no event, no line in the
kernel's log, no modprobe. A removal of what is not there leaves none by itself.
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

from ringward.guard.policy import operation_number
from ringward.sensor import _native
from ringward.sensor.canary import GARBAGE, NO_FAMILY, asks_for_modules
from ringward.sensor.canary_thread import PROOF, canary_thread
from ringward.sensor.clock import now
from ringward.trust.rules import Operation

# arch/x86/entry/syscalls/syscall_64.tbl
_DELETE_MODULE, _FINIT_MODULE = 176, 313
_KEY = struct.Struct("<I")
_U64 = struct.Struct("<Q")
_PROVABLE = (Operation.MODULES, Operation.AUTOLOAD, Operation.UNLOAD)
_FIRST = _KEY.pack(0)
LASTS_NS = 10_000_000_000
"""How long such a thread is known as one, at most: where it is killed, its number may be another's next."""


class Proof:
    """Makes the hooks decide.

    Args:
        maps: descriptor of each map of the kernel part, by name.
        judged: the operations whose hooks are attached.

    """

    def __init__(self, maps: Mapping[str, int], judged: Collection[Operation]) -> None:
        self._maps = maps
        self._judged = [one for one in _PROVABLE if one in judged]
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
        return {one: _U64.unpack(_native.map_lookup(counts, key) or bytes(8))[0] for one, key in self._keys.items()}

    def _sing(self) -> None:
        calls = {Operation.MODULES: _load, Operation.AUTOLOAD: _request, Operation.UNLOAD: _remove}
        with canary_thread(self._maps, PROOF):
            until = now() + LASTS_NS
            _native.map_update(self._maps["guard_proof"], _FIRST, _U64.pack(until))
            try:
                self._unreached.update(one for one in self._judged if not calls[one]() or now() > until)
            finally:
                _native.map_update(self._maps["guard_proof"], _FIRST, _U64.pack(0))


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
