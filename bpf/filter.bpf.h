/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What is wanted. Knobs are set once, before load, so that the verifier removes
 * what is not asked for; only the set of processes changes while running.
 */
#pragma once

#include "kernel.bpf.h"
#include "events.h"

const volatile __u32 only_uid_set = 0;
const volatile __u32 only_uid = 0;
const volatile __u32 only_comm_set = 0;
const volatile char only_comm[TASK_COMM] __attribute__((aligned(8))) = {};
/* bits of it that count: up to its end, and the NUL behind that */
const volatile char only_comm_mask[TASK_COMM] __attribute__((aligned(8))) = {};
/* 1: only the processes and threads in `wanted_pids`; 2: and what descends from them */
const volatile __u32 only_pids = 0;

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, pid_nr);
	__type(value, __u32);
} wanted_pids SEC(".maps");

/* Threads of Ringward that are making a hook fire, and what they start. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, pid_nr);
	__type(value, __u32);
} canaries SEC(".maps");

/* values of it */
#define CANARY_THREAD 1		/* user space's own, which takes it away again */
#define CANARY_CHILD 2
#define CANARY_PROOF 3		/* a thread, too, whose loads and requests are refused (guard_event.bpf.h) */

/* How many of them there are: of the one kind by user space, of the other by this part. Most of the time there is none. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, CANARY_CHILD + 1);
	__type(key, __u32);
	__type(value, __u32);
} canaries_living SEC(".maps");

static __always_inline bool any_canary(void)
{
	__u32 thread = CANARY_THREAD, child = CANARY_CHILD;
	__u32 *threads = bpf_map_lookup_elem(&canaries_living, &thread);
	__u32 *children = bpf_map_lookup_elem(&canaries_living, &child);

	return !threads || !children || *threads || *children;
}

static __always_inline bool is_canary(pid_nr tid)
{
	return any_canary() && bpf_map_lookup_elem(&canaries, &tid);
}

static void canary_begins(pid_nr tid)
{
	__u32 child = CANARY_CHILD, *living = bpf_map_lookup_elem(&canaries_living, &child);

	if (living && !bpf_map_update_elem(&canaries, &tid, &child, BPF_NOEXIST))
		__sync_fetch_and_add(living, 1);
}

static void canary_ends(pid_nr tid)
{
	__u32 child = CANARY_CHILD, *living, *kind;

	if (!any_canary())
		return;
	living = bpf_map_lookup_elem(&canaries_living, &child);
	kind = bpf_map_lookup_elem(&canaries, &tid);
	if (living && kind && *kind == CANARY_CHILD && !bpf_map_delete_elem(&canaries, &tid))
		__sync_fetch_and_sub(living, 1);
}

/* By process or by thread, as ringward.events.filter has it. */
static bool pid_wanted(pid_nr pid, pid_nr tid)
{
	return !only_pids || bpf_map_lookup_elem(&wanted_pids, &pid) ||
	       (tid != pid && bpf_map_lookup_elem(&wanted_pids, &tid));
}

static void count_filtered(void)
{
	struct counters *c = counters_get();

	if (c)
		__sync_fetch_and_add(&c->filtered, 1);
}

/* Whether user and name of a task are wanted: what it can change while a call is under way. */
static __always_inline bool task_named(struct task_struct *task)
{
	const volatile __u64 *wanted = (const volatile __u64 *)only_comm, *mask = (const volatile __u64 *)only_comm_mask;
	__u64 *comm = (__u64 *)task->comm;

	if (only_uid_set && task->cred->uid.val != only_uid)
		return false;
	return !only_comm_set || (((comm[0] ^ wanted[0]) & mask[0]) | ((comm[1] ^ wanted[1]) & mask[1])) == 0;
}

/* Whether the filters let a task pass: process, user, name. */
static __always_inline bool task_matches(struct task_struct *task)
{
	return pid_wanted(task->tgid, task->pid) && task_named(task);
}

/* Whether an event of this task is wanted at all. */
static bool task_passes(struct task_struct *task)
{
	return task_matches(task) || is_canary(task->pid);
}

/* The same; a false is counted. */
static bool task_wanted(struct task_struct *task)
{
	if (task_passes(task))
		return true;
	count_filtered();
	return false;
}
