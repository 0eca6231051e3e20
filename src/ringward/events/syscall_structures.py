"""Structures that arguments of system calls point to, by C type, and how each way in lays them out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

from ringward.events import syscall_compat as compat
from ringward.events import syscall_files as files
from ringward.events import syscall_messages as messages
from ringward.events import syscall_tasks as tasks
from ringward.events import syscall_values as values
from ringward.events.syscall_kinds import RESULT, Kind, array, memory
from ringward.events.syscall_table import Call

_TIMESPEC, _TIMEVAL = memory(values.timespec, 16), memory(values.timeval, 16)
STRUCTURES = {
    "struct __kernel_timespec *": _TIMESPEC,
    "const struct __kernel_timespec *": _TIMESPEC,
    "struct __kernel_old_timeval *": _TIMEVAL,
    "const struct __kernel_itimerspec *": memory(values.itimerspec, 32),
    "struct __kernel_itimerspec *": memory(values.itimerspec, 32, "out"),
    "struct __kernel_old_itimerval *": memory(values.itimerval, 32),
    "struct stat *": memory(values.stat, 144, "out"),
    "struct stat64 *": memory(compat.stat64, 96, "out"),
    "struct rlimit *": memory(values.rlimit, 16),
    "struct rlimit64 *": memory(values.rlimit64, 16, "out"),
    "const struct rlimit64 *": memory(values.rlimit64, 16),
    "struct new_utsname *": memory(values.utsname, 390, "out"),
    "struct open_how *": memory(values.open_how, 24),
    "struct clone_args *": memory(values.clone_args, 88, length="size"),
    "struct sockaddr *": memory(values.sockaddr, 110),
    "const struct iovec *": array(values.iovecs, 16 * values.VECTORS, scale=16),
    "struct pollfd *": array(values.pollfds, 8 * values.VECTORS, length="nfds", scale=8),
    "sigset_t *": array(values.signals, 8),
    "const sigset_t *": array(values.signals, 8),
    "old_sigset_t *": array(values.signals, 4),
    "struct statx *": memory(files.statx, files.STATX_SIZE, "out"),
    "struct statfs *": memory(files.statfs, 120, "out"),
    "struct statfs64 *": memory(files.compat_statfs64, 84, "out"),
    "const struct sigaction *": memory(tasks.sigaction, 32),
    "struct sigaction *": memory(tasks.sigaction, 32, "out"),
    "const struct old_sigaction *": memory(tasks.old_sigaction, 16),
    "struct old_sigaction *": memory(tasks.old_sigaction, 16, "out"),
    "struct rusage *": memory(tasks.rusage, 144, "out"),
    "struct user_msghdr *": memory(messages.message, messages.MESSAGE_SIZE, "msg_in"),
    "struct epoll_event *": array(messages.epoll_events, 12 * values.VECTORS, "out", length=RESULT, scale=12),
}
"""Pointers to what is read, by type; laid out as for 64-bit callers, or as for the only ones that there are."""


class _Layout(NamedTuple):
    """Another layout of what a kind shows."""

    show: Callable[[bytes], Any]
    size: int
    """Bytes, as `Kind.size`."""
    scale: int = 1
    """As `Kind.scale`."""


_OLD_TIME: dict[Callable[[Any], Any], _Layout] = {
    values.timespec: _Layout(compat.timespec, 8),
    values.timespecs: _Layout(compat.timespecs, 16),
    values.itimerspec: _Layout(compat.itimerspec, 16),
}
"""With seconds of 32 bits: *_time32 of arch/x86/entry/syscalls/syscall_32.tbl."""

_PADDED: dict[Callable[[Any], Any], _Layout] = {
    values.timespec: _Layout(compat.padded_timespec, 16),
    values.timespecs: _Layout(compat.padded_timespecs, 32),
    values.itimerspec: _Layout(compat.padded_itimerspec, 32),
}
"""The 64-bit layout; of nanoseconds the upper half is padding (kernel/time/time.c: get_timespec64())."""

_IA32: dict[Callable[[Any], Any], _Layout] = {
    values.timeval: _Layout(compat.timeval, 8),
    values.timevals: _Layout(compat.timevals, 16),
    values.itimerval: _Layout(compat.itimerval, 16),
    values.stat: _Layout(compat.stat, 64),
    values.rlimit: _Layout(compat.rlimit, 8),
    files.statfs: _Layout(files.compat_statfs, 64),
    tasks.rusage: _Layout(tasks.compat_rusage, 72, 72),
}

_NARROW: dict[Callable[[Any], Any], _Layout] = {
    values.iovecs: _Layout(compat.iovecs, 8 * values.VECTORS, 8),
    messages.message: _Layout(messages.compat_message, messages.MESSAGE_SIZE),
    tasks.sigaction: _Layout(tasks.compat_sigaction, 20),
}
"""With pointers of 32 bits: for all that the kernel's in_compat_syscall() says yes to, x32 among them."""

_FIRST_TIME64 = 403
"""Number of clock_gettime64, the first 32-bit call with times of 64 bits; from it on there are no others."""


def as_laid_out(call: Call, kind: Kind) -> Kind:
    """Return a kind with the sizes that the structure has for the callers of a call."""
    if call.abi == "64-bit":
        return kind
    tables = [_NARROW]
    if call.abi == "ia32":
        tables += [_IA32, _PADDED if call.number >= _FIRST_TIME64 else _OLD_TIME]
    else:
        tables.append(_PADDED)
    found = next((table[kind.show] for table in tables if kind.show in table), None)
    return kind if found is None else replace(kind, show=found.show, size=found.size, scale=found.scale)
