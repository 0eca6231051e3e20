/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Every record that a program puts into the ring buffer. This file is the one
 * contract: C owns the layout, the catalogue (src/ringward/events) owns the
 * meaning, and the object's BTF is what both are checked against before load.
 *
 * Rules: fixed-size members with semantic typedefs, no pointers, no bitfields,
 * no implicit padding. Strings live in the record's tail behind the fixed part.
 */
#pragma once

typedef __u32 pid_nr;		/* in the initial pid namespace */
typedef __u32 uid_nr;		/* in the initial user namespace */
typedef __u32 gid_nr;
typedef __u32 cpu_nr;
typedef __u32 ns_inum;		/* inode number of a namespace */
typedef __u64 ktime_ns;		/* CLOCK_BOOTTIME, nanoseconds */
typedef __u64 bytes;
typedef __u64 kaddr;		/* kernel address */
typedef __u64 uaddr;		/* user address */
typedef __u64 inode_nr;
typedef __u32 dev_nr;		/* kernel's dev_t: major << 20 | minor */
typedef __s64 syscall_result;	/* value, or negative errno */
typedef __s32 kernel_result;	/* 0, or negative errno */
typedef __u64 attempt_id;	/* one module syscall; 0: none */
typedef __u64 request_id;	/* one __request_module(); 0: none */
/*
 * offset << 16 | truncated << 15 | length, offset from the start of the record;
 * offset 0: not read, and the low half is an enum unread.
 */
typedef __u32 str_loc;
typedef str_loc str_list_loc;	/* strings, each with its NUL */
typedef str_loc path_loc;	/* components, each with its NUL, from the last to the first */

enum event_kind {
	KIND_NONE,
	KIND_CREATE_MODULE,
	KIND_INIT_MODULE,
	KIND_FINIT_MODULE,
	KIND_DELETE_MODULE,
	KIND_QUERY_MODULE,
	KIND_GET_KERNEL_SYMS,
	KIND_MODULE_REQUEST,
	KIND_USERMODEHELPER,
	KIND_MODULE_DIGEST,
	KIND_MODULE_LOAD,
	KIND_DO_INIT_MODULE,
	KIND_MODULE_FREE,
	KIND_PROCESS_EXEC,
	KIND_PROCESS_EXIT,
	KIND_PROCESS_FORK,
	KIND_PROGRAM_VERDICT,
	KIND_UDEV_DEVICE,
	KIND_MODULE_VERDICT,
	KIND_AUTOLOAD_VERDICT,
	KIND_UNLOAD_VERDICT,
	KIND_SYSCALL,
	KIND_SELF_VERDICT,
	KIND_IO_URING,
	KIND_MAX,
};

enum hook {
	HOOK_NONE,
	HOOK_TP_BTF,
	HOOK_FENTRY,
	HOOK_KPROBE,
	HOOK_TRACEPOINT,
	HOOK_LSM,
	HOOK_FMOD_RET,
};

enum abi {
	ABI_64,
	ABI_IA32,
	ABI_X32,
};

/* Why a value is not there. */
enum unread {
	UNREAD_NONE,
	UNREAD_FAULT,		/* the page was not in memory, or there is none */
	UNREAD_NULL,		/* the caller passed NULL */
	UNREAD_NO_COPY,		/* the kernel made no copy */
	UNREAD_NOT_NEEDED,	/* another reading of the same value succeeded */
	UNREAD_NO_ROOM,		/* the record was full */
	UNREAD_NOT_REACHED,	/* the kernel refused before it got there */
	UNREAD_NO_HOOK,		/* the hook that reads it is not attached */
	UNREAD_NO_FIELD,	/* this kernel's structure has no such field */
	UNREAD_NO_FILE,		/* no such file descriptor, or no file */
	UNREAD_ABSENT,		/* the kernel has none: its pointer is NULL */
	UNREAD_NO_ENTRY,	/* no system call was seen: the kernel itself started the program */
};

enum module_stage {
	STAGE_IMAGE,		/* the image is copied, nothing of it is parsed */
	STAGE_PARAMETERS,	/* the kernel has copied the parameters, and they are not those that were judged */
};

