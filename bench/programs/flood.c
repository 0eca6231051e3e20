/*
 * flood CALLS RATE: sched_get_priority_max() three times of four and a failing sched_get_priority_min(), RATE of both a
 * second; prints how many of each it made, and nanoseconds. Nobody else makes these two.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "clock.h"

#define BURST 200

int main(int argc, char **argv)
{
	long calls = atol(argv[1]), rate = atol(argv[2]), good = 0, bad = 0, i;
	long long start = now();

	for (i = 0; i < calls; i++) {
		if (i % BURST == 0)
			while (now() - start < (long long)(i * 1e9 / rate))
				;
		if (i % 4 == 3)
			bad += syscall(SYS_sched_get_priority_min, -1) < 0;
		else
			good += syscall(SYS_sched_get_priority_max, 1) > 0;
	}
	printf("%ld %ld %lld\n", good, bad, now() - start);
}
