/*
 * copies COUNT FOLDER PROGRAM: COUNT times make a copy of PROGRAM with the number behind its end, start it, wait, and
 * remove it. Prints the nanoseconds of the slowest start.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static char bytes[1 << 16];

static long long now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static int copy(const char *path, ssize_t size, unsigned int number)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755);

	return fd < 0 || write(fd, bytes, size) != size || write(fd, &number, sizeof(number)) != sizeof(number) ||
	       close(fd);
}

static int start(char *path)
{
	char *args[] = { path, NULL }, *environment[] = { NULL };
	pid_t pid = fork();
	int status;

	if (!pid) {
		execve(path, args, environment);
		_exit(127);
	}
	return pid < 0 || waitpid(pid, &status, 0) != pid || status;
}

int main(int argc, char **argv)
{
	unsigned int count = strtoul(argv[1], NULL, 10), i;
	int fd = open(argv[3], O_RDONLY | O_CLOEXEC);
	ssize_t size = read(fd, bytes, sizeof(bytes));
	long long slowest = 0, began, taken;
	char path[4096];

	if (size <= 0 || size == sizeof(bytes))
		return 2;
	for (i = 0; i < count; i++) {
		snprintf(path, sizeof(path), "%s/%u", argv[2], i);
		if (copy(path, size, i))
			return 3;
		began = now();
		if (start(path))
			return 4;
		taken = now() - began;
		slowest = taken > slowest ? taken : slowest;
		if (unlink(path))
			return 5;
	}
	printf("%lld\n", slowest);
	return 0;
}
