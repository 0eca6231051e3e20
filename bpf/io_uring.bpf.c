// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * What io_uring is asked to do: opens, removes, reads and writes without system calls.
 *
 * A record is made when a request is submitted, waits in `ring_requests` under the request's address, and is sent
 * when the request is complete; user space looks there for requests that take long.
 */
#include "descriptor.bpf.h"
#include "task.bpf.h"
#include "limit.bpf.h"

EVENT(io_uring);

#define IORING_SETUP_SQPOLL 2	/* include/uapi/linux/io_uring.h, as all below */
#define IOSQE_FIXED_FILE 1
#define IOSQE_CQE_SKIP_SUCCESS 64
#define IOSQE_ALL 127
#define OP_READV 1
#define OP_WRITEV 2
#define OP_READ_FIXED 4
#define OP_WRITE_FIXED 5
#define OP_OPENAT 18
#define OP_CLOSE 19
#define OP_STATX 21
#define OP_READ 22
#define OP_WRITE 23
#define OP_SEND 26
#define OP_RECV 27
#define OP_OPENAT2 28
#define OP_RENAMEAT 35
#define OP_UNLINKAT 36
#define OP_MKDIRAT 37
#define OP_SYMLINKAT 38
#define OP_LINKAT 39
#define OP_SETXATTR 42
#define OP_GETXATTR 44
#define OP_SEND_ZC 47

#define BIT(n) (1ULL << (n))
/*
 * Operations up to IORING_OP_PIPE (62) that work on a file (io_uring/opdef.c: needs_file): all but NOP, POLL_REMOVE,
 * TIMEOUT, TIMEOUT_REMOVE, ASYNC_CANCEL, LINK_TIMEOUT, OPENAT, CLOSE, FILES_UPDATE, STATX, MADVISE, OPENAT2, EPOLL_CTL,
 * PROVIDE_BUFFERS, REMOVE_BUFFERS, RENAMEAT to LINKAT, SETXATTR, GETXATTR, SOCKET, WAITID, FUTEX_* and PIPE.
 */
#define NO_FILE_OPS                                                                                              \
	(BIT(0) | BIT(7) | BIT(11) | BIT(12) | BIT(14) | BIT(15) | BIT(OP_OPENAT) | BIT(OP_CLOSE) | BIT(20) |    \
	 BIT(OP_STATX) | BIT(25) | BIT(OP_OPENAT2) | BIT(29) | BIT(31) | BIT(32) | BIT(OP_RENAMEAT) |            \
	 BIT(OP_UNLINKAT) | BIT(OP_MKDIRAT) | BIT(OP_SYMLINKAT) | BIT(OP_LINKAT) | BIT(OP_SETXATTR) |            \
	 BIT(OP_GETXATTR) | BIT(45) | BIT(50) | BIT(51) | BIT(52) | BIT(53) | BIT(62))
#define LAST_OP 62

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct io_ring_ctx {
	unsigned int flags;
};

struct io_cqe {
	__u64 user_data;
	__s32 res;
	int fd;
};

struct io_cmd_data {
	struct file *file;
};

struct io_kiocb {
	struct file *file;
	struct io_cmd_data cmd;
	__u8 opcode;
	unsigned int flags;	/* the low ones are IOSQE_*; there are more in later kernels */
	struct io_cqe cqe;
	struct io_ring_ctx *ctx;
};

struct io_uring_sqe {
	__u8 opcode;
	__u8 flags;
	__s32 fd;
	__u64 user_data;
};

struct filename {
	const char *name;
};

struct open_how {
	__u64 flags;
};

/* What a request's `cmd` is, by its operation. */
struct io_open {
	int dfd;
	struct filename *filename;
	struct open_how how;
};

struct io_close {
	int fd;
	__u32 file_slot;
};

struct io_statx {
	int dfd;
	unsigned int flags;
	struct filename *filename;
};

struct io_unlink {
	int dfd;
	int flags;
	struct filename *filename;
};

struct io_mkdir {
	int dfd;
	struct filename *filename;
};

struct io_rename {
	int old_dfd;
	int new_dfd;
	struct filename *oldpath;
	struct filename *newpath;
	int flags;
};

struct io_link {
	int old_dfd;
	int new_dfd;
	struct filename *oldpath;
	struct filename *newpath;
	int flags;
};

struct io_xattr {
	struct filename *filename;
};

struct io_rw {
	__u64 addr;
	__u32 len;
};

struct io_sr_msg {
	void *buf;
	unsigned int len;
};

#pragma clang attribute pop

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u64);
	__type(value, struct record);
} ring_requests SEC(".maps");

/* Key of `limits`; 0: all are told. */
const volatile __u32 ring_limit = 0;

