/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * So many of an event a second, or one of so many, and no more: decided before a record is made, and counted. What is
 * counted is of one CPU, and written with preemption disabled: from tracepoints alone. Only for events of which nothing
 * else is made but what is shown.
 */
#pragma once

#include "kernel.bpf.h"

/* How many of an event are told. */
struct event_limit {
	__u64 passed;		/* second << 32 | how many passed in it */
	__u32 rate;		/* a second; 0: any number */
	__u32 every;		/* one of so many on each CPU; 0: all */
};

struct event_left_out {
	__u64 seen;
	__u64 left_out;
};

struct event_limit *struct_event_limit __attribute__((unused));
struct event_left_out *struct_event_left_out __attribute__((unused));

/* 0 is none. User space makes room for those that there are. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct event_limit);
} limits SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct event_left_out);
} left_out SEC(".maps");

#define LIMIT_TRIES 4

/* The second in the high half, how many passed in it in the low one: what changes at once is never half changed. */
static __always_inline bool rate_passes(struct event_limit *limit)
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

/* Whether an event is told that all filters have let pass; `key`: of its limit. */
static __always_inline bool limit_passes(__u32 key)
{
	struct event_limit *limit;
	struct event_left_out *out;

	if (!key)
		return true;
	limit = bpf_map_lookup_elem(&limits, &key);
	out = bpf_map_lookup_elem(&left_out, &key);
	if (!limit || !out)
		return true;
	if ((!limit->every || out->seen++ % limit->every == 0) && (!limit->rate || rate_passes(limit)))
		return true;
	out->left_out++;
	return false;
}
