// SPDX-License-Identifier: Apache-2.0
/*
 * ringward-keeper ARGUMENT...: runs ringward with these arguments as one of the guard's own processes.
 *
 * A Python program is what its environment, its options and its working directory make of it, so that the
 * interpreter alone says nothing about who acts. This program takes nothing from its caller but the arguments and the
 * terminal, and starts what the guard has written into a map when it began. It is linked statically, no loader
 * listens to the environment before it runs; the kernel part knows its inode and follows it for one step (bpf/guard_self.bpf.c).
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PINS "/sys/fs/bpf/ringward"
#define LAUNCH "self_launch"
#define LAUNCH_BYTES 4096	/* bpf/guard_self.bpf.h */
#define CANNOT_RUN 4
#define MOST_ARGUMENTS 32

/* What the caller's environment may say: how to talk to a terminal and to systemd, and who became root. */
static const char *const KEPT[] = {
	"TERM", "COLUMNS", "LINES", "NO_COLOR", "LANG", "LC_ALL", "LC_CTYPE", "SUDO_USER", "SUDO_UID", "NOTIFY_SOCKET",
};

static int fail(const char *what)
{
	fprintf(stderr, "ringward-keeper: cannot %s: %s; is the guard on, and is this root?\n", what, strerror(errno));
	return CANNOT_RUN;
}

static long bpf(int cmd, union bpf_attr *attr)
{
	return syscall(SYS_bpf, cmd, attr, sizeof(*attr));
}

/* Descriptor of the pinned map of one build; -1: there is none. */
static int open_launch(void)
{
	DIR *folder = opendir(PINS);
	struct dirent *entry;
	char path[512];
	int fd = -1;

	if (!folder)
		return -1;
	while (fd < 0 && (entry = readdir(folder))) {
		union bpf_attr attr;

		if (strncmp(entry->d_name, "maps-", 5))
			continue;
		snprintf(path, sizeof(path), PINS "/%s/" LAUNCH, entry->d_name);
		memset(&attr, 0, sizeof(attr));
		attr.pathname = (__u64)(unsigned long)path;
		attr.file_flags = BPF_F_RDONLY;
		fd = bpf(BPF_OBJ_GET, &attr);
	}
	closedir(folder);
	return fd;
}

static int read_launch(char *text)
{
	union bpf_attr attr;
	__u32 key = 0;
	int fd = open_launch(), err;

	if (fd < 0)
		return -1;
	memset(&attr, 0, sizeof(attr));
	attr.map_fd = fd;
	attr.key = (__u64)(unsigned long)&key;
	attr.value = (__u64)(unsigned long)text;
	err = bpf(BPF_MAP_LOOKUP_ELEM, &attr);
	close(fd);
	return err;
}

/* A file that is opened must not become standard output, nor one of the caller's descriptors reach the program. */
static int only_standard(void)
{
	int fd;

	for (fd = 0; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) != fd)
			return -1;
	return syscall(SYS_close_range, 3, ~0U, 0);
}

int main(int argc, char **argv)
{
	static char text[LAUNCH_BYTES + 1];
	char *environment[sizeof(KEPT) / sizeof(*KEPT) + 4];
	char **arguments, *at;
	int count = 0, variables = 0, i;

	if (only_standard())
		return fail("close what the caller has open");
	if (read_launch(text))
		return fail("read what is to be started from " PINS);
	arguments = calloc(MOST_ARGUMENTS + argc + 1, sizeof(*arguments));
	if (!arguments)
		return fail("make the arguments");
	for (at = text; *at && count < MOST_ARGUMENTS; at += strlen(at) + 1)
		arguments[count++] = at;
	if (!count) {
		errno = ENODATA;
		return fail("read what is to be started from " PINS);
	}
	for (i = 1; i < argc; i++)
		arguments[count++] = argv[i];
	environment[variables++] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin";
	environment[variables++] = "HOME=/root";
	environment[variables++] = "RINGWARD_KEEPER=1";
	for (i = 0; i < (int)(sizeof(KEPT) / sizeof(*KEPT)); i++) {
		const char *value = getenv(KEPT[i]);

		if (value && asprintf(&environment[variables], "%s=%s", KEPT[i], value) > 0)
			variables++;
	}
	environment[variables] = NULL;
	execve(arguments[0], arguments, environment);
	return fail("start ringward");
}
