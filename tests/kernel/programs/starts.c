// SPDX-License-Identifier: Apache-2.0
/* Starts each program that standard input names, a line each, one after the other; ends with 1 when one fails. */
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

int main(void)
{
	char line[4096];
	char *argv[] = { line, NULL };
	int status;
	pid_t pid;

	while (fgets(line, sizeof(line), stdin)) {
		line[strcspn(line, "\n")] = 0;
		if (posix_spawn(&pid, line, NULL, NULL, argv, NULL))
			return 1;
		if (waitpid(pid, &status, 0) != pid || status)
			return 1;
	}
	return 0;
}
