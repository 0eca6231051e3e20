"""What the memory at an argument says for 32-bit callers: structures of include/linux/compat.h and its like.

As `syscall_values`, which has those of 64-bit callers. `long` and pointers have 32 bits here, and 64-bit numbers stand
at every fourth byte.
"""

from __future__ import annotations

import struct

from ringward.events.syscall_values import (
    Value,
    file_stat,
    limits,
    members,
    nanoseconds,
    pair,
    vectors,
)

# include/vdso/time32.h: struct old_timespec32, struct old_timeval32
_TIME = members("ii", "tv_sec tv_nsec")
_TIMEVAL = members("ii", "tv_sec tv_usec")
# include/uapi/linux/time_types.h: struct __kernel_timespec
_PADDED = members("qI4x", "tv_sec tv_nsec")
# arch/x86/include/asm/compat.h: struct compat_stat; its device numbers have 32 bits since v5.18 (commit 932aba1e1690)
_STAT = members(
    "IIHHHHIIIIIIIIII8x",
    "st_dev st_ino st_mode st_nlink st_uid st_gid st_rdev st_size st_blksize st_blocks"
    " st_atime - st_mtime - st_ctime -",
)
# arch/x86/include/asm/ia32.h: struct stat64
_STAT64 = members(
    "Q4x4xIIIIQ4xqIQIIIIIIQ",
    "st_dev st_mode st_nlink st_uid st_gid st_rdev st_size st_blksize st_blocks"
    " st_atime - st_mtime - st_ctime - st_ino",
)
# include/linux/compat.h: struct compat_rlimit
_RLIMIT = members("II", "rlim_cur rlim_max")


def timespec(raw: bytes) -> Value:
    """Return a struct old_timespec32."""
    return _TIME(raw)


def timespecs(raw: bytes) -> tuple[Value, ...]:
    """Return two struct old_timespec32, as utimensat takes them."""
    return nanoseconds(pair(_TIME, raw, 8))


def padded_timespec(raw: bytes) -> Value:
    """Return a struct __kernel_timespec without its padding."""
    return _PADDED(raw)


def padded_timespecs(raw: bytes) -> tuple[Value, ...]:
    """Return two struct __kernel_timespec without their padding, as utimensat takes them."""
    return nanoseconds(pair(_PADDED, raw, 16))


def timeval(raw: bytes) -> Value:
    """Return a struct old_timeval32."""
    return _TIMEVAL(raw)


def timevals(raw: bytes) -> tuple[Value, ...]:
    """Return two struct old_timeval32, as utimes takes them."""
    return pair(_TIMEVAL, raw, 8)


def itimerspec(raw: bytes) -> Value:
    """Return a struct old_itimerspec32 (include/linux/time32.h)."""
    return {"it_interval": _TIME(raw), "it_value": _TIME(raw[8:])}


def padded_itimerspec(raw: bytes) -> Value:
    """Return a struct __kernel_itimerspec without its padding."""
    return {"it_interval": _PADDED(raw), "it_value": _PADDED(raw[16:])}


def itimerval(raw: bytes) -> Value:
    """Return a struct old_itimerval32 (kernel/time/itimer.c)."""
    return {"it_interval": _TIMEVAL(raw), "it_value": _TIMEVAL(raw[8:])}


def stat(raw: bytes) -> Value:
    """Return a struct compat_stat; times in seconds since 1970."""
    return file_stat(_STAT(raw))


def stat64(raw: bytes) -> Value:
    """Return the struct stat64 of 32-bit callers; times in seconds since 1970."""
    return file_stat(_STAT64(raw))


def rlimit(raw: bytes) -> Value:
    """Return a struct compat_rlimit."""
    return limits(_RLIMIT(raw), 32)


def iovecs(raw: bytes) -> tuple[Value, ...]:
    """Return an array of struct compat_iovec (include/linux/compat.h): addresses and lengths."""
    return vectors(raw, struct.Struct("<II"))
