/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Who does it: the facts of a decision that the task gives; and how a load came about. */
#pragma once

#include "guard_decide.bpf.h"
#include "guard_request.bpf.h"
#include "task.bpf.h"

/* include/linux/proc_ns.h: PROC_CGROUP_INIT_INO, PROC_USER_INIT_INO */
#define CGROUP_NS_INIT 0xeffffffbu
#define USER_NS_INIT 0xeffffffdu

#define ANCESTORS 16		/* that are looked at for the one that loads modules for the system */
#define ORIGIN_PROGRAMS 8

struct origin_program {
	struct pattern path;
	__u32 origin;		/* enum origin */
	__u32 pad;
};

/* Programs whose loads, and whose descendants' loads, have an origin of their own; written once, before load. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, ORIGIN_PROGRAMS);
	__type(key, __u32);
	__type(value, struct origin_program);
} guard_origins SEC(".maps");

/* As path_step() of path.bpf.h, but the names are kept where the kernel has them. */
static long part_step(__u32 i, struct facts **context)
{
	struct path_walk_state *w = &(*context)->walk.path;
	struct dentry *dentry = (void *)w->dentry, *parent = BPF_CORE_READ(dentry, d_parent);
	struct vfsmount *vfsmnt = (void *)w->vfsmnt;
	struct mount *mnt, *up;
	__u32 n = w->count;

	if (!parent)
		return 1;
	if (parent == dentry || BPF_CORE_READ(vfsmnt, mnt_root) == dentry) {
		mnt = (void *)vfsmnt - bpf_core_field_offset(struct mount, mnt);
		up = BPF_CORE_READ(mnt, mnt_parent);
		if (up == mnt) {
			w->whole = 1;
			/* A file without a directory (memfd) is its own parent and has a name. */
			if (!n && parent == dentry) {
				w->name[0] = (__u64)BPF_CORE_READ(dentry, d_name.name);
				w->count = 1;
			}
			return 1;
		}
		w->dentry = (__u64)BPF_CORE_READ(mnt, mnt_mountpoint);
		w->vfsmnt = (__u64)up + bpf_core_field_offset(struct mount, mnt);
		return 0;
	}
	if (n >= PROGRAM_COMPONENTS)
		return 1;
	w->name[n] = (__u64)BPF_CORE_READ(dentry, d_name.name);
	w->count = n + 1;
	w->dentry = (__u64)parent;
	return 0;
}

static long join_step(__u32 i, struct facts **context)
{
	struct path_walk_state *w = &(*context)->walk.path;
	__u32 n = w->count, at = w->len;
	long len;

	if (i >= n || at > TEXT_WORDS * 8)
		return 1;
	n -= i + 1;
	if (n >= PROGRAM_COMPONENTS)
		return 1;
	w->text[at & (2 * TEXT_WORDS * 8 - 1)] = '/';
	at++;
	len = bpf_probe_read_kernel_str(&w->text[at & (2 * TEXT_WORDS * 8 - 1)], PATH_PART, (void *)w->name[n]);
	if (len <= 0) {
		w->whole = 0;
		return 1;
	}
	w->len = at + len - 1;
	return 0;
}

/* The path of a file in `t`; of one that is longer than `t`, its beginning, and a length that says so. */
static void path_read(struct facts *f, struct text *t, struct file *file)
{
	struct path_walk_state *w = &f->walk.path;
	struct facts *context = f;

	text_unread(t);
	w->count = w->len = w->whole = 0;
	w->dentry = (__u64)BPF_CORE_READ(file, f_path.dentry);
	w->vfsmnt = (__u64)BPF_CORE_READ(file, f_path.mnt);
	if (!w->dentry || !w->vfsmnt)
		return;
	bpf_loop(2 * PROGRAM_COMPONENTS, part_step, &context, 0);
	if (!w->whole)
		return;
	bpf_loop(PROGRAM_COMPONENTS, join_step, &context, 0);
	if (w->whole && w->len)
		text_set(t, w->text, w->len, false);
}

static __noinline void subject_set(struct facts *f, struct task_struct *task)
{
	struct nsproxy *ns = task->nsproxy;
	struct mm_struct *mm = task->mm;

	f->uid = task->cred->uid.val;
	f->kernel_thread = !!(task->flags & PF_KTHREAD);
	f->known = FACT_UID | FACT_KERNEL_THREAD;
	/* NULL in a task that is past exit_task_namespaces(). */
	if (ns) {
		f->container = task->thread_pid->level || ns->cgroup_ns->ns.inum != CGROUP_NS_INIT ||
			       task->cred->user_ns->ns.inum != USER_NS_INIT;
		f->known |= FACT_CONTAINER;
	}
	text_unread(&f->program);
	if (f->kernel_thread)
		f->program.read = 1;
	else if (mm)
		path_read(f, &f->program, BPF_CORE_READ(mm, exe_file));
}

/* Reads paths into f->alias, which is set afterwards. */
static long origin_step(__u32 i, struct facts **context)
{
	struct facts *f = *context;
	struct task_struct *task = (void *)f->walk.task;
	struct origin_program *known;
	__u32 k;

	if (!task || BPF_CORE_READ(task, flags) & PF_KTHREAD)
		return 1;
	path_read(f, &f->alias, BPF_CORE_READ(task, mm, exe_file));
	if (!f->alias.read)
		f->walk.origin_unread = 1;
	for (k = 0; k < ORIGIN_PROGRAMS; k++) {
		__u32 key = k;

		known = bpf_map_lookup_elem(&guard_origins, &key);
		if (known && known->path.len && pattern_matches(&known->path, &f->alias)) {
			f->origin = known->origin;
			return 1;
		}
	}
	f->walk.task = (__u64)BPF_CORE_READ(task, real_parent);
	return 0;
}

/* How a load of this task came about: src/ringward/sensor/origin.py is the same for events. */
static __noinline void origin_set(struct facts *f, struct task_struct *task)
{
	struct facts *context = f;
	struct text *alias = request_of(task);
	__u64 *lost = requests_lost();
	bool joined = requests_joined && lost && !*lost;

	if (alias) {
		f->alias = *alias;
		f->origin = ORIGIN_REQUEST;
		f->known |= FACT_ORIGIN;
		return;
	}
	f->walk.task = (__u64)task;
	f->walk.origin_unread = 0;
	f->origin = ORIGIN_COMMAND;
	bpf_loop(ANCESTORS, origin_step, &context, 0);
	if (root_is_initramfs(task))
		f->origin = ORIGIN_BOOT;
	if (f->origin != ORIGIN_COMMAND || !f->walk.origin_unread)
		f->known |= FACT_ORIGIN;
	/* Where a request was not joined to the process that was started for it, "none" is not known. */
	text_unread(&f->alias);
	f->alias.read = joined;
	if (!joined && f->origin == ORIGIN_COMMAND)
		f->known &= ~FACT_ORIGIN;
}

/* For what has no image, parameters, flags or alias. */
static void facts_none(struct facts *f)
{
	f->flags = 0;
	text_unread(&f->name);
	text_unread(&f->alias);
	parameters_unread(f);
}
