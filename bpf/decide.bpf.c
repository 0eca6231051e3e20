// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * The decision alone, run by hand (BPF_PROG_TEST_RUN): it denies nothing. User space
 * writes the facts of a case into the first place of the pool and reads what came of it.
 */
#include "guard_decide.bpf.h"

SEC("syscall")
int decide_case(void *ctx)
{
	__u32 zero = 0;
	struct facts *f = bpf_map_lookup_elem(&guard_facts, &zero);

	if (!f)
		return -2;	/* ENOENT */
	decide(f);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
