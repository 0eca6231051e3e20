"""What each argument of a system call is: what to read of it, and how to say it. Decided by its type, name and call."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

from ringward.events import syscall_flags as flags
from ringward.events import syscall_messages as messages
from ringward.events import syscall_tasks as tasks
from ringward.events import syscall_values as values
from ringward.events.syscall_ctypes import INTEGERS, OPAQUE
from ringward.events.syscall_kinds import FIXED, HEAD, RESULT, Kind, array, memory
from ringward.events.syscall_structures import STRUCTURES, as_laid_out
from ringward.events.syscall_table import Call, Parameter

AT_FDCWD = -100
_REGISTER = 4
"""Bytes of a register of 32-bit callers."""


class UnknownTypeError(ValueError):
    """An argument of a type that there is no rule for; the message names it."""


_DESCRIPTORS = frozenset(
    [
        "fd",
        "oldfd",
        "epfd",
        "ufd",
        "in_fd",
        "out_fd",
        "fdin",
        "fdout",
        "fd_in",
        "fd_out",
        "pidfd",
        "ruleset_fd",
        "group_fd",
        "kernel_fd",
        "initrd_fd",
        "fanotify_fd",
        "fs_fd",
        "mqdes",
    ]
)
_DIRECTORIES = frozenset(["dfd", "olddfd", "newdfd", "from_dfd", "to_dfd", "mountdirfd", "dirfd", "from_dfd"])
_PATHS = frozenset(
    [
        "filename",
        "pathname",
        "path",
        "oldname",
        "newname",
        "specialfile",
        "special",
        "new_root",
        "put_old",
        "library",
        "from_pathname",
        "to_pathname",
        "dir_name",
        "dev_name",
    ]
)
# The first argument of these is text, not where it leads.
_TEXTS = frozenset({("symlink", "oldname"), ("symlinkat", "oldname"), ("mount", "dev_name")})
_BASES = {
    "oldname": "olddfd",
    "newname": "newdfd",
    "from_pathname": "from_dfd",
    "to_pathname": "to_dfd",
}


def _word(names: flags.Names) -> Kind:
    return Kind("nothing", lambda value: names.get(value, value), str | int)


def _set(names: flags.Names, zero: str = "") -> Kind:
    def show(value: int) -> tuple[str, ...]:
        return flags.bits(value, names) if value or not zero else (zero,)

    return Kind("nothing", show, tuple[str, ...])


def _clone_flags(value: int) -> tuple[str | int, ...]:
    """Return flags and the signal in the low byte, as clone(2) takes them."""
    number = value & 0xFF
    return (*flags.bits(value & ~0xFF, flags.CLONE), *((flags.signal_name(number),) if number else ()))


def _socket_type(value: int) -> tuple[str, ...]:
    kind = flags.SOCK.get(value & 0xF, str(value & 0xF))
    return (kind, *flags.bits(value & ~0xF, flags.SOCK_FLAGS))


_OPEN = Kind("nothing", values.open_flags, tuple[str, ...])
_MODE = Kind("nothing", values.mode, str)
_SIGNAL = Kind("nothing", flags.signal_name, str | int)
_HEX = Kind("nothing", hex, str)
_POINTER = Kind("nothing", hex, str | None)
_NUMBER = Kind("nothing", int, int)
_STRING = Kind("string", lambda text: text, str | None, HEAD)
_AT, _PROT, _MSG, _TYPE = _set(flags.AT), _set(flags.PROT, "PROT_NONE"), _set(flags.MSG), _word(flags.FAMILY)
_CLOCK = _word(flags.CLOCK)
_OPENS = ("open", "openat", "open_by_handle_at", "mq_open")
_MESSAGES = ("recvfrom", "sendto", "sendmsg", "recvmsg", "sendmmsg", "recvmmsg")
_ADDRESSES = ("addr", "old_addr", "new_addr", "start", "newsp", "tls")
_SOCKET = Kind("nothing", _socket_type, tuple[str, ...])
_CLOEXEC = _set(flags.CLOEXEC)
_ARGV = Kind("strings", tasks.strings, list[str] | None)
# Written when a child was found: what is returned is its number.
_USED_BY_CHILD = replace(STRUCTURES["struct rusage *"], length=RESULT, scale=144)
_HEAD = Kind("in", values.data, str | None, 0)
"""First bytes of a buffer: none, unless their number is asked for."""

BY_CALL: dict[tuple[str, str], Kind] = {
    ("clone", "clone_flags"): Kind("nothing", _clone_flags, tuple[str | int, ...]),
    ("unshare", "unshare_flags"): _set(flags.NEWTIME),
    ("setns", "flags"): _set(flags.NEWTIME),
    ("linkat", "flags"): _AT,
    ("newfstatat", "flag"): _AT,
    ("fstatat64", "flag"): _AT,
    ("unlinkat", "flag"): _AT,
    ("fchownat", "flag"): _AT,
    ("utimensat", "flags"): _AT,
    ("execveat", "flags"): _AT,
    ("statx", "flags"): _AT,
    ("faccessat2", "flags"): _set(flags.AT_ACCESS),
    ("fchmodat2", "flags"): _AT,
    ("access", "mode"): _set(flags.ACCESS, "F_OK"),
    ("faccessat", "mode"): _set(flags.ACCESS, "F_OK"),
    ("faccessat2", "mode"): _set(flags.ACCESS, "F_OK"),
    ("umask", "mask"): _MODE,
    ("mmap", "prot"): _PROT,
    ("mmap", "flags"): _set(flags.MAP),
    ("mmap2", "prot"): _PROT,
    ("mmap2", "flags"): _set(flags.MAP),
    ("mprotect", "prot"): _PROT,
    ("pkey_mprotect", "prot"): _PROT,
    ("mremap", "flags"): _set(flags.MREMAP),
    ("madvise", "behavior"): _word(flags.MADVISE),
    ("msync", "flags"): _set(flags.MSYNC),
    ("mlockall", "flags"): _set(flags.MLOCKALL),
    ("fadvise64", "advice"): _word(flags.FADVISE),
    ("lseek", "whence"): _word(flags.WHENCE),
    ("fcntl", "cmd"): _word(flags.FCNTL),
    ("fcntl64", "cmd"): _word(flags.FCNTL),
    ("ioctl", "cmd"): _HEX,
    ("flock", "cmd"): _set(flags.FLOCK),
    ("futex", "op"): _word(flags.FUTEX),
    ("socket", "family"): _TYPE,
    ("socket", "type"): _SOCKET,
    ("socketpair", "family"): _TYPE,
    ("socketpair", "type"): _SOCKET,
    ("shutdown", "how"): _word(flags.SHUTDOWN),
    ("setsockopt", "level"): _word(flags.SOL),
    ("getsockopt", "level"): _word(flags.SOL),
    ("accept4", "flags"): _set(flags.SOCK_FLAGS),
    ("rt_sigprocmask", "how"): _word(flags.SIGMASK),
    ("sigprocmask", "how"): _word(flags.SIGMASK),
    ("wait4", "options"): _set(flags.WAIT),
    ("waitpid", "options"): _set(flags.WAIT),
    ("waitid", "options"): _set(flags.WAIT),
    ("waitid", "which"): _word(flags.WAITID),
    ("epoll_ctl", "op"): _word(flags.EPOLL_CTL),
    ("epoll_create1", "flags"): _set(flags.EPOLL_CREATE),
    ("pipe2", "flags"): _CLOEXEC,
    ("dup3", "flags"): _CLOEXEC,
    ("eventfd2", "flags"): _set(flags.EVENTFD),
    ("inotify_init1", "flags"): _set(flags.INOTIFY),
    ("memfd_create", "flags"): _set(flags.MEMFD),
    ("getrandom", "flags"): _set(flags.RANDOM),
    ("renameat2", "flags"): _set(flags.RENAME),
    ("umount2", "flags"): _set(flags.UMOUNT),
    ("mount", "flags"): _set(flags.MOUNT),
    ("arch_prctl", "option"): _word(flags.ARCH_PRCTL),
    ("prctl", "option"): _word(flags.PRCTL),
    ("ptrace", "request"): _word(flags.PTRACE),
    ("seccomp", "op"): _word(flags.SECCOMP),
    ("bpf", "cmd"): _word(flags.BPF),
    ("getrlimit", "resource"): _word(flags.RLIMIT),
    ("setrlimit", "resource"): _word(flags.RLIMIT),
    ("prlimit64", "resource"): _word(flags.RLIMIT),
    ("getitimer", "which"): _word(flags.ITIMER),
    ("setitimer", "which"): _word(flags.ITIMER),
    ("getrusage", "who"): _word(flags.RUSAGE),
    ("clock_nanosleep", "flags"): _set(flags.TIMER),
    ("timer_settime", "flags"): _set(flags.TIMER),
    ("timerfd_settime", "flags"): _set(flags.TIMER),
    ("timerfd_create", "flags"): _set(flags.CLOEXEC),
    ("timerfd_create", "clockid"): _word(flags.CLOCK),
    ("getpriority", "which"): _word(flags.IOPRIO_WHO),
    ("setpriority", "which"): _word(flags.IOPRIO_WHO),
    ("read", "buf"): replace(_HEAD, reading="out", length=RESULT),
    ("pread64", "buf"): replace(_HEAD, reading="out", length=RESULT),
    ("write", "buf"): replace(_HEAD, length="count"),
    ("pwrite64", "buf"): replace(_HEAD, length="count"),
    ("sendto", "buff"): replace(_HEAD, length="len"),
    ("recvfrom", "ubuf"): replace(_HEAD, reading="out", length=RESULT),
    ("getcwd", "buf"): Kind("out", values.text, str | None, HEAD, length=RESULT),
    ("readlink", "buf"): Kind("out", values.text, str | None, HEAD, length=RESULT),
    ("readlinkat", "buf"): Kind("out", values.text, str | None, HEAD, length=RESULT),
    ("getrandom", "ubuf"): _POINTER,
    ("umount2", "name"): replace(_STRING, path=True, hint=values.PathValue | None),
    ("umount", "name"): replace(_STRING, path=True, hint=values.PathValue | None),
    ("acct", "name"): replace(_STRING, path=True, hint=values.PathValue | None),
    ("mount", "type"): _STRING,
    ("sethostname", "name"): Kind("in", values.text, str | None, 64, length="len"),
    ("setdomainname", "name"): Kind("in", values.text, str | None, 64, length="len"),
    ("mq_timedsend", "u_msg_ptr"): replace(_HEAD, length="msg_len"),
    ("pipe", "fildes"): Kind("out", values.integers, tuple[int, ...] | None, 8),
    ("pipe2", "fildes"): Kind("out", values.integers, tuple[int, ...] | None, 8),
    ("socketpair", "usockvec"): Kind("out", values.integers, tuple[int, ...] | None, 8),
    ("rt_sigprocmask", "oset"): replace(STRUCTURES["sigset_t *"], reading="out"),
    ("rt_sigpending", "uset"): replace(STRUCTURES["sigset_t *"], reading="out"),
    ("getrlimit", "rlim"): replace(STRUCTURES["struct rlimit *"], reading="out"),
    ("getitimer", "value"): replace(STRUCTURES["struct __kernel_old_itimerval *"], reading="out"),
    ("setitimer", "ovalue"): replace(STRUCTURES["struct __kernel_old_itimerval *"], reading="out"),
    ("gettimeofday", "tv"): replace(STRUCTURES["struct __kernel_old_timeval *"], reading="out"),
    ("clock_gettime", "tp"): replace(STRUCTURES["struct __kernel_timespec *"], reading="out"),
    ("clock_getres", "tp"): replace(STRUCTURES["struct __kernel_timespec *"], reading="out"),
    ("sched_rr_get_interval", "interval"): replace(STRUCTURES["struct __kernel_timespec *"], reading="out"),
    ("utimes", "utimes"): array(values.timevals, 32),
    ("futimesat", "utimes"): array(values.timevals, 32),
    ("utimensat", "utimes"): array(values.timespecs, 32),
    ("execve", "argv"): _ARGV,
    ("execveat", "argv"): _ARGV,
    ("statx", "mask"): _set(flags.STATX),
    ("wait4", "ru"): _USED_BY_CHILD,
    ("waitid", "ru"): STRUCTURES["struct rusage *"],
    ("recvmsg", "msg"): replace(STRUCTURES["struct user_msghdr *"], reading="msg_out"),
    ("epoll_ctl", "event"): memory(messages.epoll_event, 12),
    ("sigprocmask", "oset"): replace(STRUCTURES["old_sigset_t *"], reading="out"),
    ("sigpending", "uset"): replace(STRUCTURES["old_sigset_t *"], reading="out"),
    ("connect", "uservaddr"): replace(STRUCTURES["struct sockaddr *"], length="addrlen"),
    ("bind", "umyaddr"): replace(STRUCTURES["struct sockaddr *"], length="addrlen"),
    ("sendto", "addr"): replace(STRUCTURES["struct sockaddr *"], length="addr_len"),
    ("recvfrom", "addr"): replace(STRUCTURES["struct sockaddr *"], reading="out"),
    ("accept", "upeer_sockaddr"): replace(STRUCTURES["struct sockaddr *"], reading="out"),
    ("accept4", "upeer_sockaddr"): replace(STRUCTURES["struct sockaddr *"], reading="out"),
    ("getsockname", "usockaddr"): replace(STRUCTURES["struct sockaddr *"], reading="out"),
    ("getpeername", "usockaddr"): replace(STRUCTURES["struct sockaddr *"], reading="out"),
}
"""What neither type nor name tell, by call and argument."""
BY_NAME: dict[tuple[str, str], Kind] = {
    ("int", "sig"): _SIGNAL,
    ("unsigned long", "sig"): _SIGNAL,
}


def _number(call: Call, parameter: Parameter, kind: Kind) -> Kind:
    size, signed = INTEGERS[parameter.ctype]
    return replace(kind, size=min(size, _REGISTER) if call.abi == "ia32" else size, signed=signed)


def _text(call: Call, parameter: Parameter) -> Kind:
    """Return what a ``const char *`` is: a path, from which directory, or a string."""
    if parameter.name not in _PATHS or (call.entry, parameter.name) in _TEXTS:
        return _STRING
    names = [one.name for one in call.parameters]
    base = _BASES.get(parameter.name, "dfd")
    base = base if base in names else "dfd" if "dfd" in names else ""
    if base and names.index(base) > names.index(parameter.name):  # symlinkat: of the second path alone
        base = base if parameter.name == "newname" else ""
    return replace(_STRING, path=True, base=base, hint=values.PathValue | None)


@cache
def kind_of(call: Call, parameter: Parameter) -> Kind:
    """Return how an argument is read and shown.

    Raises:
        UnknownTypeError: there is no rule for its type.

    """
    ctype, name = parameter
    found = BY_CALL.get((call.name, name)) or BY_CALL.get((call.entry, name)) or BY_NAME.get((ctype, name))
    if ctype in INTEGERS:
        return _descriptor(name) or _number(call, parameter, found or _numbered(call, parameter))
    if found is not None:
        return as_laid_out(call, _sized(call, parameter, found))
    if ctype == "const char *" or (ctype == "char *" and name in _PATHS):
        return _text(call, parameter)
    if ctype in STRUCTURES:
        return as_laid_out(call, _sized(call, parameter, STRUCTURES[ctype]))
    if ctype in OPAQUE:
        return _POINTER
    raise UnknownTypeError(f"{call.name}: argument {name} is a {ctype}, for which there is no rule")


def _descriptor(name: str) -> Kind | None:
    reading = "dirfd" if name in _DIRECTORIES else "fd" if name in _DESCRIPTORS else ""
    return Kind(reading, int, values.Descriptor, 4, signed=True) if reading else None


def _numbered(call: Call, parameter: Parameter) -> Kind:
    """Return what a number is by its type and name."""
    ctype, name = parameter
    by_type = {"umode_t": _MODE, "clockid_t": _CLOCK, "const clockid_t": _CLOCK}
    by_flags = {**dict.fromkeys(_OPENS, _OPEN), **dict.fromkeys(_MESSAGES, _MSG)}
    if ctype in by_type:
        return by_type[ctype]
    if name == "flags" and call.entry in by_flags:
        return by_flags[call.entry]
    if name in _ADDRESSES and ctype == "unsigned long":
        return _POINTER
    return _HEX if "flags" in name or name in ("mask", "brk") else _NUMBER


def _sized(call: Call, parameter: Parameter, kind: Kind) -> Kind:
    """Return a kind whose `length` this call has: of a vector the argument behind it, else as it is."""
    names = [one.name for one in call.parameters]
    if kind.show is values.iovecs:
        return replace(kind, length=names[names.index(parameter.name) + 1])
    return kind if kind.length in (FIXED, RESULT, *names) else replace(kind, length=FIXED)
