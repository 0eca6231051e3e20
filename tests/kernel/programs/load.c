// SPDX-License-Identifier: Apache-2.0
/*
 * load finit FILE PARAMS FLAGS    finit_module(2)
 * load memfd FILE PARAMS FLAGS    the same, from a memfd with the file's content
 * load init FILE PARAMS           init_module(2)
 * load delete NAME FLAGS          delete_module(2)
 * load delete-null                delete_module(NULL, 0)
 *
 * Prints "RESULT FD ADDRESS LENGTH": 0 or -errno, then what the call was given.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static int say(long result, int fd, const void *address, size_t length)
{
	printf("%ld %d %lx %zu\n", result < 0 ? -(long)errno : result, fd, (unsigned long)address, length);
	return 0;
}

int main(int argc, char **argv)
{
	struct stat st;
	void *image;
	int fd, copy;

	if (argc == 2 && !strcmp(argv[1], "delete-null"))
		return say(syscall(SYS_delete_module, NULL, 0), -1, NULL, 0);
	if (argc == 4 && !strcmp(argv[1], "delete"))
		return say(syscall(SYS_delete_module, argv[2], strtol(argv[3], NULL, 0)), -1, argv[2], 0);
	if (argc < 4)
		return 2;
	fd = open(argv[2], O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st))
		return 3;
	image = mmap(NULL, st.st_size ? st.st_size : 1, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	if (image == MAP_FAILED)
		return 3;
	if (!strcmp(argv[1], "init"))
		return say(syscall(SYS_init_module, image, st.st_size, argv[3]), -1, image, st.st_size);
	if (argc < 5)
		return 2;
	if (!strcmp(argv[1], "memfd")) {
		copy = memfd_create("image", 0);
		if (copy < 0 || write(copy, image, st.st_size) != st.st_size)
			return 3;
		fd = copy;
	}
	return say(syscall(SYS_finit_module, fd, argv[3], strtol(argv[4], NULL, 0)), fd, argv[3], 0);
}
