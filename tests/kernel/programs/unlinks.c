/*
 * unlinks FOLDER: removes FOLDER/0 to FOLDER/22, the last three by the 32-bit way in; ends with the status 3.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static void unlink_ia32(char *path)
{
	long result;

	__asm__ volatile("int $0x80" : "=a"(result) : "a"(10), "b"(path) : "memory", "r8", "r9", "r10", "r11");
}

int main(int argc, char **argv)
{
	char *path = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	int i;

	if (argc != 2 || path == MAP_FAILED)
		return 99;
	for (i = 0; i < 23; i++) {
		snprintf(path, 4096, "%s/%d", argv[1], i);
		if (i < 20)
			syscall(SYS_unlink, path);
		else
			unlink_ia32(path);
	}
	return 3;
}
