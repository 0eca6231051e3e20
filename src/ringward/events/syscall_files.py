"""What calls about files and file systems return in memory: struct statx, struct statfs and its like."""

from __future__ import annotations

import struct

from ringward.events import syscall_flags as flags
from ringward.events.syscall_values import Value, file_mode, members

# include/uapi/linux/stat.h: struct statx, up to stx_mnt_id
_STATX = members(
    "IIQIIIHxxQQQQ48xqI4xIIIIQ",
    "stx_mask stx_blksize stx_attributes stx_nlink stx_uid stx_gid stx_mode stx_ino stx_size stx_blocks"
    " - stx_mtime - rdev_major rdev_minor dev_major dev_minor stx_mnt_id",
)
STATX_SIZE = 152
_TIMES = {"stx_atime": 64, "stx_btime": 80, "stx_ctime": 96, "stx_mtime": 112}
"""Offsets of struct statx_timestamp."""
_TIME = struct.Struct("<qI")
_NAMES = "f_type f_bsize f_blocks f_bfree f_bavail f_files f_ffree f_fsid f_namelen f_frsize f_flags"
# include/uapi/asm-generic/statfs.h: struct statfs
_STATFS = members("7QQ3Q32x", _NAMES)
# arch/x86/include/asm/compat.h: struct compat_statfs
_COMPAT_STATFS = members("7IQ3I16x", _NAMES)
# include/uapi/asm-generic/statfs.h: struct compat_statfs64, packed
_COMPAT_STATFS64 = members("2I5QQ3I16x", _NAMES)


def statx(raw: bytes) -> Value:
    """Return a struct statx; times in seconds since 1970, of those that `stx_mask` says are there."""
    found = _STATX(raw)
    for name, at in _TIMES.items():
        found[name] = _TIME.unpack_from(raw, at)[0]
    major = {name: f"{found.pop(f'{name}_major')}:{found.pop(f'{name}_minor')}" for name in ("rdev", "dev")}
    return found | {
        "stx_mask": flags.bits(found["stx_mask"], flags.STATX),
        "stx_attributes": hex(found["stx_attributes"]),
        "stx_mode": file_mode(found["stx_mode"]),
        "stx_rdev": major["rdev"],
        "stx_dev": major["dev"],
    }


def _file_system(found: Value) -> Value:
    kind = found["f_type"] & 0xFFFFFFFF
    return found | {
        "f_type": flags.FILE_SYSTEM.get(kind, hex(kind)),
        "f_fsid": f"{found['f_fsid']:#x}",
        "f_flags": flags.bits(found["f_flags"], flags.STATFS),
    }


def statfs(raw: bytes) -> Value:
    """Return a struct statfs; sizes in blocks of `f_bsize` bytes."""
    return _file_system(_STATFS(raw))


def compat_statfs(raw: bytes) -> Value:
    """Return a struct compat_statfs."""
    return _file_system(_COMPAT_STATFS(raw))


def compat_statfs64(raw: bytes) -> Value:
    """Return a struct compat_statfs64."""
    return _file_system(_COMPAT_STATFS64(raw))
