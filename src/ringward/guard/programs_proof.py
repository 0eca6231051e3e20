"""What makes the hooks of program starts and of kept digests run (`ringward.guard.proof`). No program is started."""

from __future__ import annotations

import ctypes
import errno
import os
from collections.abc import Callable
from functools import partial

from ringward.events.catalogue.program_verdict import ProgramVerdict
from ringward.guard.proof import Hook
from ringward.sensor import _native

# arch/x86/entry/syscalls/syscall_64.tbl
_EXECVEAT, _FSOPEN, _FSCONFIG = 322, 430, 431
# include/uapi/linux/fcntl.h, mount.h, memfd.h
_AT_EMPTY_PATH, _FSOPEN_CLOEXEC, _FSCONFIG_CMD_CREATE, _MFD_EXEC = 0x1000, 1, 6, 0x10
NO_PROGRAM = b"ringward proof: no program\n"
"""In no format that the kernel executes. Text: for anything else it would want a module (fs/exec.c)."""


def _execute(fd: int) -> bool:
    """Have the kernel execute what no format knows: the hook comes before that is found out."""
    empty = ctypes.create_string_buffer(b"")
    name = ctypes.create_string_buffer(b"ringward-proof")
    words = (ctypes.c_void_p * 2)(ctypes.addressof(name), None)
    at = ctypes.addressof(words)
    # The environment is the empty end of the words.
    found = _native.raw_syscall(
        _EXECVEAT, fd, ctypes.addressof(empty), at, at + ctypes.sizeof(ctypes.c_void_p), _AT_EMPTY_PATH
    )
    return found == -errno.ENOEXEC


def _open(fd: int) -> bool:
    os.close(os.open(f"/proc/self/fd/{fd}", os.O_WRONLY | os.O_CLOEXEC))
    return True


def _truncate(fd: int) -> bool:
    os.ftruncate(fd, 0)
    return True


def _with_memory(do: Callable[[int], bool]) -> bool:
    """Do something to a file in memory; return whether it was done."""
    try:
        fd = _memory()
    except OSError:
        return False
    try:
        os.write(fd, NO_PROGRAM)
        return do(fd)
    except OSError:
        return False
    finally:
        os.close(fd)


def _memory() -> int:
    """Make a file in memory that may be executed, where vm.memfd_noexec leaves that to who makes it."""
    try:
        return os.memfd_create("ringward-proof", os.MFD_CLOEXEC | _MFD_EXEC)
    except OSError as error:
        # Since commit 105ff5339f49 ("mm/memfd: add MFD_NOEXEC_SEAL and MFD_EXEC") (in v6.3).
        if error.errno != errno.EINVAL:
            raise
        return os.memfd_create("ringward-proof", os.MFD_CLOEXEC)


def _make_file_system() -> bool:
    """Make a tmpfs that is mounted nowhere."""
    kind = ctypes.create_string_buffer(b"tmpfs")
    fd = _native.raw_syscall(_FSOPEN, ctypes.addressof(kind), _FSOPEN_CLOEXEC)
    if fd < 0:
        return False
    try:
        return _native.raw_syscall(_FSCONFIG, fd, _FSCONFIG_CMD_CREATE, 0, 0, 0) == 0
    finally:
        os.close(fd)


_EVENT = ProgramVerdict.event_name()
STARTS = Hook(_EVENT, "program", "starts of programs", partial(_with_memory, _execute))
KEPT = (
    Hook(_EVENT, "opened", "files opened for writing", partial(_with_memory, _open)),
    Hook(_EVENT, "truncated", "files truncated", partial(_with_memory, _truncate)),
    Hook(_EVENT, "mounted", "file systems made", _make_file_system),
)
"""Without each of these no digest can be kept with its file."""
