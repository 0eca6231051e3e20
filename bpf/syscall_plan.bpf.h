/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Which system calls are wanted, of whom: what user space says in a map, one entry for each number of each ABI.
 *
 * All system calls of the machine come by here, twice. What costs least is asked first, and what decides for most.
 */
#pragma once

#include "syscall_busy.bpf.h"

struct call_plan *struct_call_plan __attribute__((unused));

/* The process that watches: it does not watch itself. */
const volatile pid_nr watcher = 0;

/* Of each number the ABIs in which it is wanted, a bit each: most calls of a machine are done with here. */
const volatile __u8 wanted_numbers[CALL_NUMBERS] = {};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, CALL_ABIS * CALL_NUMBERS);
	__type(key, __u32);
	__type(value, struct call_plan);
} call_plans SEC(".maps");

struct call {
	__u32 abi;
	__u32 nr;
	__u64 args[CALL_ARGS];
};

/* of call_plans */
static __u32 key_of(struct call *c)
{
	return c->abi * CALL_NUMBERS + c->nr;
}

/*
 * The process that watches, and a child of it that has not yet become the program that is to be watched. Each new thread
 * has PF_FORKNOEXEC and its leader's parent (kernel/fork.c: copy_process()); what has been executed is said of the leader.
 */
static __always_inline bool is_own(struct task_struct *task, bool execs)
{
	if (!watcher)
		return false;
	if (task->tgid == watcher)
		return true;
	return task->flags & PF_FORKNOEXEC && !execs && task->real_parent->tgid == watcher &&
	       task->group_leader->flags & PF_FORKNOEXEC;
}

static __always_inline __u32 abi_of(struct task_struct *task, __u32 nr)
{
	return is_compat(task) ? ABI_IA32 : nr & X32_SYSCALL_BIT ? ABI_X32 : ABI_64;
}

/* In which ABIs, a bit each. The flag of x32 is above all numbers. */
static __always_inline __u32 number_wanted(__u32 nr)
{
	nr &= ~X32_SYSCALL_BIT;
	return nr < CALL_NUMBERS ? wanted_numbers[nr] : 0;
}

static __always_inline struct call_plan *plan_of(struct call *c, struct task_struct *task, __u32 nr)
{
	struct call_plan *plan;
	__u32 key;

	c->abi = abi_of(task, nr);
	c->nr = c->abi == ABI_X32 ? nr & ~X32_SYSCALL_BIT : nr;
	if (c->nr >= CALL_NUMBERS)
		return 0;
	key = key_of(c);
	plan = bpf_map_lookup_elem(&call_plans, &key);
	if (!plan || !(plan->flags & CALL_WANTED) || is_own(task, plan->flags & CALL_EXECS))
		return 0;
	return plan;
}

static __always_inline void args_take(struct call *c, struct pt_regs *regs)
{
	if (c->abi == ABI_IA32) {
		c->args[0] = (__u32)regs->bx;
		c->args[1] = (__u32)regs->cx;
		c->args[2] = (__u32)regs->dx;
		c->args[3] = (__u32)regs->si;
		c->args[4] = (__u32)regs->di;
		c->args[5] = (__u32)regs->bp;
	} else {
		c->args[0] = regs->di;
		c->args[1] = regs->si;
		c->args[2] = regs->dx;
		c->args[3] = regs->r10;
		c->args[4] = regs->r8;
		c->args[5] = regs->r9;
	}
}

static __always_inline bool number_matches(struct arg_plan *a, __u32 abi, __u64 wide, __u64 narrow)
{
	return !a->compare || ((abi == ABI_IA32 ? (__u32)narrow : wide) & a->mask) == a->value;
}

/* Registers are the same at entry and exit: both decide alike. As args_take() has them; that costs more. */
static __always_inline bool numbers_wanted(struct call_plan *plan, __u32 abi, struct pt_regs *regs)
{
	return number_matches(&plan->args[0], abi, regs->di, regs->bx) &&
	       number_matches(&plan->args[1], abi, regs->si, regs->cx) &&
	       number_matches(&plan->args[2], abi, regs->dx, regs->dx) &&
	       number_matches(&plan->args[3], abi, regs->r10, regs->si) &&
	       number_matches(&plan->args[4], abi, regs->r8, regs->di) &&
	       number_matches(&plan->args[5], abi, regs->r9, regs->bp);
}

/* Not 0: only this process or thread; it saves a look into `wanted_pids`. */
const volatile pid_nr only_pid = 0;
bool only_pid_ended;

/* By process or thread: the same for the whole of a call. */
static __always_inline bool caller_wanted(struct task_struct *task)
{
	if (only_pid)
		return (task->tgid == only_pid || task->pid == only_pid) && !only_pid_ended;
	return pid_wanted(task->tgid, task->pid);
}

/* Not 0: only tasks in this cgroup of the default hierarchy or below it, and how far that is below the root. */
const volatile __u64 only_cgroup = 0;
const volatile __u32 only_cgroup_level = 0;

/* What the filters ask of the task besides: it can change while a call is under way. */
static __always_inline bool names_wanted(struct task_struct *task)
{
	return task_named(task) &&
	       (!only_cgroup || bpf_get_current_ancestor_cgroup_id(only_cgroup_level) == only_cgroup);
}

/* What they ask of the call. */
static __always_inline bool call_wanted(struct call *c, struct call_plan *plan, struct pt_regs *regs)
{
	return !(plan->flags & CALL_COMPARES) || numbers_wanted(plan, c->abi, regs);
}

/* What a new thread returns from its parent's call, which is told of the parent. */
static __always_inline bool is_childs(struct call_plan *plan, long ret)
{
	return plan->flags & CALL_FORKS && !ret;
}

/* Whether a program that has just begun can be wanted where the one before it, which made the call, was not. */
static __always_inline bool may_have_begun_unwanted(struct call_plan *plan)
{
	return only_uid_set || only_comm_set || plan->flags & CALL_COMPARES;
}

/* Preemption is disabled, and no interrupt counts here: nobody else writes to this CPU's number meanwhile. */
static __always_inline void call_filtered(void)
{
	struct counters *count = counters_get();

	if (count)
		*(volatile __u64 *)&count->filtered += 1;
}

/* Of a call of a wanted number, before its plan was looked at; `abis`: those in which it is wanted. */
static __always_inline void caller_filtered(struct task_struct *task, __u32 nr, __u32 abis)
{
	if (abis & 1 << abi_of(task, nr) && !is_own(task, false))
		call_filtered();
}

static __always_inline void count_unpaired(void)
{
	struct counters *count = counters_get();

	if (count)
		__sync_fetch_and_add(&count->unpaired, 1);
}

/* Its number can be another process's from now on. */
static void caller_ends(struct task_struct *task)
{
	/* The first thread can end before the others; its number is the process's. */
	if (only_pid && (task->tgid == only_pid ? !task->signal->live.counter : task->pid == only_pid))
		only_pid_ended = true;
}
