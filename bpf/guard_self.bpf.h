/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What the guard keeps from others, and who is no other: the maps that user space
 * fills (src/ringward/guard/protect.py), and the verdict.
 */
#pragma once

#include "guard_event.bpf.h"
#include "path.bpf.h"

#define EPERM 1
#define BELOW 8			/* directories that a file may be under a tree */
#define LAUNCH_BYTES 4096

/* include/uapi/linux/magic.h */
#define PROC_SUPER_MAGIC 0x9fa0
#define DEBUGFS_MAGIC 0x64626720
#define BPF_FS_MAGIC 0xcafe4a11

enum object {
	OBJECT_FILE = 1,	/* its content and its names */
	OBJECT_TREE = 2,	/* a directory, and all that is below it */
	OBJECT_ANCESTOR = 4,	/* a directory above a protected one: nothing takes its place */
	OBJECT_KEEPER = 8,	/* the native helper */
	OBJECT_INTERPRETER = 16,	/* what the helper may start in Ringward's name */
	OBJECT_ROOT = 32,	/* the root directory of those who guard */
};

/* A file, as long as its inode lives. */
struct object_id {
	__u64 inode;
	__u32 dev;
	__u32 pad;
};

enum number {
	NUMBER_MAP,
	NUMBER_PROGRAM,
	NUMBER_DEVICE,
};

/* What else is protected, by its number. */
struct number_id {
	__u32 kind;		/* enum number */
	__u32 number;		/* id; of a device the kernel's dev_t */
};

/* What a process is to the guard. */
enum standing {
	STANDING_OTHER,
	STANDING_KEEPER,	/* it runs the helper */
	STANDING_MEMBER,	/* it started the guard, or the helper started it */
};

/* Where those who guard live. */
struct scope {
	struct object_id root;
	__u32 mnt_ns;		/* 0: not known yet */
	__u32 mnt;		/* id of the root directory's mount */
};

/* Hooks that prove that they decide, each with a count of its own. */
enum self_hook {
	SELF_FILE_OPEN,
	SELF_PATH_TRUNCATE,
	SELF_INODE_UNLINK,
	SELF_INODE_RMDIR,
	SELF_INODE_RENAME,
	SELF_INODE_CREATE,
	SELF_INODE_MKDIR,
	SELF_INODE_SYMLINK,
	SELF_INODE_LINK,
	SELF_INODE_MKNOD,
	SELF_SB_MOUNT,
	SELF_MOVE_MOUNT,
	SELF_SB_UMOUNT,
	SELF_PTRACE_ACCESS_CHECK,
	SELF_BPF_MAP,
	SELF_BPF_PROG,
	SELF_HOOKS,
};

ENUM(self_access);
ENUM(self_object);
ENUM(object);
ENUM(number);
ENUM(standing);
ENUM(self_hook);
struct scope *struct_scope __attribute__((unused));

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct object_id);
	__type(value, __u32);		/* enum object */
} self_objects SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct number_id);
	__type(value, __u32);
} self_numbers SEC(".maps");

/* Thread -> flags that the next file it opens for reading gets: the kernel's own device and inode numbers. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, pid_nr);
	__type(value, __u32);
} self_enrolling SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, __u32);		/* enum standing */
} self_tasks SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct scope);
} self_scope SEC(".maps");

/* How often each hook has decided on a canary. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SELF_HOOKS);
	__type(key, __u32);
	__type(value, __u64);
} self_hits SEC(".maps");

/* What the helper starts: arguments, each with its NUL; read by native/keeper alone. */
struct launch {
	char arguments[LAUNCH_BYTES];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct launch);
} self_launch SEC(".maps");

/* One access to something protected. */
struct touched {
	struct dentry *dentry;	/* 0: no file */
	struct vfsmount *mnt;	/* 0: the hook does not know it */
	__u32 hook;		/* enum self_hook */
	__u32 access;		/* enum self_access */
	__u32 object;		/* enum self_object */
	__u32 target;
};

static __u32 standing_of(struct task_struct *task)
{
	__u32 *found = bpf_task_storage_get(&self_tasks, task, 0, 0);

	return found ? *found : STANDING_OTHER;
}

/* Threads are what their process is; a canary is always another. */
static bool is_member(void)
{
	struct task_struct *task = bpf_get_current_task_btf();

	return !is_canary(task->pid) && standing_of(task->group_leader) == STANDING_MEMBER;
}

