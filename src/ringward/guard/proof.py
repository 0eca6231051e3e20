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
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from typing import NamedTuple

from ringward.guard.policy import operation_number
from ringward.sensor import _native
from ringward.sensor.canary import GARBAGE, NO_FAMILY, asks_for_modules, image_by_descriptor
from ringward.sensor.canary_thread import PROOF, canary_thread
from ringward.sensor.clock import now
from ringward.trust.rules import Operation

# arch/x86/entry/syscalls/syscall_64.tbl
_INIT_MODULE, _DELETE_MODULE = 175, 176
_KEY = struct.Struct("<I")
_U64 = struct.Struct("<Q")
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
        self._hooks = [one for one in _HOOKS if one.operation in judged]
        self._unreached: set[str] = set()

    def undecided(self) -> dict[Operation, str]:
        """Return the operations of which a hook that the kernel has got to did not decide just now, and on what."""
        if not self._hooks:
            return {}
        before = self._counts()
        self._unreached.clear()
        thread = threading.Thread(target=self._sing, name="ringward-proof")
        thread.start()
        thread.join()
        after = self._counts()
        found: dict[Operation, str] = {}
        for hook in self._hooks:
            if after[hook.name] <= before[hook.name] and hook.name not in self._unreached:
                found[hook.operation] = ", ".join(filter(None, (found.get(hook.operation), hook.name)))
        return found

    def _counts(self) -> dict[str, int]:
        counts = self._maps["guard_hits"]
        return {
            hook.name: _U64.unpack(_native.map_lookup(counts, _KEY.pack(hook.number)) or bytes(8))[0]
            for hook in self._hooks
        }

    def _sing(self) -> None:
        with canary_thread(self._maps, PROOF):
            until = now() + LASTS_NS
            _native.map_update(self._maps["guard_proof"], _FIRST, _U64.pack(until))
            try:
                self._unreached.update(hook.name for hook in self._hooks if not hook.reach() or now() > until)
            finally:
                _native.map_update(self._maps["guard_proof"], _FIRST, _U64.pack(0))


# Without the privilege, or when loading is closed for good, the kernel reads no image.
_CLOSED = (-errno.EPERM, -errno.EACCES)


def _load_file() -> bool:
    """Have the kernel read an image that is none; return whether it can have got to the hook."""
    return image_by_descriptor() not in _CLOSED


def _load_memory() -> bool:
    """Have it copy one from memory; return the same."""
    image = ctypes.create_string_buffer(GARBAGE)
    return _native.raw_syscall(_INIT_MODULE, ctypes.addressof(image), len(GARBAGE), 0) not in _CLOSED


def _request() -> bool:
    """Have the kernel want a module; return whether it can have got to the hook."""
    with suppress(OSError):
        socket.socket(NO_FAMILY, socket.SOCK_STREAM).close()
    return asks_for_modules()


def _remove() -> bool:
    """Remove a module that is not there; return whether the kernel can have got to the hook."""
    name = ctypes.create_string_buffer(b"ringward canary")
    return _native.raw_syscall(_DELETE_MODULE, ctypes.addressof(name), os.O_NONBLOCK) == -errno.ENOENT


class _Hook(NamedTuple):
    """A hook that can be proved: of which operation, its place in `guard_hits`, and what makes it decide."""

    operation: Operation
    number: int
    name: str
    reach: Callable[[], bool]


_HOOKS = (
    _Hook(Operation.MODULES, operation_number(Operation.MODULES), "images in files", _load_file),
    # PROOF_MEMORY of bpf/guard_event.bpf.h
    _Hook(Operation.MODULES, 8, "images in memory", _load_memory),
    _Hook(Operation.AUTOLOAD, operation_number(Operation.AUTOLOAD), "requests", _request),
    _Hook(Operation.UNLOAD, operation_number(Operation.UNLOAD), "removals", _remove),
)
