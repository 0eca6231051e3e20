/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Which files are protected, how they come to be, and what an access to one is judged by. */
#pragma once

#include "guard_self.bpf.h"

/* include/linux/fs.h */
#define FMODE_WRITE 2
#define O_TRUNC 01000
#define S_IFMT 0170000
#define S_IFBLK 0060000
#define S_IFCHR 0020000
/* drivers/char/mem.c: devlist; major 1, and these minors. */
#define MEM_MAJOR 1
#define DEV_MEM 1
#define DEV_KMEM 2
#define DEV_PORT 4

static struct dentry *file_dentry(struct file *file)
{
	return BPF_CORE_READ(file, f_path.dentry);
}

/* The thread is telling the guard what to protect: by opening it for reading. */
static __noinline void enroll(struct file *file, __u32 tid)
{
	__u32 *wanted = bpf_map_lookup_elem(&self_enrolling, &tid), flags, zero = 0;
	struct task_struct *task = bpf_get_current_task_btf();
	struct object_id id;
	struct scope *scope;

	if (!wanted)
		return;
	flags = *wanted;
	object_of(&id, BPF_CORE_READ(file, f_inode));
	scope = bpf_map_lookup_elem(&self_scope, &zero);
	if (scope && flags & OBJECT_ROOT) {
		scope->root = id;
		scope->mnt = mount_id(BPF_CORE_READ(file, f_path.mnt));
		scope->mnt_ns = BPF_CORE_READ(task, nsproxy, mnt_ns, ns.inum);
	}
	wanted = bpf_map_lookup_elem(&self_objects, &id);
	if (wanted)
		flags |= *wanted;
	/* Left there where it fails: user space looks whether it is gone. */
	if (!bpf_map_update_elem(&self_objects, &id, &flags, BPF_ANY))
		bpf_map_delete_elem(&self_enrolling, &tid);
}

static bool name_is(struct dentry *dentry, __u64 first, __u64 second)
{
	__u64 name[2] = {};

	bpf_probe_read_kernel_str(name, sizeof(name), BPF_CORE_READ(dentry, d_name.name));
	return name[0] == first && name[1] == second;
}

/* Up to eight bytes of a name as the number that they are in memory. */
#define NAME8(a, b, c, d, e, f, g, h)                                                                   \
	((__u64)(a) | (__u64)(b) << 8 | (__u64)(c) << 16 | (__u64)(d) << 24 | (__u64)(e) << 32 |        \
	 (__u64)(f) << 40 | (__u64)(g) << 48 | (__u64)(h) << 56)

/*
 * kernel.ftrace_enabled, kprobes/enabled and sched/preempt. By name: the inodes of /proc/sys do not last, and
 * each mount of these file systems shows the same.
 */
static __noinline bool is_switch(struct dentry *dentry)
{
	struct dentry *parent = BPF_CORE_READ(dentry, d_parent);
	__u32 magic = magic_of(dentry);

	if (magic == PROC_SUPER_MAGIC)
		return name_is(dentry, NAME8('f', 't', 'r', 'a', 'c', 'e', '_', 'e'),
			       NAME8('n', 'a', 'b', 'l', 'e', 'd', 0, 0)) &&
		       name_is(parent, NAME8('k', 'e', 'r', 'n', 'e', 'l', 0, 0), 0);
	if (magic != DEBUGFS_MAGIC)
		return false;
	return (name_is(dentry, NAME8('e', 'n', 'a', 'b', 'l', 'e', 'd', 0), 0) &&
		name_is(parent, NAME8('k', 'p', 'r', 'o', 'b', 'e', 's', 0), 0)) ||
	       (name_is(dentry, NAME8('p', 'r', 'e', 'e', 'm', 'p', 't', 0), 0) &&
		name_is(parent, NAME8('s', 'c', 'h', 'e', 'd', 0, 0, 0), 0));
}

static __u32 file_object(struct dentry *dentry)
{
	return magic_of(dentry) == BPF_FS_MAGIC ? SELF_PIN : SELF_FILE;
}

/* What of the protected things a file is; -1: none. */
static __noinline int opened_object(struct file *file)
{
	struct inode *inode = BPF_CORE_READ(file, f_inode);
	struct dentry *dentry = file_dentry(file);
	__u32 type = BPF_CORE_READ(inode, i_mode) & S_IFMT, dev = BPF_CORE_READ(inode, i_rdev);
	struct number_id id = { .kind = NUMBER_DEVICE, .number = dev };

	if (type == S_IFBLK)
		return bpf_map_lookup_elem(&self_numbers, &id) ? SELF_DEVICE : -1;
	if (type == S_IFCHR)
		return dev == (MEM_MAJOR << 20 | DEV_MEM) || dev == (MEM_MAJOR << 20 | DEV_KMEM) ||
		       dev == (MEM_MAJOR << 20 | DEV_PORT) ? SELF_MEMORY : -1;
	if (dentry_flags(dentry) & (OBJECT_FILE | OBJECT_TREE))
		return file_object(dentry);
	return is_switch(dentry) ? SELF_SWITCH : -1;
}

/* A name that is made or taken away. */
static int name_judged(struct dentry *dentry, __u32 hook, __u32 access)
{
	struct touched t = { .hook = hook, .access = access, .dentry = dentry };

	if (!dentry_flags(dentry))
		return 0;
	/* A new name has no inode yet; its directory has the file system's. */
	t.object = file_object(BPF_CORE_READ(dentry, d_parent));
	return touched_judged(&t);
}

/* What a member removes or replaces is gone: its number will be another file's. */
static __noinline void forget(struct dentry *dentry)
{
	struct inode *inode = BPF_CORE_READ(dentry, d_inode);
	struct object_id id;

	if (!inode || BPF_CORE_READ(inode, i_nlink) > 1)
		return;
	object_of(&id, inode);
	bpf_map_delete_elem(&self_objects, &id);
}

/* The file that a member puts in a protected one's place is protected as that was. */
static __noinline void replaced(struct dentry *from, struct dentry *to)
{
	struct inode *inode = BPF_CORE_READ(from, d_inode);
	__u32 flags = inode_flags(BPF_CORE_READ(to, d_inode));
	struct object_id id;

	if (!flags || !inode)
		return;
	forget(to);
	object_of(&id, inode);
	bpf_map_update_elem(&self_objects, &id, &flags, BPF_ANY);
}
