/* ring REQUESTS TIMES: REQUESTS times one request of io_uring that does nothing, TIMES times; nanoseconds of the shortest. */
#include <linux/io_uring.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "clock.h"

static void *shared(int fd, size_t size, off_t offset)
{
	void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, offset);

	if (at == MAP_FAILED)
		exit(1);
	return at;
}

int main(int argc, char **argv)
{
	long requests = atol(argv[1]), times = atol(argv[2]), i;
	struct io_uring_params p = {};
	int fd = syscall(SYS_io_uring_setup, 1, &p);
	struct io_uring_sqe *sqe;
	long long best = -1;
	char *sq, *cq;
	unsigned *tail, *head;

	if (fd < 0)
		return 1;
	sq = shared(fd, p.sq_off.array + p.sq_entries * sizeof(unsigned), IORING_OFF_SQ_RING);
	cq = shared(fd, p.cq_off.cqes + p.cq_entries * sizeof(struct io_uring_cqe), IORING_OFF_CQ_RING);
	sqe = shared(fd, p.sq_entries * sizeof(*sqe), IORING_OFF_SQES);
	tail = (unsigned *)(sq + p.sq_off.tail);
	head = (unsigned *)(cq + p.cq_off.head);
	*(unsigned *)(sq + p.sq_off.array) = 0;
	sqe->opcode = IORING_OP_NOP;
	while (times--) {
		long long start = now(), took;

		for (i = 0; i < requests; i++) {
			__atomic_store_n(tail, *tail + 1, __ATOMIC_RELEASE);
			if (syscall(SYS_io_uring_enter, fd, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) != 1)
				return 2;
			__atomic_store_n(head, *head + 1, __ATOMIC_RELEASE);
		}
		took = now() - start;
		if (best < 0 || took < best)
			best = took;
	}
	printf("%lld\n", best);
}