/* The kernel's own copies of the paths. */
struct names {
	struct filename *path, *new_path;
};

static void buffer_take(struct io_uring *x, struct io_kiocb *req)
{
	void *cmd = (void *)req + bpf_core_field_offset(struct io_kiocb, cmd);

	switch (x->opcode) {
	case OP_READV:
	case OP_WRITEV:
	case OP_READ_FIXED:
	case OP_WRITE_FIXED:
	case OP_READ:
	case OP_WRITE:
		x->buf = BPF_CORE_READ((struct io_rw *)cmd, addr);
		x->len = BPF_CORE_READ((struct io_rw *)cmd, len);
		break;
	case OP_SEND:
	case OP_RECV:
	case OP_SEND_ZC:
		x->buf = (__u64)BPF_CORE_READ((struct io_sr_msg *)cmd, buf);
		x->len = BPF_CORE_READ((struct io_sr_msg *)cmd, len);
		break;
	default:
		return;
	}
	x->targets |= RING_BUFFER;
}

static void targets_take(struct io_uring *x, struct names *names, struct io_kiocb *req)
{
	void *cmd = (void *)req + bpf_core_field_offset(struct io_kiocb, cmd);

	x->targets = RING_DIR | RING_PATH;
	switch (x->opcode) {
	case OP_OPENAT:
	case OP_OPENAT2:
		x->fd = BPF_CORE_READ((struct io_open *)cmd, dfd);
		x->op_flags = BPF_CORE_READ((struct io_open *)cmd, how.flags);
		names->path = BPF_CORE_READ((struct io_open *)cmd, filename);
		return;
	case OP_STATX:
		x->fd = BPF_CORE_READ((struct io_statx *)cmd, dfd);
		x->op_flags = BPF_CORE_READ((struct io_statx *)cmd, flags);
		names->path = BPF_CORE_READ((struct io_statx *)cmd, filename);
		return;
	case OP_UNLINKAT:
		x->fd = BPF_CORE_READ((struct io_unlink *)cmd, dfd);
		x->op_flags = (__u32)BPF_CORE_READ((struct io_unlink *)cmd, flags);
		names->path = BPF_CORE_READ((struct io_unlink *)cmd, filename);
		return;
	case OP_MKDIRAT:
		x->fd = BPF_CORE_READ((struct io_mkdir *)cmd, dfd);
		names->path = BPF_CORE_READ((struct io_mkdir *)cmd, filename);
		return;
	case OP_RENAMEAT:
		x->targets |= RING_NEW;
		x->fd = BPF_CORE_READ((struct io_rename *)cmd, old_dfd);
		x->new_fd = BPF_CORE_READ((struct io_rename *)cmd, new_dfd);
		x->op_flags = (__u32)BPF_CORE_READ((struct io_rename *)cmd, flags);
		names->path = BPF_CORE_READ((struct io_rename *)cmd, oldpath);
		names->new_path = BPF_CORE_READ((struct io_rename *)cmd, newpath);
		return;
	case OP_LINKAT:
		x->fd = BPF_CORE_READ((struct io_link *)cmd, old_dfd);
		x->op_flags = (__u32)BPF_CORE_READ((struct io_link *)cmd, flags);
	case OP_SYMLINKAT:
		x->targets |= RING_NEW;
		/* The text of a symbolic link begins nowhere. */
		if (x->opcode == OP_SYMLINKAT)
			x->targets &= ~RING_DIR;
		x->new_fd = BPF_CORE_READ((struct io_link *)cmd, new_dfd);
		names->path = BPF_CORE_READ((struct io_link *)cmd, oldpath);
		names->new_path = BPF_CORE_READ((struct io_link *)cmd, newpath);
		return;
	case OP_SETXATTR:
	case OP_GETXATTR:
		x->fd = AT_FDCWD;
		names->path = BPF_CORE_READ((struct io_xattr *)cmd, filename);
		return;
	case OP_CLOSE:
		x->targets = BPF_CORE_READ((struct io_close *)cmd, file_slot) ? 0 : RING_FD;
		x->fd = BPF_CORE_READ((struct io_close *)cmd, fd);
		return;
	}
	x->targets = x->opcode <= LAST_OP && !(NO_FILE_OPS & BIT(x->opcode)) ? RING_FD : 0;
	x->fd = BPF_CORE_READ(req, cqe.fd);
}

static str_loc filename_read(struct record *r, struct filename *name)
{
	return name ? str_kernel(r, BPF_CORE_READ(name, name)) : unread(UNREAD_NO_COPY);
}

