/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Which threads are in a call of which something is kept. Nearly none is, and to ask the map that keeps it costs more
 * than all filters do: here are numbers of threads, each of all those whose addresses come to the same slot.
 */
#pragma once

#include "task.bpf.h"

/* `busy` of what is kept of a thread */
#define IDLE 0
#define IN_CALL 1
#define NOT_WANTED 2		/* in a call that is not told or counted when it returns */

/* Of a thread from its beginning to its end. Its number is not: one that execs takes that of the first (de_thread()). */
typedef __u64 thread_key;

static __always_inline thread_key thread_key_of(struct task_struct *task)
{
	return (__u64)task;
}

#define BUSY_BITS 12

/* A slot's threads that are not IDLE. */
__u32 busy_threads[1 << BUSY_BITS];

/* The verifier lets nothing but a difference be made of an address; 2^32 over the golden ratio spreads that. */
static __always_inline __u32 busy_slot(struct task_struct *task)
{
	__u64 number;

	asm volatile("%0 -= %1" : "=r"(number) : "r"(busy_threads), "0"(task));
	return (__u32)number * 2654435769U >> (32 - BUSY_BITS);
}

/* False: nothing is kept of a call that the thread is in. */
static __always_inline bool may_be_busy(struct task_struct *task)
{
	return *(volatile __u32 *)&busy_threads[busy_slot(task)];
}

static __always_inline void busy_count(struct task_struct *task, __u32 more)
{
	__sync_fetch_and_add(&busy_threads[busy_slot(task)], more);
}

/* Only the thread itself changes what is kept of it. */
static __always_inline void busy_set(__u32 *busy, struct task_struct *task, __u32 state)
{
	if (*busy == IDLE && state != IDLE)
		busy_count(task, 1);
	else if (*busy != IDLE && state == IDLE)
		busy_count(task, -1);
	*(volatile __u32 *)busy = state;
}
