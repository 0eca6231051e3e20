"""Proof that the hooks which protect the guard itself decide: a thread of its own that counts as somebody else.

It does to a folder made for it what those hooks refuse. Each counts the canaries that it has decided on; one whose
count stays is deaf. Where the guard only watches, what is done is done to that folder alone, or fails by itself.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import struct
import tempfile
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

from ringward.events.catalogue.self_verdict import HOOKS
from ringward.sensor import _native
from ringward.sensor.canary_thread import canary_thread

# arch/x86/entry/syscalls/syscall_64.tbl
_MOUNT, _UMOUNT, _MOVE_MOUNT = 165, 166, 429
# include/uapi/linux/mount.h, fcntl.h; include/linux/fs.h
_MS_MOVE, _MNT_DETACH, _MNT_EXPIRE = 8192, 2, 4
_HERE = (1 << 64) - 100
_KEY = struct.Struct("<I")
_COUNT = struct.Struct("<Q")


class SelfCanary:
    """Makes each hook decide.

    Args:
        maps: descriptor of each map of the kernel part, by name.
        map_id: of one of its maps.
        program_id: of one of its programs.
        protect: called with the folder, which it protects with all that is below.

    """

    def __init__(
        self, maps: Mapping[str, int], map_id: int, program_id: int, protect: Callable[[Path], object]
    ) -> None:
        self._maps = maps
        self._map_id = map_id
        self._program_id = program_id
        self._folder = Path(tempfile.mkdtemp(prefix="ringward-canary-", dir="/run"))
        protect(self._folder)

    def close(self) -> None:
        """Remove the folder."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def deaf(self) -> list[str]:
        """Return the hooks that did not decide just now."""
        before = self._counts()
        self._prepare()
        thread = threading.Thread(target=self._sing, name="ringward-canary")
        thread.start()
        thread.join()
        after = self._counts()
        return [name for name in HOOKS if after[name] <= before[name]]

    def _counts(self) -> dict[str, int]:
        found = {}
        for number, name in enumerate(HOOKS):
            value = _native.map_lookup(self._maps["self_hits"], _KEY.pack(number))
            found[name] = _COUNT.unpack(value or bytes(_COUNT.size))[0]
        return found

    def _prepare(self) -> None:
        """Make what is to be removed, remove what was made."""
        for path in self._folder.iterdir():
            if path.is_dir() and not path.is_symlink():
                path.rmdir()
            else:
                path.unlink()
        for name in ("open", "truncate", "unlink", "rename", "link"):
            (self._folder / name).touch()
        (self._folder / "rmdir").mkdir()

    def _sing(self) -> None:
        with canary_thread(self._maps):
            for do in (*self._names(), *self._rest()):
                with contextlib.suppress(OSError, _native.BpfError):
                    do()

    def _names(self) -> list[Callable[[], object]]:
        at = self._folder
        return [
            lambda: os.close(os.open(at / "open", os.O_WRONLY | os.O_CLOEXEC)),
            lambda: os.truncate(at / "truncate", 0),
            (at / "unlink").unlink,
            (at / "rmdir").rmdir,
            lambda: (at / "rename").rename(at / "renamed"),
            lambda: os.close(os.open(at / "created", os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC)),
            (at / "directory").mkdir,
            lambda: (at / "symlink").symlink_to("nowhere"),
            lambda: (at / "linked").hardlink_to(at / "link"),
            lambda: os.mkfifo(at / "fifo"),
        ]

    def _rest(self) -> list[Callable[[], object]]:
        folder = ctypes.create_string_buffer(os.fsencode(self._folder))
        root = ctypes.create_string_buffer(b"/")
        at = ctypes.addressof(folder)
        return [
            # No mount begins at the folder, so that none can be moved; and the root cannot expire.
            lambda: _native.raw_syscall(_MOUNT, at, ctypes.addressof(folder), 0, _MS_MOVE, 0),
            lambda: _native.raw_syscall(_MOVE_MOUNT, _HERE, at, _HERE, ctypes.addressof(folder), 0),
            lambda: _native.raw_syscall(_UMOUNT, ctypes.addressof(root), _MNT_EXPIRE | _MNT_DETACH),
            # The check is that of an attach; the file is not read.
            lambda: os.close(os.open("/proc/1/mem", os.O_RDONLY | os.O_CLOEXEC)),
            lambda: os.close(_native.map_open(self._map_id)),
            lambda: os.close(_native.program_open(self._program_id)),
        ]
