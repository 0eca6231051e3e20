"""The thread that makes hooks fire: the kernel part knows it, and what it starts, by two maps (bpf/filter.bpf.h)."""

from __future__ import annotations

import struct
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from ringward.sensor import _native

MAPS = ("canaries", "canaries_living")
_U32 = struct.Struct("<I")
THREAD, PROOF = 1, 3
"""CANARY_THREAD, CANARY_PROOF: values of the one map; of both kinds, the first is a key of the other."""
_THREAD = _U32.pack(THREAD)


@contextmanager
def canary_thread(maps: Mapping[str, int], kind: int = THREAD) -> Iterator[None]:
    """Have the calling thread marked meanwhile; of one process only one at a time.

    Args:
        maps: descriptors by name; those of `MAPS` are used.
        kind: THREAD; or PROOF, of whose calls the guard makes no event, and some of which it refuses.

    Raises:
        _native.BpfError: the kernel refused.

    """
    threads, living = (maps[name] for name in MAPS)
    key = _U32.pack(threading.get_native_id())
    # First that there is one: while the kernel part thinks so, all that follows is a look more at each hook.
    _native.map_update(living, _THREAD, _U32.pack(1))
    try:
        _native.map_update(threads, key, _U32.pack(kind))
        try:
            yield
        finally:
            _native.map_delete(threads, key)
    finally:
        _native.map_update(living, _THREAD, _U32.pack(0))


def forget(maps: Mapping[str, int]) -> None:
    """Forget threads that were marked by a process that has ended before it could do so.

    Args:
        maps: descriptors by name; those of `MAPS` are used.

    """
    threads, living = (maps[name] for name in MAPS)
    for key in _native.map_keys(threads):
        _native.map_delete(threads, key)
    for key in _native.map_keys(living):
        _native.map_update(living, key, _U32.pack(0))
