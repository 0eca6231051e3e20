// SPDX-License-Identifier: Apache-2.0
/*
 * cycle FILE NAME COUNT: load the module and unload it again, so many times. A failure
 * ends it: it prints which call of which round, and the error.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	long i, count = argc == 4 ? atol(argv[3]) : 0;
	const char *call = "finit_module";
	int fd;

	if (count < 1) {
		fprintf(stderr, "usage: cycle FILE NAME COUNT\n");
		return 99;
	}
	for (i = 0; i < count; i++) {
		fd = open(argv[1], O_RDONLY);
		if (fd < 0 || syscall(SYS_finit_module, fd, "", 0))
			goto failed;
		close(fd);
		if (syscall(SYS_delete_module, argv[2], O_NONBLOCK)) {
			call = "delete_module";
			goto failed;
		}
	}
	return 0;
failed:
	fprintf(stderr, "cycle: %s of round %ld: %s\n", call, i, strerror(errno));
	return 1;
}
