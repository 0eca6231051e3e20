/*
 * inside WHAT ...: when a line can be read, what happens to a thread in a call.
 * stopped: seccomp stops a close(1000000). name FROM TO, user FROM TO: a call changes that of its caller.
 * threads N: so many read until there is no more to read; a line is written when they are about to.
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static int stopped(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_close, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EXDEV),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog filter = { sizeof(code) / sizeof(code[0]), code };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter))
		return 1;
	return close(1000000) != -1 || errno != EXDEV;
}

static int name(const char *from, const char *to)
{
	return prctl(PR_SET_NAME, from) || prctl(PR_SET_NAME, to);
}

static int user(long from, long to)
{
	return syscall(SYS_setresuid, from, -1, -1) || syscall(SYS_setresuid, to, -1, -1);
}

static void *reads(void *arg)
{
	char byte;

	return (void *)read(0, &byte, 1);
}

static int threads(int count)
{
	pthread_t *all = calloc(count, sizeof(*all));
	pthread_attr_t attr;
	void *result;
	int i;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 64 * 1024);
	for (i = 0; i < count; i++)
		if (pthread_create(&all[i], &attr, reads, NULL))
			return 1;
	puts("ready");
	fflush(stdout);
	for (i = 0; i < count; i++)
		if (pthread_join(all[i], &result) || result)
			return 1;
	return 0;
}

int main(int argc, char **argv)
{
	char c;

	do
		if (read(0, &c, 1) != 1)
			return 2;
	while (c != '\n');
	if (!strcmp(argv[1], "stopped"))
		return stopped();
	if (!strcmp(argv[1], "name"))
		return name(argv[2], argv[3]);
	if (!strcmp(argv[1], "user"))
		return user(atol(argv[2]), atol(argv[3]));
	return threads(atoi(argv[2]));
}
