/*
 * ring FOLDER: has io_uring do things in FOLDER, one after the other, then two more by a ring with a polling kernel
 * thread. Prints a line for each: its mark (hexadecimal) and what it came to; nothing for one that has no completion;
 * and at last how many calls of io_uring_enter it has made.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/io_uring.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

struct ring {
	int fd;
	unsigned *sq_tail, *sq_flags, *sq_mask, *sq_array, *cq_head, *cq_tail, *cq_mask;
	struct io_uring_sqe *sqes;
	struct io_uring_cqe *cqes;
};

static void *shared(int fd, size_t size, off_t offset)
{
	void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, offset);

	if (at == MAP_FAILED) {
		perror("mmap of the ring");
		exit(99);
	}
	return at;
}

static struct ring set_up(unsigned flags)
{
	struct io_uring_params p = { .flags = flags, .sq_thread_idle = 60000 };
	struct ring r = { .fd = syscall(SYS_io_uring_setup, 8, &p) };
	char *sq, *cq;

	if (r.fd < 0) {
		perror("io_uring_setup");
		exit(98);
	}
	sq = shared(r.fd, p.sq_off.array + p.sq_entries * sizeof(unsigned), IORING_OFF_SQ_RING);
	cq = shared(r.fd, p.cq_off.cqes + p.cq_entries * sizeof(struct io_uring_cqe), IORING_OFF_CQ_RING);
	r.sqes = shared(r.fd, p.sq_entries * sizeof(struct io_uring_sqe), IORING_OFF_SQES);
	r.sq_tail = (void *)(sq + p.sq_off.tail);
	r.sq_flags = (void *)(sq + p.sq_off.flags);
	r.sq_mask = (void *)(sq + p.sq_off.ring_mask);
	r.sq_array = (void *)(sq + p.sq_off.array);
	r.cq_head = (void *)(cq + p.cq_off.head);
	r.cq_tail = (void *)(cq + p.cq_off.tail);
	r.cq_mask = (void *)(cq + p.cq_off.ring_mask);
	r.cqes = (void *)(cq + p.cq_off.cqes);
	return r;
}

static void submit(struct ring *r, struct io_uring_sqe sqe)
{
	unsigned tail = *r->sq_tail, at = tail & *r->sq_mask;

	r->sqes[at] = sqe;
	r->sq_array[at] = at;
	__atomic_store_n(r->sq_tail, tail + 1, __ATOMIC_RELEASE);
}

static int enters;

static void enter(int fd, unsigned submits, unsigned waits, unsigned flags)
{
	enters++;
	syscall(SYS_io_uring_enter, fd, submits, waits, flags, NULL, 0);
}

static int completion(struct ring *r)
{
	unsigned head = *r->cq_head;
	struct io_uring_cqe *cqe;
	int result;

	while (__atomic_load_n(r->cq_tail, __ATOMIC_ACQUIRE) == head) {
		if (__atomic_load_n(r->sq_flags, __ATOMIC_ACQUIRE) & IORING_SQ_NEED_WAKEUP)
			enter(r->fd, 0, 0, IORING_ENTER_SQ_WAKEUP);
		usleep(1000);
	}
	cqe = &r->cqes[head & *r->cq_mask];
	result = cqe->res;
	printf("%llx %d\n", (unsigned long long)cqe->user_data, result);
	__atomic_store_n(r->cq_head, head + 1, __ATOMIC_RELEASE);
	return result;
}

static int done(struct ring *r, struct io_uring_sqe sqe)
{
	submit(r, sqe);
	enter(r->fd, 1, 1, IORING_ENTER_GETEVENTS);
	return completion(r);
}

#define AT(text) ((unsigned long)(text))
#define DO(...) done(&r, (struct io_uring_sqe){ __VA_ARGS__ })

/* Two of which the second begins when the first is complete, and two of which it never does. */
static void linked(struct ring *r, int fd, char *buffer)
{
	submit(r, (struct io_uring_sqe){ .opcode = IORING_OP_WRITE, .flags = IOSQE_IO_LINK, .fd = fd,
					 .addr = AT("linked"), .len = 6, .user_data = 0x20 });
	submit(r, (struct io_uring_sqe){ .opcode = IORING_OP_READ, .fd = fd, .addr = AT(buffer), .len = 6,
					 .user_data = 0x21 });
	enter(r->fd, 2, 2, IORING_ENTER_GETEVENTS);
	completion(r);
	completion(r);
	submit(r, (struct io_uring_sqe){ .opcode = IORING_OP_READ, .flags = IOSQE_IO_LINK, .fd = -1,
					 .addr = AT(buffer), .len = 1, .user_data = 0x22 });
	submit(r, (struct io_uring_sqe){ .opcode = IORING_OP_NOP, .user_data = 0x23 });
	enter(r->fd, 2, 2, IORING_ENTER_GETEVENTS);
	completion(r);
	completion(r);
}