static void targets_read(struct record *r, struct io_uring *x, struct names *names, struct task_struct *task)
{
	if (x->targets & RING_DIR)
		x->fd_path = fd_read(r, task, x->fd, READ_DIRFD);
	else if (x->targets & RING_FD && !(x->flags & IOSQE_FIXED_FILE))
		x->fd_path = fd_read(r, task, x->fd, READ_FD);
	if (x->targets & RING_PATH)
		x->path = filename_read(r, names->path);
	if (x->targets & RING_NEW) {
		x->new_fd_path = fd_read(r, task, x->new_fd, READ_DIRFD);
		x->new_path = filename_read(r, names->new_path);
	}
}

/* `sqe`: of a request that the kernel refused; nothing but that has been made of it. */
static int ring_begin(struct io_kiocb *req, const struct io_uring_sqe *sqe)
{
	bool sq_thread = BPF_CORE_READ(req, ctx, flags) & IORING_SETUP_SQPOLL;
	struct task_struct *task = bpf_get_current_task_btf();
	struct names names = {};
	__u64 key = (__u64)req;
	struct io_uring *x;
	struct record *r;

	/* The ring's own thread belongs to the process that has set the ring up, and to no other. */
	if (sq_thread)
		task = task->group_leader;

	/* A request that was there before, whose completion was not seen, is not to get that of this one. */
	bpf_map_delete_elem(&ring_requests, &key);
	if (!task_wanted(task) || !limit_passes(ring_limit))
		return 0;
	r = slot_claim();
	if (!r)
		return 0;
	x = (void *)r->data;
	r->len = sizeof(*x);
	x->h.kind = KIND_IO_URING;
	x->h.hook = HOOK_TP_BTF;
	x->h.abi = ABI_64;
	x->request = key;
	x->submitted = x->h.time = bpf_ktime_get_boot_ns();
	x->result = 0;
	x->state = ATTEMPT_ENTERED;
	x->op_flags = x->new_fd = x->targets = x->buf = x->len = 0;
	x->fd_path = x->new_fd_path = x->path = x->new_path = unread(UNREAD_NOT_REACHED);
	x->sq_thread = sq_thread;
	task_fill(&x->h.task, task);
	if (sqe) {
		x->opcode = BPF_CORE_READ(sqe, opcode);
		x->flags = BPF_CORE_READ(sqe, flags);
		x->user_data = BPF_CORE_READ(sqe, user_data);
		x->fd = BPF_CORE_READ(sqe, fd);
		x->targets = RING_REFUSED;
	} else {
		x->opcode = BPF_CORE_READ(req, opcode);
		x->flags = BPF_CORE_READ(req, flags) & IOSQE_ALL;
		x->user_data = BPF_CORE_READ(req, cqe.user_data);
		targets_take(x, &names, req);
		buffer_take(x, req);
		targets_read(r, x, &names, task);
	}
	/* What is not announced when it succeeds is told at once; and so is what finds no place. */
	if ((!sqe && x->flags & IOSQE_CQE_SKIP_SUCCESS) || bpf_map_update_elem(&ring_requests, &key, r, BPF_NOEXIST)) {
		header_stamp(r);
		record_output(r, false);
	}
	slot_release(r);
	return 0;
}

SEC("tp_btf/io_uring_submit_req")
int BPF_PROG(ring_submit_req, struct io_kiocb *req)
{
	return ring_begin(req, 0);
}

/* Until commit 2ad57931db64 ("io_uring: rename trace_io_uring_submit_sqe() tracepoint") (in v6.4). */
SEC("tp_btf/io_uring_submit_sqe")
int BPF_PROG(ring_submit_sqe, struct io_kiocb *req)
{
	return ring_begin(req, 0);
}

/* The kernel could make nothing of the submission. Its completion follows. */
SEC("tp_btf/io_uring_req_failed")
int BPF_PROG(ring_req_failed, const struct io_uring_sqe *sqe, struct io_kiocb *req)
{
	return ring_begin(req, sqe);
}

/* The arguments behind the request differ between kernels; it has the result in all of them. */
SEC("tp_btf/io_uring_complete")
int BPF_PROG(ring_complete, void *ring, struct io_kiocb *req)
{
	struct record *r;
	struct io_uring *x;
	__u64 key = (__u64)req;

	/* NULL: one of several completions of a request, and not the last. */
	if (!req)
		return 0;
	r = bpf_map_lookup_elem(&ring_requests, &key);
	if (!r)
		return 0;
	x = (void *)r->data;
	x->result = BPF_CORE_READ(req, cqe.res);
	x->state = ATTEMPT_RETURNED;
	if (x->targets & RING_FD && x->flags & IOSQE_FIXED_FILE)
		x->fd_path = file_name(r, BPF_CORE_READ(req, file));
	header_stamp(r);
	record_output(r, false);
	bpf_map_delete_elem(&ring_requests, &key);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