enum attempt_state {
	ATTEMPT_ENTERED,	/* seen at entry; the call has not returned */
	ATTEMPT_RETURNED,
	ATTEMPT_STOPPED,	/* seen at exit only: stopped before the entry hook (seccomp, ptrace) */
};

enum module_format {
	FORMAT_UNKNOWN,
	FORMAT_ELF,
	FORMAT_GZIP,
	FORMAT_XZ,
	FORMAT_ZSTD,
};

#define FLAG_CANARY 1		/* caused by Ringward to prove that a hook fires */
#define FLAG_KTHREAD 2
#define FLAG_INITRAMFS 4	/* the task's root is the initial rootfs */
#define FLAG_NO_AUDIT 8		/* the kernel keeps neither login uid nor session (CONFIG_AUDIT) */

#define TASK_COMM 16

/* The task, as the kernel had it when the record was made. */
struct task {
	pid_nr pid;		/* thread group */
	pid_nr tid;
	ktime_ns start_time;	/* of the thread group's leader */
	ktime_ns parent_start_time;
	pid_nr ppid;
	uid_nr uid;
	gid_nr gid;
	uid_nr euid;
	gid_nr egid;
	uid_nr loginuid;	/* 4294967295: never logged in */
	__u32 sessionid;
	ns_inum mnt_ns;
	ns_inum pid_ns;
	ns_inum net_ns;
	ns_inum user_ns;
	__u32 flags;		/* FLAG_* */
	__u64 cgroup;		/* id in the default hierarchy */
	char comm[TASK_COMM];
};

struct header {
	__u16 kind;		/* enum event_kind */
	__u8 hook;		/* enum hook */
	__u8 abi;		/* enum abi */
	cpu_nr cpu;
	__u64 seq;		/* per CPU, from 1; taken before the record is reserved */
	ktime_ns time;
	struct task task;
};

/* A file as the kernel holds it. */
struct file_id {
	dev_nr dev;
	path_loc path;		/* unread: the other members mean nothing */
	inode_nr inode;
	__u64 ctime;		/* nanoseconds since 1970 */
	__u32 nlink;		/* 0: no name leads to it (deleted, memfd) */
	__u32 pad;
};

struct attempt {
	attempt_id id;
	ktime_ns entered;	/* 0 when stopped before entry */
	syscall_result result;	/* only when state is not ATTEMPT_ENTERED */
	__u32 state;		/* enum attempt_state */
	__u32 nr;		/* as the caller gave it */
};

struct create_module {
	struct header h;
	struct attempt attempt;
	uaddr name_ptr;
	uaddr code;
	bytes len;
	__u32 mode;
	__s32 flags;
	str_loc name;
	str_loc name_exit;
};

struct init_module {
	struct header h;
	struct attempt attempt;
	uaddr module_image;
	bytes len;
	str_loc param_values;
	str_loc param_values_kernel;
	str_loc param_values_exit;
	__u32 pad;
};

struct finit_module {
	struct header h;
	struct attempt attempt;
	__s32 fd;
	__s32 flags;
	str_loc param_values;
	str_loc param_values_kernel;
	str_loc param_values_exit;
	__u32 pad;
	struct file_id file;		/* of the descriptor, at entry */
	struct file_id file_kernel;	/* that the kernel read from */
};

struct delete_module {
	struct header h;
	struct attempt attempt;
	str_loc name;
	str_loc name_kernel;
	str_loc name_exit;
	__u32 flags;
	str_list_loc holders;
	__s32 refcount;		/* -1: not read */
	__u32 refcount_unread;	/* enum unread */
	__u32 pad;
};

struct query_module {
	struct header h;
	struct attempt attempt;
	str_loc name;
	str_loc name_exit;
	__s32 which;
	__u32 pad;
	uaddr buf;
	bytes bufsize;
	uaddr ret;
};

struct get_kernel_syms {
	struct header h;
	struct attempt attempt;
	uaddr table;
};

struct module_request {
	struct header h;
	request_id request;
	kaddr call_site;	/* 0: only the tracepoint has it */
	str_loc alias;
	__s32 wait;		/* 1, 0; -1: only the tracepoint has it */
	kernel_result result;	/* of the security check; the tracepoint comes after a 0 */
	__u32 pad;
};

/* In the context of the new task that will exec modprobe. */
struct usermodehelper {
	struct header h;
	request_id request;
	str_loc path;
	__u32 pad;
};

