// SPDX-License-Identifier: Apache-2.0
/*
 * autoload ASK...: one process for each, all at the same moment, and prints "PID ASK RESULT" for each.
 *
 *   socket:FAMILY    socket(2)
 *   tcp:NAME         setsockopt(TCP_CONGESTION)
 *   mount:TYPE       mount(2) of a file system
 *   char:MAJOR:MINOR open(2) of a device node, made in the working directory
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

static int ask(const char *what)
{
	const char *value = strchr(what, ':') + 1;
	unsigned int major, minor;
	char name[64];
	int fd;

	switch (*what) {
	case 's':
		return socket(atoi(value), SOCK_DGRAM, 0);
	case 't':
		fd = socket(AF_INET, SOCK_STREAM, 0);
		return setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, value, strlen(value));
	case 'm':
		return mount("none", "/", value, MS_RDONLY, "");
	case 'c':
		if (sscanf(value, "%u:%u", &major, &minor) != 2)
			exit(2);
		snprintf(name, sizeof(name), "%u-%u", major, minor);
		if (mknod(name, S_IFCHR | 0600, makedev(major, minor)))
			exit(3);
		fd = open(name, O_RDWR);
		major = errno;
		unlink(name);
		errno = major;
		return fd;
	}
	exit(2);
}

int main(int argc, char **argv)
{
	int start[2], i, result;
	char none;

	if (argc < 2 || pipe(start))
		return 2;
	for (i = 1; i < argc; i++) {
		if (fork())
			continue;
		close(start[1]);
		/* Until the parent closes its end: all begin together. */
		if (read(start[0], &none, 1))
			_exit(3);
		result = ask(argv[i]);
		printf("%d %s %d\n", getpid(), argv[i], result < 0 ? -errno : 0);
		return 0;
	}
	close(start[0]);
	close(start[1]);
	while (wait(NULL) > 0)
		;
	return 0;
}