static void object_of(struct object_id *id, struct inode *inode)
{
	id->inode = BPF_CORE_READ(inode, i_ino);
	id->dev = BPF_CORE_READ(inode, i_sb, s_dev);
	id->pad = 0;
}

static __u32 inode_flags(struct inode *inode)
{
	struct object_id id;
	__u32 *found;

	if (!inode)
		return 0;
	object_of(&id, inode);
	found = bpf_map_lookup_elem(&self_objects, &id);
	return found ? *found : 0;
}

/* Flags of a file; one that is below a tree is a protected file too. */
static __noinline __u32 dentry_flags(struct dentry *dentry)
{
	struct dentry *at = dentry, *parent;
	__u32 flags, i;

	if (!dentry)
		return 0;
	flags = inode_flags(BPF_CORE_READ(dentry, d_inode));
	for (i = 0; i < BELOW; i++) {
		parent = BPF_CORE_READ(at, d_parent);
		if (!parent || parent == at)
			break;
		if (inode_flags(BPF_CORE_READ(parent, d_inode)) & OBJECT_TREE)
			return flags | OBJECT_FILE;
		at = parent;
	}
	return flags;
}

static __u32 magic_of(struct dentry *dentry)
{
	return BPF_CORE_READ(dentry, d_inode, i_sb, s_magic);
}

static __u32 mount_id(struct vfsmount *vfsmnt)
{
	struct mount *mnt = (void *)vfsmnt - bpf_core_field_offset(struct mount, mnt);

	return BPF_CORE_READ(mnt, mnt_id);
}

static bool in_scope(void)
{
	struct task_struct *task = bpf_get_current_task_btf();
	__u32 zero = 0;
	struct scope *scope = bpf_map_lookup_elem(&self_scope, &zero);

	return scope && scope->mnt_ns && BPF_CORE_READ(task, nsproxy, mnt_ns, ns.inum) == scope->mnt_ns;
}

static void self_fill_file(struct record *r, struct file_id *id, const struct touched *t)
{
	struct dentry *dentry = t->dentry;
	struct inode *inode = BPF_CORE_READ(dentry, d_inode);

	id->dev = BPF_CORE_READ(inode, i_sb, s_dev);
	id->inode = BPF_CORE_READ(inode, i_ino);
	id->nlink = BPF_CORE_READ(inode, i_nlink);
	id->ctime = inode ? inode_ctime(inode) : 0;
	id->path = t->mnt ? path_append(r, dentry, t->mnt) : path_append_inside(r, dentry);
}

static __noinline void self_send(const struct touched *t, __u32 mode, bool allowed)
{
	struct self_verdict *x;
	struct record *r;

	tell_caller();
	r = slot_claim();
	if (!r)
		return;
	header_fill(r, KIND_SELF_VERDICT, HOOK_LSM, bpf_get_current_task_btf(), sizeof(*x));
	x = (void *)r->data;
	x->verdict.action = allowed ? ACTION_ALLOW : ACTION_DENY;
	x->verdict.level = LEVEL_DEFAULT;
	x->verdict.mode = mode;
	x->verdict.refused = !allowed && may_deny && mode == MODE_ENFORCE;
	x->verdict.fact_unread = 0;
	x->verdict.rule = unread(UNREAD_ABSENT);
	x->access = t->access;
	x->object = t->object;
	x->target = t->target;
	x->pad = 0;
	file_unread(&x->file, UNREAD_NO_FILE);
	if (t->dentry)
		self_fill_file(r, &x->file, t);
	record_submit(r, true);
}

/* The answer of a hook to an access to what is protected. */
static __noinline int touched_judged(const struct touched *t)
{
	struct task_struct *task = bpf_get_current_task_btf();
	__u32 mode = mode_now(OPERATION_SELF), key = t->hook;
	int refusal = -EPERM;
	__u64 *hits;

	/* Or the compiler computes the answer, and the verifier does not know its range (v6.12). */
	barrier_var(refusal);
	if (mode == MODE_OFF)
		return 0;
	if (is_canary(task->pid)) {
		hits = bpf_map_lookup_elem(&self_hits, &key);
		if (hits)
			__sync_fetch_and_add(hits, 1);
	} else if (standing_of(task->group_leader) == STANDING_MEMBER) {
		/* Who opens the database changes it; all else that a member does follows from that. */
		if (t->access == ACCESS_OPEN && t->object == SELF_FILE)
			self_send(t, mode, true);
		return 0;
	} else {
		self_send(t, mode, false);
	}
	return may_deny && mode == MODE_ENFORCE ? refusal : 0;
}
