/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The summary of system calls, kept here: nothing is sent, user space reads the sums.
 *
 * The programs run with preemption disabled (include/linux/tracepoint.h; from Linux 6.13 on, include/trace/bpf_probe.h)
 * and in tasks alone: what belongs to one CPU is written by one of them at a time.
 */
#pragma once

#include "syscall_plan.bpf.h"

struct call_count *struct_call_count __attribute__((unused));

/* 1: calls are counted and not told */
const volatile __u32 counting = 0;

/* The key is that of `call_plans`; user space makes room for those that are wanted, up to a limit. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct call_count);
} call_counts SEC(".maps");

/* What a count begins as. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct call_count);
} call_counts_blank SEC(".maps");

/* The call that a thread is in: thread -> since when, and which. */
struct call_entry {
	ktime_ns entered;	/* CLOCK_MONOTONIC */
	__u32 key;
	__u32 busy;		/* IDLE, IN_CALL, NOT_WANTED */
};

struct call_entry *struct_call_entry __attribute__((unused));

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, thread_key);
	__type(value, struct call_entry);
} call_entries SEC(".maps");

static __always_inline __u32 bucket_of(__u64 ns)
{
	__u32 power = COUNT_LOW, i;

	if (!(ns >> COUNT_LOW))
		return ns >> (COUNT_LOW - 2);
	if (ns >> COUNT_HIGH)
		return COUNT_BUCKETS - 1;
	for (i = 16; i; i >>= 1)
		if (ns >> (power + i))
			power += i;
	return (power - COUNT_LOW + 1) * 4 + ((ns >> (power - 2)) & 3);
}

static struct call_count *count_of(__u32 key)
{
	struct call_count *count = bpf_map_lookup_elem(&call_counts, &key), *blank;
	struct counters *all;
	__u32 zero = 0;

	if (count)
		return count;
	blank = bpf_map_lookup_elem(&call_counts_blank, &zero);
	if (blank)
		bpf_map_update_elem(&call_counts, &key, blank, BPF_NOEXIST);
	count = bpf_map_lookup_elem(&call_counts, &key);
	if (!count && (all = counters_get()))
		__sync_fetch_and_add(&all->uncounted, 1);
	return count;
}

static __always_inline void count_add(__u32 key, bool failed, bool timed, __u64 ns)
{
	struct call_count *count = count_of(key);
	__u32 bucket;

	if (!count)
		return;
	count->calls++;
	count->errors += failed;
	if (!timed)
		return;
	count->timed++;
	count->time += ns;
	if (ns > count->longest)
		count->longest = ns;
	bucket = bucket_of(ns);
	if (bucket < COUNT_BUCKETS)
		count->buckets[bucket]++;
}

/* Keep of a thread which call it is in. */
static __always_inline void entry_keep(struct call_entry *entry, struct task_struct *task, __u32 key, __u32 busy)
{
	struct call_entry first = {};
	thread_key thread = thread_key_of(task);

	if (entry) {
		entry->key = key;
		busy_set(&entry->busy, task, busy);
		entry->entered = bpf_ktime_get_ns();
		return;
	}
	first.key = key;
	first.busy = busy;
	first.entered = bpf_ktime_get_ns();
	if (bpf_map_update_elem(&call_entries, &thread, &first, BPF_NOEXIST))
		count_unpaired();
	else
		busy_count(task, 1);
}

static __always_inline void count_enter(struct call *c, struct call_plan *plan, struct task_struct *task)
{
	thread_key thread = thread_key_of(task);

	if (!(plan->flags & CALL_NO_RETURN))
		entry_keep(bpf_map_lookup_elem(&call_entries, &thread), task, key_of(c), IN_CALL);
	else if (!(plan->flags & CALL_FAILED))
		count_add(key_of(c), false, false, 0);
}

static __always_inline bool is_exec(__u32 key)
{
	struct call_plan *plan = bpf_map_lookup_elem(&call_plans, &key);

	return plan && plan->flags & CALL_EXECS;
}

static __always_inline void count_exit(struct call *c, struct call_plan *plan, struct task_struct *task,
				       struct pt_regs *regs, long ret)
{
	struct call_entry *entry = 0;
	thread_key thread = thread_key_of(task);
	bool timed = false;
	__u32 key = key_of(c);
	__u64 ns = 0;

	if (may_be_busy(task))
		entry = bpf_map_lookup_elem(&call_entries, &thread);
	if (entry && entry->busy == NOT_WANTED && entry->key == key) {
		busy_set(&entry->busy, task, IDLE);
		return;
	}
	if (entry && entry->busy == IN_CALL && plan->flags & CALL_EXECS && is_exec(entry->key))
		key = entry->key;	/* as call_sys_exit() has it */
	if (entry && entry->busy == IN_CALL && entry->key == key) {
		busy_set(&entry->busy, task, IDLE);
		ns = bpf_ktime_get_ns() - entry->entered;
		timed = true;
	} else if (is_childs(plan, ret) || !names_wanted(task) || !call_wanted(c, plan, regs)) {
		return;
	}
	if (plan->flags & CALL_FAILED && ret >= 0) {
		call_filtered();
		return;
	}
	count_add(key, ret < 0 && ret >= -MAX_ERRNO, timed, ns);
}

/* As call_execs() has it. `returns`: the plan of the call as which it returns, which is `c`; 0: that is not counted. */
static __always_inline void count_exec(struct call *c, struct call_plan *returns, struct task_struct *task)
{
	thread_key thread = thread_key_of(task);
	struct call_entry *entry = bpf_map_lookup_elem(&call_entries, &thread);
	bool entered = entry && entry->busy == IN_CALL;
	struct call_plan *plan;
	__u32 key;

	if (entered) {
		key = entry->key;
		plan = bpf_map_lookup_elem(&call_plans, &key);
		if (plan && plan->flags & CALL_FAILED)
			call_filtered();
		else if (plan && plan->flags & CALL_EXECS)
			count_add(key, false, true, bpf_ktime_get_ns() - entry->entered);
		busy_set(&entry->busy, task, IDLE);
	}
	if (returns && (entered || may_have_begun_unwanted(returns)))
		entry_keep(entry, task, key_of(c), NOT_WANTED);
}

/* Forget a thread that ends, maybe in a call. */
static __always_inline void count_thread_end(struct task_struct *task)
{
	thread_key thread = thread_key_of(task);
	struct call_entry *entry = bpf_map_lookup_elem(&call_entries, &thread);

	if (!entry)
		return;
	busy_set(&entry->busy, task, IDLE);
	bpf_map_delete_elem(&call_entries, &thread);
}
