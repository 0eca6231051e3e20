"""Write the shipped table of system calls: ``python -m tools.syscall_table``, on a machine that shows tracefs.

Numbers are those of the installed kernel headers (asm/unistd_64.h, unistd_32.h, unistd_x32.h), and for calls that are
newer than these, NEWER. Arguments are those of the running kernel (tracefs); of a call that it has not, those of the
table as it is, or of PROTOTYPES.
"""

from __future__ import annotations

import re
from pathlib import Path

from ringward.events.syscall_table import PUBLISHED, Call, format_rows, parse_parameters, shipped
from ringward.sensor.tracefs import SYSCALLS, parameters

HEADERS = Path("/usr/include/x86_64-linux-gnu/asm")
_NUMBER = re.compile(r"^#define __NR_(\w+) (?:\(__X32_SYSCALL_BIT \+ )?(\d+)\)?$", re.MULTILINE)

# arch/x86/entry/syscalls/syscall_64.tbl of Linux 6.2 to 6.18; numbers above 402 are the same in every table.
NEWER = {
    "cachestat": 451,
    "fchmodat2": 452,
    "map_shadow_stack": 453,
    "futex_wake": 454,
    "futex_wait": 455,
    "futex_requeue": 456,
    "statmount": 457,
    "listmount": 458,
    "lsm_get_self_attr": 459,
    "lsm_set_self_attr": 460,
    "lsm_list_modules": 461,
    "mseal": 462,
    "setxattrat": 463,
    "getxattrat": 464,
    "listxattrat": 465,
    "removexattrat": 466,
    "open_tree_attr": 467,
    "file_getattr": 468,
    "file_setattr": 469,
}
NEWER_64 = {"uretprobe": 335, "uprobe": 336}
ENTRIES = {
    "stat": "newstat",
    "fstat": "newfstat",
    "lstat": "newlstat",
    "uname": "newuname",
    "umount2": "umount",
    "sendfile": "sendfile64",
}
"""Calls whose function in the kernel, and so their tracepoint, has another name."""

PROTOTYPES = """
finit_module: int fd, const char * uargs, int flags
init_module: void * umod, unsigned long len, const char * uargs
delete_module: const char * name_user, unsigned int flags
kexec_load: unsigned long entry, unsigned long nr_segments, struct kexec_segment * segments, unsigned long flags
kexec_file_load: int kernel_fd, int initrd_fd, unsigned long cmdline_len, const char * cmdline_ptr, unsigned long flags
lookup_dcookie: u64 cookie64, char * buf, size_t len
uselib: const char * library
map_shadow_stack: unsigned long addr, unsigned long size, unsigned int flags
"""
"""Calls that a kernel may be built without, or has no more: include/linux/syscalls.h."""

IA32_ENTRIES = {
    "_newselect": "select",
    "ugetrlimit": "getrlimit",
    "vfork": "vfork",
    "sendfile64": "sendfile64",
    "sendfile": "sendfile64",
    "fstatat64": "newfstatat",
    "clock_gettime64": "clock_gettime",
    "clock_settime64": "clock_settime",
    "clock_adjtime64": "clock_adjtime",
    "clock_getres_time64": "clock_getres",
    "clock_nanosleep_time64": "clock_nanosleep",
    "timer_gettime64": "timer_gettime",
    "timer_settime64": "timer_settime",
    "timerfd_gettime64": "timerfd_gettime",
    "timerfd_settime64": "timerfd_settime",
    "utimensat_time64": "utimensat",
    "pselect6_time64": "pselect6",
    "ppoll_time64": "ppoll",
    "io_pgetevents_time64": "io_pgetevents",
    "recvmmsg_time64": "recvmmsg",
    "mq_timedsend_time64": "mq_timedsend",
    "mq_timedreceive_time64": "mq_timedreceive",
    "semtimedop_time64": "semtimedop",
    "rt_sigtimedwait_time64": "rt_sigtimedwait",
    "futex_time64": "futex",
    "sched_rr_get_interval_time64": "sched_rr_get_interval",
}
IA32_ENTRIES |= {f"{name}32": name for name in ("lchown", "fchown", "chown", "setuid", "setgid", "setfsuid")}
IA32_ENTRIES |= {f"{name}32": name for name in ("setfsgid", "getuid", "getgid", "geteuid", "getegid", "setreuid")}
IA32_ENTRIES |= {f"{name}32": name for name in ("setregid", "getgroups", "setgroups", "setresuid", "getresuid")}
IA32_ENTRIES |= {f"{name}32": name for name in ("setresgid", "getresgid")}
"""32-bit calls that take the arguments of a 64-bit one of another name."""

