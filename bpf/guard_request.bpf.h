/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Which processes the kernel started to load a module that it asked for, and what
 * descends from them: the alias is kept with the task.
 */
#pragma once

#include "guard_facts.bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct text);
} guard_requests SEC(".maps");

/* How many could not be kept with their process: from then on a load without an alias may have one. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} guard_requests_lost SEC(".maps");

/* 1: the programs of guard_request.bpf.c are attached */
const volatile __u32 requests_joined = 0;

static struct text *request_of(struct task_struct *task)
{
	return bpf_task_storage_get(&guard_requests, task, 0, 0);
}

static __u64 *requests_lost(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&guard_requests_lost, &zero);
}
