/*
 * execs HOW PROGRAM: start PROGRAM (by a path from the working directory) with the argument "stay", in one of three ways.
 *   at: by execveat
 *   thread: by execve in a thread that is not the leader, which waits meanwhile
 *   thread-at: by execveat in such a thread
 * execs stay: live for two and a half seconds.
 * It begins when there is something to read at standard input, and prints its thread that makes the call.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static const char *program;

static void *start(void *at)
{
	char *argv[] = { (char *)program, "stay", NULL }, *envp[] = { NULL };

	if (getchar() == EOF)
		_exit(3);
	printf("%ld\n", syscall(SYS_gettid));
	fflush(stdout);
	if (at)
		syscall(SYS_execveat, AT_FDCWD, program, argv, envp, 0);
	else
		syscall(SYS_execve, program, argv, envp);
	_exit(2);
}

int main(int argc, char **argv)
{
	pthread_t thread;

	if (!strcmp(argv[1], "stay")) {
		usleep(2500000);
		return 0;
	}
	program = argv[2];
	if (argc != 3)
		return 1;
	if (!strcmp(argv[1], "at"))
		start(main);
	else if (pthread_create(&thread, NULL, start, strcmp(argv[1], "thread") ? main : NULL))
		return 1;
	pause();
}
