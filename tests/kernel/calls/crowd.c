// SPDX-License-Identifier: Apache-2.0
/*
 * crowd COUNT: so many threads inside init_module() at once. The kernel copies each
 * image from a page that this program owes it (userfaultfd(2)), and waits. It prints
 * "in" when all have come that far, and lets go when standard input ends.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PAGE 4096ul

static char *pages;

static void die(const char *what)
{
	perror(what);
	exit(99);
}

static void *caller(void *number)
{
	char params[32];

	snprintf(params, sizeof(params), "number=%ld", (long)number);
	/* ENOEXEC when it is let go: a page of zeroes is no ELF image. */
	syscall(SYS_init_module, pages + (long)number * PAGE, PAGE, params);
	return NULL;
}

int main(int argc, char **argv)
{
	long i, count = argc == 2 ? atol(argv[1]) : 0;
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register range = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	struct uffdio_zeropage zero = {};
	struct uffd_msg message;
	pthread_attr_t small;
	pthread_t *threads;
	char byte;
	int fd;

	if (count < 1) {
		fprintf(stderr, "usage: crowd COUNT\n");
		return 99;
	}
	threads = calloc(count, sizeof(*threads));
	fd = syscall(SYS_userfaultfd, O_CLOEXEC);
	if (fd < 0 || ioctl(fd, UFFDIO_API, &api))
		die("userfaultfd");
	pages = mmap(NULL, count * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	range.range.start = (unsigned long)pages;
	range.range.len = count * PAGE;
	if (ioctl(fd, UFFDIO_REGISTER, &range))
		die("UFFDIO_REGISTER");
	pthread_attr_init(&small);
	pthread_attr_setstacksize(&small, 64 * 1024);
	for (i = 0; i < count; i++)
		if (pthread_create(&threads[i], &small, caller, (void *)i))
			die("pthread_create");
	for (i = 0; i < count; i++)
		if (read(fd, &message, sizeof(message)) != sizeof(message))
			die("read");
	puts("in");
	fflush(stdout);
	while (read(0, &byte, 1) > 0)
		;
	zero.range = range.range;
	if (ioctl(fd, UFFDIO_ZEROPAGE, &zero))
		die("UFFDIO_ZEROPAGE");
	for (i = 0; i < count; i++)
		pthread_join(threads[i], NULL);
	return 0;
}