IA32_PROTOTYPES = """
waitpid: pid_t pid, int * stat_addr, int options
oldstat: const char * filename, struct __old_kernel_stat * statbuf
oldlstat: const char * filename, struct __old_kernel_stat * statbuf
oldfstat: unsigned int fd, struct __old_kernel_stat * statbuf
stat64: const char * filename, struct stat64 * statbuf
lstat64: const char * filename, struct stat64 * statbuf
fstat64: unsigned long fd, struct stat64 * statbuf
fstatat64: unsigned int dfd, const char * filename, struct stat64 * statbuf, int flag
statfs64: const char * pathname, size_t sz, struct statfs64 * buf
fstatfs64: unsigned int fd, size_t sz, struct statfs64 * buf
umount: char * name
stime: old_time32_t * tptr
nice: int increment
signal: int sig, void * handler
sigaction: int sig, const struct old_sigaction * act, struct old_sigaction * oact
sgetmask:
ssetmask: int newmask
sigsuspend: int unused1, int unused2, old_sigset_t mask
sigpending: old_sigset_t * uset
sigprocmask: int how, old_sigset_t * nset, old_sigset_t * oset
sigreturn:
oldolduname: struct oldold_utsname * name
olduname: struct old_utsname * name
select: struct sel_arg_struct * arg
readdir: unsigned int fd, struct old_linux_dirent * dirent, unsigned int count
mmap: struct mmap_arg_struct * arg
mmap2: unsigned long addr, unsigned long len, unsigned long prot, unsigned long flags, unsigned long fd, \
unsigned long pgoff
socketcall: int call, unsigned long * args
ipc: unsigned int call, int first, unsigned long second, unsigned long third, void * ptr, long fifth
clone: unsigned long clone_flags, unsigned long newsp, int * parent_tidptr, unsigned long tls, int * child_tidptr
vm86old: struct vm86_struct * user_vm86
vm86: unsigned long cmd, unsigned long arg
bdflush: int func, long data
_llseek: unsigned int fd, unsigned long offset_high, unsigned long offset_low, loff_t * result, unsigned int whence
pread64: unsigned int fd, char * buf, u32 count, u32 poslo, u32 poshi
pwrite64: unsigned int fd, const char * buf, u32 count, u32 poslo, u32 poshi
truncate64: const char * filename, unsigned long offset_low, unsigned long offset_high
ftruncate64: unsigned int fd, unsigned long offset_low, unsigned long offset_high
readahead: int fd, unsigned int off_lo, unsigned int off_hi, size_t count
fadvise64: int fd, unsigned int offset_lo, unsigned int offset_hi, size_t len, int advice
fadvise64_64: int fd, u32 offset_low, u32 offset_high, u32 len_low, u32 len_high, int advice
sync_file_range: int fd, unsigned int off_low, unsigned int off_hi, unsigned int n_low, unsigned int n_hi, int flags
fallocate: int fd, int mode, unsigned int offset_lo, unsigned int offset_hi, unsigned int len_lo, unsigned int len_hi
fanotify_mark: int fanotify_fd, unsigned int flags, u32 mask_lo, u32 mask_hi, int dfd, const char * pathname
fcntl64: unsigned int fd, unsigned int cmd, unsigned long arg
set_thread_area: struct user_desc * u_info
get_thread_area: struct user_desc * u_info
lookup_dcookie: u32 cookie_lo, u32 cookie_hi, char * buf, size_t len
time: old_time32_t * tloc
"""
"""32-bit calls of their own: kernel/compat.c, arch/x86/kernel/sys_ia32.c, include/linux/syscalls.h."""


def numbers(name: str) -> dict[str, int]:
    """Return the numbers of one header of asm/."""
    return {call: int(number) for call, number in _NUMBER.findall((HEADERS / name).read_text("utf-8"))}


def _prototypes(text: str) -> dict[str, str]:
    lines = (line.partition(":") for line in text.strip().splitlines())
    return {name: given.strip() for name, _, given in lines}


def rows() -> list[Call]:
    """Return every call of the three interfaces."""
    running = parameters(SYSCALLS)
    before = {(call.abi, call.name): call.parameters for call in shipped()}
    known = {name: parse_parameters(given) for name, given in _prototypes(PROTOTYPES).items()}
    own = {name: parse_parameters(given) for name, given in _prototypes(IA32_PROTOTYPES).items()}
    found: list[Call] = []
    for abi, numbered in (
        ("64-bit", numbers("unistd_64.h") | NEWER | NEWER_64),
        ("ia32", numbers("unistd_32.h") | NEWER),
        ("x32", numbers("unistd_x32.h") | NEWER),
    ):
        for name, number in sorted(numbered.items(), key=lambda item: item[1]):
            entry = ENTRIES.get(name, name)
            given = None
            if abi == "ia32":
                entry = IA32_ENTRIES.get(name, entry)
                given = own.get(name)
            if given is None:
                given = running.get(entry, before.get((abi, name), known.get(name)))
            found.append(Call(abi, number, name, entry if given is not None else "", given or ()))
    return found


if __name__ == "__main__":
    PUBLISHED.write_text(format_rows(rows()), encoding="utf-8")
