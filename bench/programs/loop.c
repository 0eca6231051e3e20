/* loop CALLS TIMES: getppid() CALLS times in a row, TIMES times; prints nanoseconds of the shortest such row. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "clock.h"

int main(int argc, char **argv)
{
	long calls = atol(argv[1]), times = atol(argv[2]), i;
	long long best = -1;

	while (times--) {
		long long start = now(), took;

		for (i = 0; i < calls; i++)
			syscall(SYS_getppid);
		took = now() - start;
		if (best < 0 || took < best)
			best = took;
	}
	printf("%lld\n", best);
}
