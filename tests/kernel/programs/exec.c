// SPDX-License-Identifier: Apache-2.0
/*
 * exec memfd FILE ARG...        fexecve(3) of a memfd with the file's content
 * exec at FOLDER NAME ARG...    execveat(2) of a name in an open folder
 * exec fd FILE ARG...           execveat(2) of an open file, AT_EMPTY_PATH
 * exec wait COMMAND ARG...      execvp(3), after a line has come on standard input
 * exec thread FILE ARG...       execv(3) by a second thread
 * exec ids                      prints "UID EUID GID EGID" and the path that AT_EXECFN gives
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

extern char **environ;

static void *exec_in_thread(void *args)
{
	execv(((char **)args)[0], args);
	return NULL;
}

int main(int argc, char **argv)
{
	struct stat st;
	pthread_t thread;
	int fd, copy;
	char line[8];

	if (argc == 2 && !strcmp(argv[1], "ids")) {
		printf("%d %d %d %d %s\n", getuid(), geteuid(), getgid(), getegid(), (char *)getauxval(AT_EXECFN));
		return 0;
	}
	if (argc < 3)
		return 2;
	if (!strcmp(argv[1], "wait")) {
		if (read(0, line, sizeof(line)) < 1)
			return 3;
		execvp(argv[2], argv + 2);
		return 127;
	}
	if (!strcmp(argv[1], "thread")) {
		if (pthread_create(&thread, NULL, exec_in_thread, argv + 2))
			return 3;
		pthread_join(thread, NULL);
		return 127;
	}
	fd = open(argv[2], O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st))
		return 3;
	if (!strcmp(argv[1], "memfd")) {
		copy = memfd_create("program", MFD_CLOEXEC);
		if (copy < 0 || sendfile(copy, fd, NULL, st.st_size) != st.st_size)
			return 3;
		fexecve(copy, argv + 2, environ);
	} else if (!strcmp(argv[1], "at")) {
		syscall(SYS_execveat, fd, argv[3], argv + 3, environ, 0);
	} else if (!strcmp(argv[1], "fd")) {
		syscall(SYS_execveat, fd, "", argv + 2, environ, AT_EMPTY_PATH);
	}
	return 127;
}
