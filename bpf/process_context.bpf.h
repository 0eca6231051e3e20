/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Who a process is: its program, arguments, directories and cgroup. Where no process is followed from its start,
 * this is told just before the first event of a process that is told of, and of its ancestors with it.
 */
#pragma once

#include "task.bpf.h"
#include "path.bpf.h"

#define ARGS_MAX 2048
#define CONTEXT_ANCESTORS 16	/* as ANCESTORS of sensor/process_table.py */
#define CONTEXTS_TOLD 4096

/* 1: who causes an event is told before it, as far as somebody reads that */
const volatile __u32 tells = 0;

/* Who reads it: any number that no earlier reader had; 0: nobody, processes are followed. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} context_reader SEC(".maps");

struct context_key {
	ktime_ns start_time;
	pid_nr pid;
	__u32 pad;
};

/* What was told of a process. */
struct context_told {
	__u64 reader;
	__u64 exec_id;		/* of its program: the next one has another */
	__u32 whole;		/* with arguments */
	__u32 pad;
};

/* What drops out of it is told once more. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, CONTEXTS_TOLD);
	__type(key, struct context_key);
	__type(value, struct context_told);
} contexts_told SEC(".maps");

/* From the memory of the current process. */
static str_list_loc args_append(struct record *r, unsigned long start, unsigned long end)
{
	__u32 off = r->len, len, truncated = 0;

	if (off >= RECORD_MAX - ARGS_MAX)
		return unread(UNREAD_NO_ROOM);
	len = end - start;
	if (end - start > ARGS_MAX) {
		len = ARGS_MAX;
		truncated = 1 << 15;
	}
	if (!len)
		return unread(UNREAD_NULL);
	len = (len - 1) & (ARGS_MAX - 1);
	len++;
	/* Its bound is made again where it is used: Linux 6.1's verifier forgets that of 32 bits on the stack. */
	asm volatile("" : "+r"(off));
	if (bpf_probe_read_user(&r->data[off & (RECORD_MAX - ARGS_MAX - 1)], len & (2 * ARGS_MAX - 1), (void *)start))
		return unread(UNREAD_FAULT);
	r->len = off + len;
	return off << 16 | truncated | len;
}

/* `typed`: the verifier knows what `kn` points at. */
static __always_inline struct kernfs_node *kernfs_parent(struct kernfs_node *kn, bool typed)
{
	struct kernfs_node___v615 *v615 = (void *)kn;

	if (bpf_core_field_exists(v615->__parent))
		return typed ? v615->__parent : READ(v615, __parent);
	return typed ? kn->parent : READ(kn, parent);
}

static __always_inline path_loc cgroup_append(struct record *r, struct kernfs_node *kn, bool typed)
{
	__u32 off = r->len, i;

	if (off >= RECORD_MAX)
		return unread(UNREAD_NO_ROOM);
	for (i = 0; i < 12; i++) {
		struct kernfs_node *parent = kernfs_parent(kn, typed);

		/* The hierarchy's root has no parent and an empty name. */
		if (!parent)
			break;
		if (!str_is_read(str_kernel(r, typed ? kn->name : READ(kn, name))))
			break;
		kn = parent;
	}
	return off << 16 | (i == 12 ? 1 << 15 : 0) | ((r->len - off) & 0x7fff);
}

/* Of the task only who it is: it has done nothing. */
static void context_header(struct record *r, struct task_struct *task, const struct context_key *key)
{
	struct task_struct *parent = READ(task, real_parent), *leader = READ(task, group_leader);
	struct task *t = &r->h.task;

	r->len = sizeof(struct process_exec);
	r->h.kind = KIND_PROCESS_EXEC;
	r->h.hook = HOOK_NONE;
	r->h.abi = ABI_64;
	header_stamp(r);
	__builtin_memset(t, 0, sizeof(*t));
	t->pid = t->tid = key->pid;
	t->start_time = key->start_time;
	t->ppid = READ(parent, tgid);
	t->parent_start_time = BPF_CORE_READ(parent, group_leader, start_boottime);
	bpf_probe_read_kernel(t->comm, sizeof(t->comm), leader->comm);
}

/* No exec: it has no path that was asked for. */
static void context_fill(struct record *r, struct task_struct *task, bool whole)
{
	struct process_exec *x = (void *)r->data;
	struct mm_struct *mm = READ(task, mm);
	struct fs_struct *fs = READ(task, fs);

	x->old_uid = x->old_gid = x->old_euid = x->old_egid = -1;
	x->old_unread = UNREAD_NO_ENTRY;
	x->argc = 0;
	x->pad = 0;
	x->path = x->path_kernel = x->interpreter = x->root = unread(UNREAD_NOT_NEEDED);
	file_fill(r, &x->exe, READ(mm, exe_file));
	x->cwd = path_append(r, BPF_CORE_READ(fs, pwd.dentry), BPF_CORE_READ(fs, pwd.mnt));
	x->cgroup_path = cgroup_append(r, BPF_CORE_READ(task, cgroups, dfl_cgrp, kn), false);
	x->args = whole ? args_append(r, READ(mm, arg_start), READ(mm, arg_end)) : unread(UNREAD_NO_COPY);
}

/*
 * Tell of one process, by the address of a task of it; `whole`: it is the current one, whose memory can be read.
 * 0: it is a thread of the kernel, and so are its ancestors. A global function: the verifier looks at it once.
 */
__noinline int context_tell(__u64 address, __u32 whole)
{
	struct task_struct *task = (void *)address, *leader;
	struct context_told *told, now = { .whole = whole };
	struct context_key key = {};
	__u64 *reader;
	struct record *r;
	__u32 zero = 0;
	long lost;

	reader = tells ? bpf_map_lookup_elem(&context_reader, &zero) : 0;
	/* A thread of the kernel is there as long as the kernel is, and has no program. */
	if (!reader || !*reader || READ(task, flags) & PF_KTHREAD || !READ(task, mm))
		return 0;
	leader = READ(task, group_leader);
	key.pid = READ(task, tgid);
	key.start_time = READ(leader, start_boottime);
	now.reader = *reader;
	now.exec_id = READ(task, self_exec_id);
	told = bpf_map_lookup_elem(&contexts_told, &key);
	if (told && told->reader == now.reader && told->exec_id == now.exec_id && told->whole >= whole)
		return 1;
	r = slot_claim();
	if (!r)
		return 1;
	context_header(r, task, &key);
	context_fill(r, task, whole);
	lost = record_output(r, false);
	slot_release(r);
	/* What was lost is told before the next event. */
	if (!lost)
		bpf_map_update_elem(&contexts_told, &key, &now, BPF_ANY);
	return 1;
}

/*
 * Tell who the current process is, and its ancestors, as far as that was not told before. Each is looked at: one
 * whose descendant is known can be another program by now.
 */
__noinline int caller_tell(void)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	__u32 i;

	if (!tells || is_canary(bpf_get_current_pid_tgid()))
		return 0;
	for (i = 0; i < CONTEXT_ANCESTORS; i++) {
		if (!context_tell((__u64)task, !i))
			break;
		task = BPF_CORE_READ(task, real_parent);
	}
	return 0;
}

static __always_inline void tell_caller(void)
{
	if (tells)
		caller_tell();
}
