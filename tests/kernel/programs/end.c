// SPDX-License-Identifier: Apache-2.0
/*
 * end code N       exits with N
 * end signal N     ends itself by a signal
 * end threads N    the first thread ends; the last one exits with N when that has been done
 * end which        exits with 1 or 2 when its file's name ends in a or b
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* proc_pid_stat(5): the state of the process's first thread stands behind its name */
static int first_is_zombie(void)
{
	char stat[256] = "", *name;
	FILE *file = fopen("/proc/self/stat", "r");

	if (!file)
		return 0;
	if (!fgets(stat, sizeof(stat), file))
		stat[0] = 0;
	fclose(file);
	name = strrchr(stat, ')');
	return name && name[1] == ' ' && name[2] == 'Z';
}

static void *last(void *code)
{
	while (!first_is_zombie())
		usleep(1000);
	exit((int)(long)code);
}

static void *early(void *none)
{
	return none;
}

int main(int argc, char **argv)
{
	char exe[256] = "";
	pthread_t thread;
	long n;

	if (argc != 3) {
		if (readlink("/proc/self/exe", exe, sizeof(exe) - 1) < 1)
			return 3;
		return exe[strlen(exe) - 1] - 'a' + 1;
	}
	n = atol(argv[2]);
	if (!strcmp(argv[1], "code"))
		return n;
	if (!strcmp(argv[1], "signal")) {
		raise(n);
		return 3;
	}
	pthread_create(&thread, NULL, early, NULL);
	pthread_join(thread, NULL);
	pthread_create(&thread, NULL, last, (void *)n);
	pthread_exit(NULL);
}