/* One that is completed twice, and cancelled. */
static void many_times(struct ring *r, int *pipes)
{
	char byte;
	int i;

	submit(r, (struct io_uring_sqe){ .opcode = IORING_OP_POLL_ADD, .fd = pipes[0], .poll32_events = 1,
					 .len = IORING_POLL_ADD_MULTI, .user_data = 0x24 });
	enter(r->fd, 1, 0, 0);
	for (i = 0; i < 2; i++) {
		if (write(pipes[1], "x", 1) != 1 || completion(r) != 1 || read(pipes[0], &byte, 1) != 1)
			exit(93);
	}
	submit(r, (struct io_uring_sqe){ .opcode = IORING_OP_ASYNC_CANCEL, .addr = 0x24, .user_data = 0x25 });
	enter(r->fd, 1, 2, IORING_ENTER_GETEVENTS);
	completion(r);
	completion(r);
}

int main(int argc, char **argv)
{
	struct open_how how = { .flags = O_RDWR | O_CLOEXEC, .resolve = RESOLVE_BENEATH };
	struct ring r, polled;
	char gone[4096], buffer[16];
	int dir, fd, pipes[2], before;

	if (argc != 2 || chdir(argv[1]) || pipe(pipes))
		return 97;
	setvbuf(stdout, NULL, _IOLBF, 0);
	dir = open(".", O_RDONLY | O_DIRECTORY);
	snprintf(gone, sizeof(gone), "%s/gone", argv[1]);
	r = set_up(0);
	fd = DO(.opcode = IORING_OP_OPENAT, .fd = dir, .addr = AT("file"), .len = 0600,
		.open_flags = O_RDWR | O_CREAT, .user_data = 1);
	DO(.opcode = IORING_OP_WRITE, .fd = fd, .addr = AT("hello"), .len = 5, .user_data = 2);
	DO(.opcode = IORING_OP_READ, .fd = fd, .addr = AT(buffer), .len = sizeof(buffer), .user_data = 3);
	DO(.opcode = IORING_OP_UNLINKAT, .fd = AT_FDCWD, .addr = AT(gone), .user_data = 4);
	DO(.opcode = IORING_OP_RENAMEAT, .fd = dir, .addr = AT("file"), .len = AT_FDCWD, .addr2 = AT("other"),
	   .rename_flags = 1, .user_data = 5);
	DO(.opcode = IORING_OP_MKDIRAT, .fd = AT_FDCWD, .addr = AT("dir"), .len = 0700, .user_data = 6);
	DO(.opcode = IORING_OP_UNLINKAT, .fd = AT_FDCWD, .addr = AT("dir"), .unlink_flags = AT_REMOVEDIR,
	   .user_data = 7);
	DO(.opcode = IORING_OP_SYMLINKAT, .fd = dir, .addr = AT("text"), .addr2 = AT("link"), .user_data = 8);
	DO(.opcode = IORING_OP_OPENAT2, .fd = dir, .addr = AT("other"), .len = sizeof(how), .off = AT(&how),
	   .user_data = 9);
	DO(.opcode = IORING_OP_NOP, .user_data = 0xfeedfacecafebeef);
	if (syscall(SYS_io_uring_register, r.fd, IORING_REGISTER_FILES, &fd, 1))
		return 96;
	DO(.opcode = IORING_OP_READ, .flags = IOSQE_FIXED_FILE, .fd = 0, .addr = AT(buffer), .len = 3,
	   .user_data = 10);
	DO(.opcode = IORING_OP_OPENAT, .fd = AT_FDCWD, .addr = 8, .user_data = 11);
	DO(.opcode = 255, .user_data = 12);
	DO(.opcode = IORING_OP_CLOSE, .fd = dir, .user_data = 13);
	linked(&r, fd, buffer);
	many_times(&r, pipes);
	submit(&r, (struct io_uring_sqe){ .opcode = IORING_OP_NOP, .flags = IOSQE_CQE_SKIP_SUCCESS, .user_data = 14 });
	submit(&r, (struct io_uring_sqe){
		.opcode = IORING_OP_POLL_ADD, .fd = pipes[0], .poll32_events = 1, .user_data = 15 });
	enter(r.fd, 2, 0, 0);
	usleep(2500000);
	if (write(pipes[1], "x", 1) != 1)
		return 95;
	completion(&r);
	polled = set_up(IORING_SETUP_SQPOLL);
	submit(&polled, (struct io_uring_sqe){ .opcode = IORING_OP_OPENAT, .fd = AT_FDCWD, .addr = AT("other"),
					       .open_flags = O_WRONLY, .user_data = 16 });
	completion(&polled);
	before = enters;
	submit(&polled, (struct io_uring_sqe){ .opcode = IORING_OP_UNLINKAT, .fd = AT_FDCWD, .addr = AT("other"),
					       .user_data = 17 });
	completion(&polled);
	printf("%d calls\n", enters);
	/* The thread may have been asleep before the first; for the last it needs no call. */
	return enters == before ? 0 : 94;
}
