"""C types of arguments of system calls, as the kernel declares them: what is a number, and what is only an address."""

from __future__ import annotations

INTEGERS = {
    "int": (4, True),
    "unsigned int": (4, False),
    "unsigned": (4, False),
    "long": (8, True),
    "unsigned long": (8, False),
    "size_t": (8, False),
    "loff_t": (8, True),
    "off_t": (8, True),
    "pid_t": (4, True),
    "uid_t": (4, True),
    "gid_t": (4, True),
    "qid_t": (4, False),
    "key_t": (4, True),
    "key_serial_t": (4, True),
    "mqd_t": (4, True),
    "timer_t": (4, True),
    "clockid_t": (4, True),
    "const clockid_t": (4, True),
    "rwf_t": (4, False),
    "umode_t": (2, False),
    "u32": (4, False),
    "__s32": (4, True),
    "const __u32": (4, False),
    "u64": (8, False),
    "__u64": (8, False),
    "const int": (4, True),
    "const size_t": (8, False),
    "const enum landlock_rule_type": (4, False),
    "aio_context_t": (8, False),
    "old_sigset_t": (4, False),
}
"""Bytes of each type that is a number, and whether it has a sign."""

# Pointers that are shown as addresses: structures of one subsystem, memory of the caller that no call reads, and
# memory whose size only the subsystem knows.
OPAQUE = frozenset(
    {
        "void *", "const void *", "const void *const", "const void * *", "char *", "unsigned char *",
        "const char *const *", "cap_user_data_t", "cap_user_header_t", "const cap_user_data_t", "aio_context_t *",
        "fd_set *", "siginfo_t *", "struct siginfo *", "stack_t *", "const stack_t *", "const struct __aio_sigset *",
        "const struct landlock_ruleset_attr *const", "const struct mnt_id_req *", "const struct mq_attr *",
        "struct mq_attr *", "const struct sigevent *",
        "struct sigevent *", "const struct xattr_args *", "struct xattr_args *", "const unsigned long *",
        "unsigned long *", "struct __kernel_timex *", "struct cachestat *", "struct cachestat_range *",
        "struct file_attr *", "struct file_handle *", "struct futex_waitv *", "struct getcpu_cache *",
        "struct io_event *", "struct io_uring_params *", "struct iocb *", "struct iocb * *", "struct linux_dirent *",
        "struct linux_dirent64 *", "struct lsm_ctx *", "struct mmsghdr *", "struct mount_attr *", "struct msgbuf *",
        "struct msqid_ds *", "struct perf_event_attr *", "struct robust_list_head *", "struct robust_list_head * *",
        "struct rseq *", "struct sched_attr *", "struct sched_param *", "struct sembuf *",
        "struct shmid_ds *", "struct statmount *", "struct sysinfo *",
        "struct timezone *", "struct tms *", "struct ustat *", "struct utimbuf *",
        "union bpf_attr *", "timer_t *", "u64 *", "u32 *", "const int *", "int *",
        "unsigned *", "unsigned int *", "uid_t *", "gid_t *", "size_t *", "__kernel_old_time_t *",
        "struct kexec_segment *", "struct __old_kernel_stat *",
        "old_time32_t *",
        "struct oldold_utsname *", "struct old_utsname *", "struct sel_arg_struct *", "struct old_linux_dirent *",
        "struct mmap_arg_struct *", "struct vm86_struct *", "struct user_desc *", "loff_t *",
    }
)  # fmt: skip
