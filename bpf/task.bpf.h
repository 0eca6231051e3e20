/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The context that every record carries: which task, in which namespaces and cgroup. */
#pragma once

#include "buffer.bpf.h"
#include "filter.bpf.h"

static void task_fill(struct task *t, struct task_struct *task)
{
	struct task_struct *leader = task->group_leader, *parent = task->real_parent;
	const struct cred *cred = task->cred;
	struct nsproxy *ns = task->nsproxy;

	t->pid = task->tgid;
	t->tid = task->pid;
	t->start_time = leader->start_boottime;
	t->ppid = parent->tgid;
	t->parent_start_time = parent->group_leader->start_boottime;
	t->uid = cred->uid.val;
	t->gid = cred->gid.val;
	t->euid = cred->euid.val;
	t->egid = cred->egid.val;
	t->user_ns = cred->user_ns->ns.inum;
	t->loginuid = bpf_core_field_exists(task->loginuid) ? task->loginuid.val : -1;
	t->sessionid = bpf_core_field_exists(task->sessionid) ? task->sessionid : -1;
	/* NULL in a task that is past exit_task_namespaces(). */
	t->mnt_ns = ns ? ns->mnt_ns->ns.inum : 0;
	t->pid_ns = ns ? ns->pid_ns_for_children->ns.inum : 0;
	t->net_ns = ns ? ns->net_ns->ns.inum : 0;
	t->cgroup = task->cgroups->dfl_cgrp->kn->id;
	t->flags = task->flags & PF_KTHREAD ? FLAG_KTHREAD : 0;
	if (!bpf_core_field_exists(task->loginuid) || !bpf_core_field_exists(task->sessionid))
		t->flags |= FLAG_NO_AUDIT;
	if (is_canary(task->pid))
		t->flags |= FLAG_CANARY;
	bpf_probe_read_kernel(t->comm, sizeof(t->comm), task->comm);
}

/* Place, number and time of a record, as it is made. */
static void header_stamp(struct record *r)
{
	r->h.cpu = bpf_get_smp_processor_id();
	r->h.seq = next_seq();
	r->h.time = bpf_ktime_get_boot_ns();
}

static void header_fill(struct record *r, __u32 kind, __u32 hook, struct task_struct *task, __u32 size)
{
	r->len = size;
	r->h.kind = kind;
	r->h.hook = hook;
	r->h.abi = ABI_64;
	header_stamp(r);
	task_fill(&r->h.task, task);
}

static bool is_compat(struct task_struct *task)
{
	return task->thread_info.status & TS_COMPAT;
}

/* init/do_mounts.c: the type of the root file system before any other is mounted */
static bool root_is_initramfs(struct task_struct *task)
{
	char name[7] = {};

	bpf_probe_read_kernel(name, sizeof(name), BPF_CORE_READ(task, fs, root.mnt, mnt_sb, s_type, name));
	return name[0] == 'r' && name[1] == 'o' && name[2] == 'o' && name[3] == 't' && name[4] == 'f' &&
	       name[5] == 's' && !name[6];
}
