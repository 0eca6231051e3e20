"""What the memory at an argument says: structures of include/uapi, for 64-bit callers.

Each function takes the bytes that were read, of which there may be too few, and returns what JSON can say.
"""

from __future__ import annotations

import ipaddress
import stat as modes
import struct
from collections.abc import Callable
from typing import Any

import msgspec

from ringward.events import syscall_flags as flags
from ringward.events.fields import decode, device

Value = dict[str, Any]
VECTORS = 8
"""Elements of an array that are read at most."""


class PathValue(msgspec.Struct, frozen=True):
    """A path as the caller gave it, and where it leads from."""

    given: str
    path: str | None
    """Absolute, from the working directory or the descriptor; not followed nor normalized. Null with a reason."""


class Descriptor(msgspec.Struct, frozen=True):
    """A file descriptor as it was at entry."""

    fd: int | str
    """A number, or AT_FDCWD."""
    path: str | None
    """Of its file; a pipe, socket or memfd has its name. Null: it is not open, or with a reason."""


def members(layout: str, names: str) -> Callable[[bytes], Value]:
    """Return a function that reads a structure of numbers; ``-`` is no member to show."""
    fields = names.split()
    unpack = struct.Struct("<" + layout)

    def read(raw: bytes) -> Value:
        if len(raw) < unpack.size:
            raise ValueError(f"{len(raw)} bytes are too few for a structure of {unpack.size}")
        return {name: value for name, value in zip(fields, unpack.unpack_from(raw), strict=True) if name != "-"}

    return read


_TIME = members("qq", "tv_sec tv_nsec")
_TIMEVAL = members("qq", "tv_sec tv_usec")
_STAT = members(
    "QQQIIIIQqqqQQQQQQ24x",
    "st_dev st_ino st_nlink st_mode st_uid st_gid - st_rdev st_size st_blksize st_blocks"
    " st_atime - st_mtime - st_ctime -",
)
_RLIMIT = members("QQ", "rlim_cur rlim_max")
_OPEN_HOW = members("QQQ", "flags mode resolve")
_CLONE = members("QQQQQQQQ", "flags pidfd child_tid parent_tid exit_signal stack stack_size tls")


def timespec(raw: bytes) -> Value:
    """Return a struct timespec."""
    return _TIME(raw)


def timeval(raw: bytes) -> Value:
    """Return a struct timeval."""
    return _TIMEVAL(raw)


def pair(read: Callable[[bytes], Value], raw: bytes, size: int) -> tuple[Value, ...]:
    """Return two structures of so many bytes that stand one behind the other."""
    return read(raw), read(raw[size:])


def nanoseconds(times: tuple[Value, ...]) -> tuple[Value, ...]:
    """Return times for utimensat(2), with what is no number of nanoseconds by name (include/linux/stat.h)."""
    return tuple({**one, "tv_nsec": flags.UTIME.get(one["tv_nsec"], one["tv_nsec"])} for one in times)


def timespecs(raw: bytes) -> tuple[Value, ...]:
    """Return two struct timespec, as utimensat takes them."""
    return nanoseconds(pair(_TIME, raw, 16))


def timevals(raw: bytes) -> tuple[Value, ...]:
    """Return two struct timeval, as utimes takes them."""
    return pair(_TIMEVAL, raw, 16)


def itimerspec(raw: bytes) -> Value:
    """Return a struct itimerspec."""
    return {"it_interval": _TIME(raw), "it_value": _TIME(raw[16:])}


def itimerval(raw: bytes) -> Value:
    """Return a struct itimerval."""
    return {"it_interval": _TIMEVAL(raw), "it_value": _TIMEVAL(raw[16:])}


def limits(found: Value, bits: int) -> Value:
    """Return limits with the largest number of so many bits by name."""
    return {name: "RLIM_INFINITY" if value == (1 << bits) - 1 else value for name, value in found.items()}


def rlimit(raw: bytes) -> Value:
    """Return a struct rlimit."""
    return limits(_RLIMIT(raw), 64)


def rlimit64(raw: bytes) -> Value:
    """Return a struct rlimit64, which all callers lay out alike."""
    return limits(_RLIMIT(raw), 64)


def mode(value: int) -> str:
    """Return permissions in octal."""
    return f"0{value:o}" if value else "0"


def file_mode(value: int) -> str:
    """Return a file's mode as strace has it: kind and permissions."""
    kinds = {"S_IFREG": modes.S_ISREG, "S_IFDIR": modes.S_ISDIR, "S_IFLNK": modes.S_ISLNK, "S_IFCHR": modes.S_ISCHR}
    kinds |= {"S_IFBLK": modes.S_ISBLK, "S_IFIFO": modes.S_ISFIFO, "S_IFSOCK": modes.S_ISSOCK}
    kind = next((name for name, test in kinds.items() if test(value)), "")
    return f"{kind}|{mode(value & 0o7777)}" if kind else mode(value)


def _user_device(number: int) -> str:
    """Return ``major:minor`` of a dev_t as user space has it (include/linux/kdev_t.h: new_encode_dev())."""
    return device((number >> 8 & 0xFFF) << 20 | (number & 0xFF) | (number >> 12 & 0xFFF00))


