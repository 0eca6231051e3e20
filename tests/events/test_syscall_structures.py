"""Structures by way in, beside what the running kernel's BTF says of their sizes."""

from __future__ import annotations

from pathlib import Path

import pytest

from ringward.btf import Btf, types
from ringward.events import syscall_compat as compat
from ringward.events import syscall_files as files
from ringward.events import syscall_messages as messages
from ringward.events import syscall_structures as structures
from ringward.events import syscall_tasks as tasks
from ringward.events.syscall_kinds import RESULT, Kind
from ringward.events.syscall_table import by_event
from ringward.events.syscall_types import kind_of

VMLINUX = Path("/sys/kernel/btf/vmlinux")
KERNEL = {
    compat.timespec: "old_timespec32",
    compat.timeval: "old_timeval32",
    compat.itimerspec: "old_itimerspec32",
    compat.itimerval: "old_itimerval32",
    compat.padded_timespec: "__kernel_timespec",
    compat.padded_itimerspec: "__kernel_itimerspec",
    compat.stat: "compat_stat",
    compat.stat64: "stat64",
    compat.rlimit: "compat_rlimit",
    files.statfs: "statfs",
    files.compat_statfs: "compat_statfs",
    files.compat_statfs64: "compat_statfs64",
    tasks.rusage: "rusage",
    tasks.compat_rusage: "compat_rusage",
    tasks.sigaction: "sigaction",
    tasks.compat_sigaction: "compat_sigaction",
    tasks.old_sigaction: "compat_old_sigaction",
}


def kind(name: str, argument: str, abi: str) -> Kind:
    call = next(one for one in by_event()[name] if one.abi == abi)
    return kind_of(call, next(one for one in call.parameters if one.name == argument))


@pytest.mark.skipif(not VMLINUX.exists(), reason="this kernel has no BTF of its own")
def test_sizes_are_those_of_this_kernel() -> None:
    btf = Btf(VMLINUX.read_bytes())
    if btf.find(types.STRUCT, "compat_stat") is None:
        pytest.skip("this kernel runs no 32-bit programs: it has none of their structures")
    layouts = {
        one.show: one.size
        for table in (structures._OLD_TIME, structures._PADDED, structures._IA32, structures._NARROW)
        for one in table.values()
    } | {one.show: one.size for one in structures.STRUCTURES.values()}
    for show, name in KERNEL.items():
        found = btf.find(types.STRUCT, name)
        assert found is not None, name
        assert btf.size_of(found) == layouts[show], name


@pytest.mark.parametrize(
    ("name", "argument", "abi", "show", "size"),
    [
        ("nanosleep", "rqtp", "ia32", compat.timespec, 8),
        ("clock_nanosleep_time64", "rqtp", "ia32", compat.padded_timespec, 16),
        ("epoll_pwait2", "timeout", "ia32", compat.padded_timespec, 16),
        ("io_pgetevents", "timeout", "ia32", compat.timespec, 8),
        ("nanosleep", "rqtp", "x32", compat.padded_timespec, 16),
        ("utimensat", "utimes", "ia32", compat.timespecs, 16),
        ("utimensat_time64", "utimes", "ia32", compat.padded_timespecs, 32),
        ("timer_settime", "old_setting", "ia32", compat.itimerspec, 16),
        ("timer_settime64", "old_setting", "ia32", compat.padded_itimerspec, 32),
        ("gettimeofday", "tv", "ia32", compat.timeval, 8),
        ("utimes", "utimes", "ia32", compat.timevals, 16),
        ("setitimer", "ovalue", "ia32", compat.itimerval, 16),
        ("stat", "statbuf", "ia32", compat.stat, 64),
        ("stat64", "statbuf", "ia32", compat.stat64, 96),
        ("ugetrlimit", "rlim", "ia32", compat.rlimit, 8),
        ("process_vm_readv", "rvec", "ia32", compat.iovecs, 64),
        ("writev", "vec", "x32", compat.iovecs, 64),
        ("statfs64", "buf", "ia32", files.compat_statfs64, 84),
        ("fstatfs", "buf", "ia32", files.compat_statfs, 64),
        ("getrusage", "ru", "x32", tasks.rusage, 144),
        ("rt_sigaction", "oact", "ia32", tasks.compat_sigaction, 20),
        ("rt_sigaction", "act", "x32", tasks.compat_sigaction, 20),
        ("sigaction", "act", "ia32", tasks.old_sigaction, 16),
    ],
)
def test_layouts_by_way_in(name: str, argument: str, abi: str, show: object, size: int) -> None:
    found = kind(name, argument, abi)
    assert (found.show, found.size) == (show, size)
    assert found.reading in ("in", "out")


@pytest.mark.parametrize(
    ("name", "argument"),
    [("openat2", "how"), ("clone3", "uargs"), ("prlimit64", "new_rlim"), ("connect", "uservaddr"), ("poll", "ufds")],
)
def test_what_is_laid_out_alike_for_all(name: str, argument: str) -> None:
    assert kind(name, argument, "ia32") == kind(name, argument, "x32") == kind(name, argument, "64-bit")


def test_a_message_is_read_at_entry_or_at_exit() -> None:
    assert kind("sendmsg", "msg", "64-bit").reading == "msg_in"
    assert kind("recvmsg", "msg", "64-bit").reading == "msg_out"
    assert kind("recvmsg", "msg", "x32").show == messages.compat_message


def test_what_a_child_used_is_as_long_as_there_is_a_child() -> None:
    for abi, size in (("64-bit", 144), ("ia32", 72)):
        found = kind("wait4", "ru", abi)
        assert (found.length, found.scale, found.size) == (RESULT, size, size)
