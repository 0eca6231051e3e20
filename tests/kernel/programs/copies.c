/*
 * copies COUNT FOLDER PROGRAM: COUNT times make a copy of PROGRAM with the number behind its end, start it, wait, and
 * remove it. Prints the ticks of the slowest start, and of all.
 *
 * A tick is one sleep of another thread. A clock would go on while the whole emulated machine is held up: then
 * the other thread sleeps no more often than usual, and nothing has stalled.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static char bytes[1 << 16];

static volatile unsigned long ticks;

static void *tick(void *unused)
{
	const struct timespec each = { .tv_nsec = 20000000 };

	for (;; ticks++)
		nanosleep(&each, NULL);
	return unused;
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
	unsigned long slowest = 0, began, taken;
	char path[4096];
	pthread_t other;

	if (size <= 0 || size == sizeof(bytes) || pthread_create(&other, NULL, tick, NULL))
		return 2;
	for (i = 0; i < count; i++) {
		snprintf(path, sizeof(path), "%s/%u", argv[2], i);
		if (copy(path, size, i))
			return 3;
		began = ticks;
		if (start(path))
			return 4;
		taken = ticks - began;
		slowest = taken > slowest ? taken : slowest;
		if (unlink(path))
			return 5;
	}
	printf("%lu %lu\n", slowest, ticks);
	return 0;
}
