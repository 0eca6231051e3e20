/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * So many of a system call a second, or one of so many, and no more: decided before a record is made, and counted. What
 * is counted is of one CPU, and written with preemption disabled.
 */
#pragma once

#include "syscall_plan.bpf.h"

struct call_limit *struct_call_limit __attribute__((unused));
struct call_left_out *struct_call_left_out __attribute__((unused));

/* By `limit` of a plan; 0 is none. User space makes room for those that there are. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct call_limit);
} call_limits SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct call_left_out);
} call_left_out SEC(".maps");

#define LIMIT_TRIES 4

/* The second in the high half, how many passed in it in the low one: what changes at once is never half changed. */
static __always_inline bool rate_passes(struct call_limit *limit)
{
	__u64 second = bpf_ktime_get_ns() / 1000000000, old, made;
	__u32 i;

	for (i = 0; i < LIMIT_TRIES; i++) {
		old = *(volatile __u64 *)&limit->passed;
		if (old >> 32 == (__u32)second) {
			if ((__u32)old >= limit->rate)
				return false;
			made = old + 1;
		} else {
			made = second << 32 | 1;
		}
		if (__sync_val_compare_and_swap(&limit->passed, old, made) == old)
			return true;
	}
	return false;
}

/* Whether a call is told that all filters have let pass. */
static __always_inline bool limit_passes(struct call_plan *plan)
{
	__u32 key = plan->limit;
	struct call_limit *limit;
	struct call_left_out *out;

	if (!key)
		return true;
	limit = bpf_map_lookup_elem(&call_limits, &key);
	out = bpf_map_lookup_elem(&call_left_out, &key);
	if (!limit || !out)
		return true;
	if ((!limit->every || out->seen++ % limit->every == 0) && (!limit->rate || rate_passes(limit)))
		return true;
	out->left_out++;
	return false;
}
