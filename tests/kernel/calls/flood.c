// SPDX-License-Identifier: Apache-2.0
/*
 * Many events at once, on one CPU:
 *
 *	flood calls CPU FROM COUNT	create_module() of the names rw_FROM, rw_FROM+1, ...
 *	flood forks CPU COUNT		processes that end at once
 *	flood execs CPU COUNT		programs that end at once; PROGRAM must be a whole path
 *
 * It begins when standard input ends, so that its pid can be watched before.
 */
#define _GNU_SOURCE
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define CREATE_MODULE 174

int main(int argc, char **argv)
{
	int calls = argc == 5 && !strcmp(argv[1], "calls"), execs = argc == 4 && !strcmp(argv[1], "execs");
	long i, from, count;
	cpu_set_t cpus;
	char name[32];
	pid_t child;

	if (argc == 2 && !strcmp(argv[1], "end"))
		return 0;
	if (!calls && !execs && (argc != 4 || strcmp(argv[1], "forks"))) {
		fprintf(stderr, "usage: flood calls CPU FROM COUNT | flood forks CPU COUNT | flood execs CPU COUNT\n");
		return 99;
	}
	CPU_ZERO(&cpus);
	CPU_SET(atoi(argv[2]), &cpus);
	if (sched_setaffinity(0, sizeof(cpus), &cpus)) {
		perror("sched_setaffinity");
		return 99;
	}
	while (read(0, name, sizeof(name)) > 0)
		;
	count = atol(argv[argc - 1]);
	from = calls ? atol(argv[3]) : 0;
	for (i = 0; i < count; i++) {
		if (calls) {
			snprintf(name, sizeof(name), "rw_%ld", from + i);
			syscall(CREATE_MODULE, name, i, 0, 0, 0);
			continue;
		}
		child = fork();
		if (!child && execs)
			execl(argv[0], argv[0], "end", NULL);
		if (!child)
			_exit(execs ? 99 : 0);
		if (child < 0 || waitpid(child, NULL, 0) != child) {
			perror("fork");
			return 99;
		}
	}
	return 0;
}
