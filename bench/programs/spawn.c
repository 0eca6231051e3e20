/* spawn COUNT FILE: fork, exec FILE, wait; COUNT times. Prints nanoseconds. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	char *args[] = { argv[2], NULL }, *environment[] = { NULL };
	struct timespec start, end;
	long count = atol(argv[1]), i;
	int status;

	clock_gettime(CLOCK_MONOTONIC, &start);
	for (i = 0; i < count; i++) {
		pid_t pid = fork();

		if (!pid) {
			execve(argv[2], args, environment);
			_exit(127);
		}
		if (pid < 0 || waitpid(pid, &status, 0) != pid || status)
			return 1;
	}
	clock_gettime(CLOCK_MONOTONIC, &end);
	printf("%lld\n", (end.tv_sec - start.tv_sec) * 1000000000LL + end.tv_nsec - start.tv_nsec);
	return 0;
}
