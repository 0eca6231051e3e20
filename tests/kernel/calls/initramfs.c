// SPDX-License-Identifier: Apache-2.0
/*
 * initramfs FILE: finit_module() of a file by a process whose root is the initramfs.
 * After switch_root(8) it lies below everything else that is mounted; in a mount namespace
 * of our own the file system above it is taken away. Prints pid=N result=N.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void die(const char *what)
{
	perror(what);
	exit(99);
}

static void uncover(int ready)
{
	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
		die("unshare");
	if (umount2("/", MNT_DETACH))
		die("umount2");
	if (write(ready, "", 1) != 1)
		die("write");
	pause();
}

int main(int argc, char **argv)
{
	int file, ns, ready[2];
	char byte, path[64];
	long result;
	pid_t child;

	if (argc != 2 || pipe(ready))
		return 99;
	file = open(argv[1], O_RDONLY | O_CLOEXEC);
	if (file < 0)
		die(argv[1]);
	child = fork();
	if (!child)
		uncover(ready[1]);
	close(ready[1]);
	if (child < 0 || read(ready[0], &byte, 1) != 1)
		die("fork");
	snprintf(path, sizeof(path), "/proc/%d/ns/mnt", child);
	ns = open(path, O_RDONLY | O_CLOEXEC);
	if (ns < 0 || setns(ns, CLONE_NEWNS))
		die("setns");
	result = syscall(SYS_finit_module, file, "", 0);
	printf("pid=%d result=%d\n", getpid(), result ? -errno : 0);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	return 0;
}
