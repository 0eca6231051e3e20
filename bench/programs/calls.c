/* calls COUNT RATE: create_module() COUNT times, each with another name; RATE a second, 0: as fast as it goes. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "clock.h"

int main(int argc, char **argv)
{
	long count = atol(argv[1]), rate = atol(argv[2]), i;
	long long start = now();
	char name[32];

	for (i = 0; i < count; i++) {
		if (rate)
			while (now() - start < i * (1000000000LL / rate))
				;
		snprintf(name, sizeof(name), "module_%06lx", i);
		syscall(174, name, i, 4096 + i % 977, 0600 + i % 64, i % 64);
	}
	printf("%lld\n", now() - start);
}