def file_stat(found: Value) -> Value:
    """Return the members of a struct stat with mode and devices as they are written."""
    return {
        **found,
        "st_mode": file_mode(found["st_mode"]),
        "st_dev": _user_device(found["st_dev"]),
        "st_rdev": _user_device(found["st_rdev"]),
    }


def stat(raw: bytes) -> Value:
    """Return a struct stat of x86-64; times in seconds since 1970."""
    return file_stat(_STAT(raw))


def open_how(raw: bytes) -> Value:
    """Return a struct open_how."""
    found = _OPEN_HOW(raw)
    return {
        "flags": open_flags(found["flags"]),
        "mode": mode(found["mode"]),
        "resolve": flags.bits(found["resolve"], flags.RESOLVE),
    }


def clone_args(raw: bytes) -> Value:
    """Return a struct clone_args; members that were added after the first 64 bytes when they are there."""
    found = _CLONE(raw)
    for name, at in (("set_tid", 64), ("set_tid_size", 72), ("cgroup", 80)):
        if len(raw) >= at + 8:
            found[name] = int.from_bytes(raw[at : at + 8], "little")
    found["flags"] = flags.bits(found["flags"], flags.CLONE)
    found["exit_signal"] = flags.signal_name(found["exit_signal"])
    for name in ("pidfd", "child_tid", "parent_tid", "stack", "tls", "set_tid"):
        if name in found:
            found[name] = hex(found[name])
    return found


def open_flags(value: int) -> tuple[str, ...]:
    """Return the flags of open(2), the access mode first."""
    access = flags.ACCESS_MODE.get(value & 3, "O_ACCMODE")
    return (access, *flags.bits(value & ~3, flags.OPEN))


def vectors(raw: bytes, one: struct.Struct) -> tuple[Value, ...]:
    """Return an array of vectors that are laid out so: address, length."""
    found = one.iter_unpack(_whole(raw, one.size))
    return tuple({"iov_base": hex(base), "iov_len": size} for base, size in found)


def iovecs(raw: bytes) -> tuple[Value, ...]:
    """Return an array of struct iovec: addresses and lengths, not what they point to."""
    return vectors(raw, struct.Struct("<QQ"))


def pollfds(raw: bytes) -> tuple[Value, ...]:
    """Return an array of struct pollfd, as it was at entry."""
    found = struct.iter_unpack("<ihh", _whole(raw, 8))
    return tuple({"fd": fd, "events": flags.bits(events & 0xFFFF, flags.POLL)} for fd, events, _revents in found)


def integers(raw: bytes) -> tuple[int, ...]:
    """Return an array of int."""
    return tuple(value for (value,) in struct.iter_unpack("<i", _whole(raw, 4)))


def number64(raw: bytes) -> int:
    """Return one 64-bit number."""
    if len(raw) < 8:
        raise ValueError("fewer than 8 bytes")
    return int.from_bytes(raw[:8], "little", signed=True)


def signals(raw: bytes) -> tuple[str | int, ...]:
    """Return a sigset_t: the signals that are in it."""
    value = int.from_bytes(raw[:8], "little")
    return tuple(flags.signal_name(number) for number in range(1, 65) if value >> (number - 1) & 1)


def utsname(raw: bytes) -> Value:
    """Return a struct new_utsname: six strings of 65 bytes."""
    names = ("sysname", "nodename", "release", "version", "machine", "domainname")
    return {name: decode(raw[i * 65 : i * 65 + 65].split(b"\0")[0]) for i, name in enumerate(names)}


def text(raw: bytes) -> str:
    """Return bytes that are text, up to a NUL."""
    return decode(raw.split(b"\0")[0])


def data(raw: bytes) -> str:
    """Return any bytes as text: printable ASCII as it is, all else as ``\\xNN``."""
    shown = (chr(byte) if 0x20 <= byte < 0x7F and byte != 0x5C else f"\\x{byte:02x}" for byte in raw)
    return "".join(shown)


def sockaddr(raw: bytes) -> Value:
    """Return a struct sockaddr: of UNIX, IPv4, IPv6 and netlink with their parts, of others the family."""
    if len(raw) < 2:
        raise ValueError("an address without family")
    family = int.from_bytes(raw[:2], "little")
    found: Value = {"family": flags.FAMILY.get(family, str(family))}
    if family == 1:
        path = raw[2:]
        found["path"] = "@" + decode(path[1:].rstrip(b"\0")) if path[:1] == b"\0" and path.strip(b"\0") else text(path)
    elif family == 2 and len(raw) >= 8:
        found |= {"address": str(ipaddress.IPv4Address(raw[4:8])), "port": int.from_bytes(raw[2:4], "big")}
    elif family == 10 and len(raw) >= 24:
        found |= {"address": str(ipaddress.IPv6Address(raw[8:24])), "port": int.from_bytes(raw[2:4], "big")}
    elif family == 16 and len(raw) >= 12:
        pid, groups = struct.unpack_from("<II", raw, 4)
        found |= {"pid": pid, "groups": groups}
    return found


def _whole(raw: bytes, size: int) -> bytes:
    return raw[: len(raw) // size * size]
