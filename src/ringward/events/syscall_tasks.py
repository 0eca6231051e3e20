"""What calls about processes take and return in memory: signal actions, what was used, a new program's arguments."""

from __future__ import annotations

from ringward.events import syscall_flags as flags
from ringward.events.fields import decode
from ringward.events.syscall_values import Value, members, signals

_RUSAGE = (
    "ru_maxrss ru_ixrss ru_idrss ru_isrss ru_minflt ru_majflt ru_nswap ru_inblock ru_oublock ru_msgsnd ru_msgrcv"
    " ru_nsignals ru_nvcsw ru_nivcsw"
)
_TIMES = "utime_sec utime_usec stime_sec stime_usec "
# include/uapi/linux/resource.h: struct rusage; include/linux/compat.h: struct compat_rusage
_WIDE_RUSAGE, _NARROW_RUSAGE = members("18q", _TIMES + _RUSAGE), members("18i", _TIMES + _RUSAGE)
# include/linux/signal_types.h: struct sigaction; include/linux/compat.h: struct compat_sigaction, compat_old_sigaction
_ACTION = "sa_handler sa_flags sa_restorer sa_mask"
_WIDE_ACTION, _NARROW_ACTION = members("QQQQ", _ACTION), members("IIIQ", _ACTION)
_OLD_ACTION = members("IIII", "sa_handler sa_mask sa_flags sa_restorer")


def _used(found: Value) -> Value:
    times = {
        f"ru_{name}": {"tv_sec": found.pop(f"{name}_sec"), "tv_usec": found.pop(f"{name}_usec")}
        for name in ("utime", "stime")
    }
    return times | found


def rusage(raw: bytes) -> Value:
    """Return a struct rusage; `ru_maxrss` in KiB."""
    return _used(_WIDE_RUSAGE(raw))


def compat_rusage(raw: bytes) -> Value:
    """Return a struct compat_rusage."""
    return _used(_NARROW_RUSAGE(raw))


def _action(found: Value) -> Value:
    return {
        "sa_handler": flags.HANDLER.get(found["sa_handler"], hex(found["sa_handler"])),
        "sa_mask": signals(found["sa_mask"].to_bytes(8, "little")),
        "sa_flags": flags.bits(found["sa_flags"], flags.SIGACTION),
        "sa_restorer": hex(found["sa_restorer"]),
    }


def sigaction(raw: bytes) -> Value:
    """Return a struct sigaction as the kernel has it."""
    return _action(_WIDE_ACTION(raw))


def compat_sigaction(raw: bytes) -> Value:
    """Return a struct compat_sigaction."""
    return _action(_NARROW_ACTION(raw))


def old_sigaction(raw: bytes) -> Value:
    """Return a struct compat_old_sigaction."""
    return _action(_OLD_ACTION(raw))


def strings(raw: bytes) -> list[str]:
    """Return the strings of an array, each of which ends with a NUL, or with all that was read."""
    return [decode(one) for one in raw.removesuffix(b"\0").split(b"\0")] if raw else []
