// SPDX-License-Identifier: Apache-2.0
/*
 * One system call, made the way that is asked for:
 *
 *	call [--seccomp errno|trap|kill] 64|ia32|x32 NUMBER ARGUMENT...
 *
 * ARGUMENT	what the register holds
 *	123, 0x7b	the number
 *	null		0
 *	s:TEXT		address of TEXT
 *	long:N		address of N bytes 'x'
 *	cold:TEXT	address of TEXT in a mapped file that was never touched
 *	dontneed:TEXT	the same, touched and given back with MADV_DONTNEED
 *	straddle:TEXT	address of TEXT, the second half of it on a page that was never touched
 *	edge:TEXT	address of TEXT without a NUL; nothing is mapped behind it
 *	unmapped	address where nothing is mapped
 *	kernel:ADDRESS	ADDRESS as it is
 *	fd:PATH		descriptor of the file
 *	image:PATH	address of the file's bytes, mapped and never touched
 *	inside:N	address N bytes into the last image
 *	size:PATH	size of the file
 *
 * All memory is below 4 GiB, so that 32-bit callers can name it. Printed before the call:
 * pid, user namespace, pid namespace (in hexadecimal: the registers); after it: the result.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define X32_BIT 0x40000000
#define PAGE 4096ul

static void die(const char *what)
{
	perror(what);
	exit(99);
}

static char *low(size_t size, int fd)
{
	int flags = MAP_PRIVATE | MAP_32BIT | (fd < 0 ? MAP_ANONYMOUS : 0);
	char *at = mmap(NULL, size, PROT_READ | PROT_WRITE, flags, fd, 0);

	if (at == MAP_FAILED)
		die("mmap");
	return at;
}

/* Two pages of a file that hold `text` at `offset`; none of them is in the page table. */
static char *in_file(const char *text, size_t offset)
{
	int fd = memfd_create("call", 0);
	char *at;

	if (fd < 0 || ftruncate(fd, 2 * PAGE) || pwrite(fd, text, strlen(text), offset) < 0)
		die("memfd");
	at = low(2 * PAGE, fd);
	close(fd);
	return at + offset;
}

static char *image;

static unsigned long value(char *word)
{
	char *text = strchr(word, ':');
	size_t length;
	struct stat st;
	char *at;
	int fd;

	if (!strcmp(word, "null"))
		return 0;
	if (!strcmp(word, "unmapped")) {
		at = low(PAGE, -1);
		munmap(at, PAGE);
		return (unsigned long)at;
	}
	if (!text)
		return strtoul(word, NULL, 0);
	*text++ = 0;
	length = strlen(text);
	if (!strcmp(word, "s"))
		return (unsigned long)strcpy(low(length + 1, -1), text);
	if (!strcmp(word, "long")) {
		length = strtoul(text, NULL, 0);
		return (unsigned long)memset(low(length + 1, -1), 'x', length);
	}
	if (!strcmp(word, "cold"))
		return (unsigned long)in_file(text, 0);
	if (!strcmp(word, "dontneed")) {
		at = in_file(text, 0);
		if (at[0] != text[0] || madvise(at, 2 * PAGE, MADV_DONTNEED))
			die("madvise");
		return (unsigned long)at;
	}
	if (!strcmp(word, "straddle")) {
		at = in_file(text, PAGE - length / 2);
		/* A write: reading would bring in the pages around as well (do_fault_around()). */
		*(volatile char *)at = text[0];
		return (unsigned long)at;
	}
	if (!strcmp(word, "edge")) {
		at = low(2 * PAGE, -1);
		if (munmap(at + PAGE, PAGE))
			die("munmap");
		return (unsigned long)memcpy(at + PAGE - length, text, length);
	}
	if (!strcmp(word, "kernel"))
		return strtoul(text, NULL, 0);
	if (!strcmp(word, "inside"))
		return (unsigned long)image + strtoul(text, NULL, 0);
	fd = open(text, O_RDONLY);
	if (fd < 0 || fstat(fd, &st))
		die(text);
	if (!strcmp(word, "fd"))
		return fd;
	if (!strcmp(word, "size"))
		return st.st_size;
	if (!strcmp(word, "image"))
		return (unsigned long)(image = low(st.st_size, fd));
	fprintf(stderr, "call: no such argument: %s\n", word);
	exit(99);
}

static long call_64(long nr, unsigned long *a)
{
	register unsigned long r10 asm("r10") = a[3];
	register unsigned long r8 asm("r8") = a[4];
	long result;

	asm volatile("syscall" : "=a"(result) : "a"(nr), "D"(a[0]), "S"(a[1]), "d"(a[2]), "r"(r10), "r"(r8)
		     : "rcx", "r11", "memory");
	return result;
}

static long call_ia32(long nr, unsigned long *a)
{
	long result;

	asm volatile("int $0x80" : "=a"(result) : "a"(nr), "b"(a[0]), "c"(a[1]), "d"(a[2]), "S"(a[3]), "D"(a[4])
		     : "r8", "r9", "r10", "r11", "memory");
	return (int)result;
}

static void stop(const char *how, unsigned arch, unsigned nr)
{
	unsigned action = SECCOMP_RET_ERRNO | EPERM;
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, arch, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog filter = { .len = sizeof(code) / sizeof(code[0]), .filter = code };

	if (!strcmp(how, "trap"))
		action = SECCOMP_RET_TRAP;
	else if (!strcmp(how, "kill"))
		action = SECCOMP_RET_KILL_PROCESS;
	code[4].k = action;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter))
		die("seccomp");
}

static long namespace(const char *name)
{
	struct stat st;

	return stat(name, &st) ? -1 : (long)st.st_ino;
}

int main(int argc, char **argv)
{
	unsigned long a[5] = {};
	const char *how = NULL, *abi;
	char self[32] = "?";
	int i, ia32, x32;
	long nr, result;

	if (argc > 2 && !strcmp(argv[1], "--seccomp")) {
		how = argv[2];
		argv += 2;
		argc -= 2;
	}
	if (argc < 3 || argc > 8) {
		fprintf(stderr, "usage: call [--seccomp errno|trap|kill] 64|ia32|x32 NUMBER ARGUMENT...\n");
		return 99;
	}
	abi = argv[1];
	ia32 = !strcmp(abi, "ia32");
	x32 = !strcmp(abi, "x32");
	nr = strtol(argv[2], NULL, 0) | (x32 ? X32_BIT : 0);
	for (i = 3; i < argc; i++)
		a[i - 3] = value(argv[i]);
	/* In the initial pid namespace, which is the one of the mounted /proc; getpid() may be in another. */
	if (readlink("/proc/self", self, sizeof(self) - 1) < 0)
		die("/proc/self");
	printf("pid=%s user=%ld pidns=%ld uid=%d args=%lx,%lx,%lx,%lx,%lx\n", self, namespace("/proc/self/ns/user"),
	       namespace("/proc/self/ns/pid"), getuid(), a[0], a[1], a[2], a[3], a[4]);
	fflush(stdout);
	if (how)
		stop(how, ia32 ? AUDIT_ARCH_I386 : AUDIT_ARCH_X86_64, nr);
	result = ia32 ? call_ia32(nr, a) : call_64(nr, a);
	printf("result=%ld\n", result);
	return 0;
}