struct module_digest {
	struct header h;
	attempt_id attempt;
	bytes size;
	ktime_ns duration;
	struct file_id file;	/* unread with UNREAD_NO_FILE for init_module */
	__u32 format;		/* enum module_format */
	__u32 has_signature;	/* the appended-signature marker is at the end */
	kernel_result error;	/* of hashing; digest is only valid with 0 */
	__u32 pad;
	__u8 digest[32];
};

struct module_load {
	struct header h;
	attempt_id attempt;
	kaddr base;
	bytes size;
	str_loc name;
	str_loc version;
	str_loc srcversion;
	str_list_loc uses;	/* modules whose symbols it uses */
	__u64 taints;
};

struct do_init_module {
	struct header h;
	attempt_id attempt;
	ktime_ns duration;
	str_loc name;
	kernel_result result;
};

struct module_free {
	struct header h;
	attempt_id attempt;
	kaddr base;
	str_loc name;
	str_loc version;
	str_loc srcversion;
	__u32 pad;
};

struct process_exec {
	struct header h;
	struct file_id exe;	/* the file that really runs */
	str_loc path;		/* asked for, from user memory at entry */
	str_loc path_kernel;	/* the kernel's own copy of it */
	str_loc interpreter;	/* last file that the kernel was led to */
	str_list_loc args;
	path_loc cwd;
	path_loc root;
	path_loc cgroup_path;
	uid_nr old_uid;
	gid_nr old_gid;
	uid_nr old_euid;
	gid_nr old_egid;
	__u32 old_unread;	/* enum unread, for the four above */
	__u32 argc;
	__u32 pad;
};

struct process_exit {
	struct header h;
	__s32 code;
	__u32 signal;
	__u32 core_dumped;
	__u32 pad;
};

struct process_fork {
	struct header h;	/* the parent's */
	pid_nr child_pid;
	__u32 pad;
	ktime_ns child_start_time;
};

enum udev_stage {
	UDEV_RECEIVED,		/* the task took a device that another process sent to it alone */
	UDEV_PROCESSED,		/* the task tells all listeners that it is done with a device */
};

/* A libudev message, in the task that took it or announces it. */
struct udev_device {
	struct header h;
	__u32 stage;		/* enum udev_stage */
	pid_nr sender;		/* as the sender's pid namespace has it; 0: the kernel */
	uid_nr sender_uid;
	str_list_loc properties;	/* KEY=VALUE, in the sender's order */
};

#include "verdicts.h"

#include "syscall_record.h"

/* What the request of a ring works on. */
#define RING_FD 1		/* `fd` is of a file, or an index into the ring's own files */
#define RING_DIR 2		/* `fd` is of the directory that `path` begins at, or AT_FDCWD */
#define RING_PATH 4
#define RING_NEW 8		/* there are `new_fd`, as RING_DIR, and `new_path` */
#define RING_REFUSED 16		/* the kernel made nothing of it */
#define RING_BUFFER 32		/* there are `buf` and `len` */

/* A request of io_uring, with its result when it is complete. */
struct io_uring {
	struct header h;
	kaddr request;
	__u64 user_data;
	__u64 op_flags;		/* of open, unlink, rename, link, statx */
	__u64 buf;		/* address in the caller's memory */
	ktime_ns submitted;
	syscall_result result;	/* only with ATTEMPT_RETURNED */
	__u32 state;		/* enum attempt_state */
	__u32 opcode;
	__u32 flags;		/* IOSQE_* */
	__u32 targets;		/* RING_* */
	__s32 fd;
	__s32 new_fd;
	path_loc fd_path;
	path_loc new_fd_path;
	str_loc path;
	str_loc new_path;
	__u32 sq_thread;	/* submitted by the ring's kernel thread: the program made no call at all */
	__u32 len;		/* bytes at `buf`, or elements of struct iovec */
};

/* Per CPU; read by user space. */
struct counters {
	__u64 seq;		/* last number given */
	__u64 dropped;		/* numbers given whose record found no room */
	__u64 filtered;		/* seen, and not wanted */
	__u64 unpaired;		/* an attempt that found no place in the map: result comes without entry */
	__u64 uncounted;	/* calls that found no place in the summary */
};
