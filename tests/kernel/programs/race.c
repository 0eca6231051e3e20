// SPDX-License-Identifier: Apache-2.0
/*
 * A second thread changes what a system call was given while the call runs.
 *
 * race HOW delete NAME NAME TIMES          delete_module(2); the name
 * race HOW params FILE TEXT TEXT TIMES     finit_module(2); the parameters
 * race HOW fd FILE FILE TIMES              finit_module(2); the file behind the descriptor (dup2)
 * race HOW exec PATH PATH TIMES            execve(2); the path
 * race HOW image FILE OFFSET BYTE BYTE TIMES   init_module(2); one byte of the image
 *
 * HOW is "one": on one processor, where the second thread interrupts the call (it needs a kernel that lets it): when
 * the kernel is about to copy what is changed (a kprobe of perf wakes it; not for an image), and at ever other times;
 * or "two": each on its own.
 * Names, texts and paths have at most 7 characters, so that one store changes them whole.
 * Prints "PID RESULT" for each call: 0, -errno, or for exec the exit status; for image also the byte before the
 * call and after it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static union {
	volatile uint64_t word;
	char text[8];
} shared, values[2];
static int fds[2], fd = -1;
static volatile unsigned char *byte, bytes[2];
static void *image;
static size_t size;
static volatile int done, ready;
static struct pollfd woken = { .fd = -1, .events = POLLIN };
static volatile struct perf_event_mmap_page *ring;

static void change(unsigned int turn)
{
	if (byte)
		*byte = bytes[turn & 1];
	else if (fd >= 0)
		dup2(fds[turn & 1], fd);
	else
		shared.word = values[turn & 1].word;
}

/* Where the kernel comes by after the entry of the system call and before it copies; a function's end has a "-". */
static const char *place(char what)
{
	switch (what) {
	case 'd':
	case 'f': return "-capable";
	case 'e': return "getname_flags";
	case 'p': return "strndup_user";
	}
	return NULL;
}

/* A descriptor that is ready whenever the first processor comes by the place; -1: it cannot be had. */
static int probe(const char *where)
{
	const char *config = "/sys/bus/event_source/devices/kprobe/format/retprobe";
	struct perf_event_attr attr = {
		.size = sizeof(attr), .sample_period = 1, .sample_type = PERF_SAMPLE_IP, .wakeup_events = 1,
	};
	FILE *type = fopen("/sys/bus/event_source/devices/kprobe/type", "r");
	FILE *at_end = fopen(config, "r");
	unsigned int bit;
	int event;

	if (!type || fscanf(type, "%u", &attr.type) != 1 || !at_end || fscanf(at_end, "config:%u", &bit) != 1)
		return -1;
	fclose(type);
	fclose(at_end);
	if (*where == '-')
		attr.config = 1ull << bit;
	attr.kprobe_func = (uintptr_t)(where + (*where == '-'));
	event = syscall(SYS_perf_event_open, &attr, -1, 0, -1, PERF_FLAG_FD_CLOEXEC);
	if (event < 0)
		return -1;
	ring = mmap(NULL, 2 * sysconf(_SC_PAGESIZE), PROT_READ | PROT_WRITE, MAP_SHARED, event, 0);
	return ring == MAP_FAILED ? -1 : event;
}

static void *changer(void *one)
{
	struct sched_param first = { .sched_priority = 10 };
	unsigned int turn = 0, i;

	if (!one) {
		while (!done) {
			change(turn++);
			ready = 1;
			for (i = 0; i < turn % 64; i++)
				__builtin_ia32_pause();
		}
		return NULL;
	}
	/* It must interrupt the call: it goes first, and wakes at ever other times. */
	if (pthread_setschedparam(pthread_self(), SCHED_FIFO, &first))
		exit(3);
	while (!done) {
		struct timespec nap = { .tv_nsec = 60000 + turn % 17 * 20000 };

		change(turn++);
		ready = 1;
		ppoll(&woken, 1, &nap, NULL);
		if (ring)
			ring->data_tail = ring->data_head;
	}
	return NULL;
}

static long call(char what)
{
	char *args[] = { shared.text, NULL };
	int status;
	pid_t child;

	if (what == 'i')
		return syscall(SYS_init_module, image, size, "");
	if (what == 'd')
		return syscall(SYS_delete_module, shared.text, O_NONBLOCK);
	if (what == 'p')
		return syscall(SYS_finit_module, fds[0], shared.text, 0);
	if (what == 'f')
		return syscall(SYS_finit_module, fd, "error=5", 0);
	child = vfork();
	if (!child) {
		execve(shared.text, args, NULL);
		_exit(127);
	}
	waitpid(child, &status, 0);
	printf("%d ", child);
	return WEXITSTATUS(status);
}

/* The file in memory that has all of it: the call must not wait for a page. */
static int read_image(const char *path, size_t offset, const char *first, const char *second)
{
	int file = open(path, O_RDONLY | O_CLOEXEC);

	size = lseek(file, 0, SEEK_END);
	image = malloc(size);
	if (file < 0 || !image || offset >= size || pread(file, image, size, 0) != (ssize_t)size)
		return -1;
	byte = (unsigned char *)image + offset;
	bytes[0] = atoi(first);
	bytes[1] = atoi(second);
	close(file);
	return 0;
}

int main(int argc, char **argv)
{
	unsigned char before = 0;
	pthread_t thread;
	cpu_set_t first;
	int i, times, one;
	long result;
	char what;

	if (argc < 6)
		return 2;
	one = !strcmp(argv[1], "one");
	what = *argv[2];
	CPU_ZERO(&first);
	CPU_SET(0, &first);
	if (one && sched_setaffinity(0, sizeof(first), &first))
		return 3;
	if (what == 'p' || what == 'f') {
		fds[0] = open(argv[3], O_RDONLY | O_CLOEXEC);
		fds[1] = open(argv[4], O_RDONLY | O_CLOEXEC);
		if (fds[0] < 0)
			return 3;
	}
	if (what == 'f')
		fd = dup(fds[0]);
	if (what == 'i' && (argc < 8 || read_image(argv[3], atoi(argv[4]), argv[5], argv[6])))
		return 3;
	for (i = 0; i < 2; i++)
		strncpy(values[i].text, argv[argc - 3 + i], 7);
	times = atoi(argv[argc - 1]);
	if (one && place(what)) {
		woken.fd = probe(place(what));
		if (woken.fd < 0)
			return 4;
	}
	change(0);
	if (pthread_create(&thread, NULL, changer, one ? &thread : NULL))
		return 3;
	/* The first call is to be raced, too. */
	while (!ready)
		sched_yield();
	for (i = 0; i < times; i++) {
		before = byte ? *byte : 0;
		result = call(what);
		if (what != 'e')
			printf("%d ", getpid());
		printf("%ld", result < 0 ? -(long)errno : result);
		if (byte)
			printf(" %d %d", before, *byte);
		printf("\n");
	}
	done = 1;
	pthread_join(thread, NULL);
	return 0;
}
