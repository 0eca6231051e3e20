/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Files and paths, as the initial mount namespace sees them. Components are
 * written from the last to the first and joined in user space: bpf_d_path() is
 * refused in most hooks.
 */
#pragma once

#include "buffer.bpf.h"

#define PATH_COMPONENTS 48

/* include/linux/fs.h, since commit 4e40eff0b573 ("fs: add infrastructure for multigrain timestamps") (in v6.13) */
#define I_CTIME_QUERIED (1u << 31)

/*
 * 1: the kernel lets a program look at any structure as at its own memory, which costs a fraction of a helper's call.
 * Since commit a35b9af4ec2c ("bpf: Add a kfunc for generic type cast") (in v6.2).
 */
const volatile __u32 can_cast = 0;

extern void *bpf_rdonly_cast(const void *obj, __u32 btf_id) __ksym __weak;

/* What cannot be read is 0, as with the helper. */
#define CAST(ptr) ((typeof(ptr))bpf_rdonly_cast(ptr, bpf_core_type_id_kernel(typeof(*(ptr)))))
#define READ(ptr, member) (can_cast ? CAST(ptr)->member : BPF_CORE_READ(ptr, member))

struct path_walk {
	struct record *r;
	struct dentry *dentry, *mnt_root;
	struct vfsmount *vfsmnt;
	__u32 start;	/* where the path begins in the record */
};

/* Bytes. Where d_parent and d_name of a dentry stand so near to each other, one reading has both. */
#define DENTRY_PART 64

struct dentry_part {
	struct dentry *parent;
	const unsigned char *name;
};

static void dentry_read(struct dentry_part *part, struct dentry *dentry)
{
	__u32 parent = bpf_core_field_offset(struct dentry, d_parent);
	__u32 name = bpf_core_field_offset(struct dentry, d_name.name);
	__u8 bytes[DENTRY_PART] __attribute__((aligned(8)));

	if (can_cast) {
		part->parent = CAST(dentry)->d_parent;
		part->name = CAST(dentry)->d_name.name;
		return;
	}
	if (name < parent || name - parent > DENTRY_PART - sizeof(void *)) {
		part->parent = BPF_CORE_READ(dentry, d_parent);
		part->name = BPF_CORE_READ(dentry, d_name.name);
		return;
	}
	if (bpf_probe_read_kernel(bytes, sizeof(bytes), (void *)dentry + parent)) {
		part->parent = 0;
		return;
	}
	part->parent = *(struct dentry **)bytes;
	part->name = *(const unsigned char **)&bytes[name - parent];
}

static long path_step(__u32 i, struct path_walk *w)
{
	struct dentry *dentry = w->dentry;
	struct vfsmount *vfsmnt = w->vfsmnt;
	struct dentry_part part = {};
	struct mount *mnt, *up;
	unsigned char first;
	str_loc name;

	dentry_read(&part, dentry);
	if (!part.parent)
		return 1;
	if (part.parent == dentry || w->mnt_root == dentry) {
		if (!vfsmnt)
			return 1;
		mnt = (void *)vfsmnt - bpf_core_field_offset(struct mount, mnt);
		up = READ(mnt, mnt_parent);
		if (up != mnt) {
			w->dentry = READ(mnt, mnt_mountpoint);
			vfsmnt = (void *)up + bpf_core_field_offset(struct mount, mnt);
			w->vfsmnt = vfsmnt;
			w->mnt_root = READ(vfsmnt, mnt_root);
			return 0;
		}
		/* A file without a directory (memfd, pipe) is its own parent and has a name; the root's is "/". */
		if (w->r->len == w->start && !bpf_probe_read_kernel(&first, 1, part.name) && first != '/')
			str_kernel(w->r, part.name);
		return 1;
	}
	name = str_kernel(w->r, part.name);
	if (!str_is_read(name))
		return 1;
	w->dentry = part.parent;
	return 0;
}

/* "name\0...\0": components from the last to the first. Truncated when the root was not reached. */
static path_loc path_append(struct record *r, struct dentry *dentry, struct vfsmount *vfsmnt)
{
	/*
	 * Linux 6.1's verifier looks at one step alone: what a step changes must not
	 * begin as a constant on the stack.
	 */
	struct path_walk w = { .r = r, .dentry = dentry, .vfsmnt = vfsmnt, .start = r->len };
	__u32 off = r->len;
	long steps;

	if (!dentry || !vfsmnt)
		return unread(UNREAD_NO_FILE);
	if (off >= RECORD_MAX)
		return unread(UNREAD_NO_ROOM);
	w.mnt_root = READ(vfsmnt, mnt_root);
	steps = bpf_loop(PATH_COMPONENTS, path_step, &w, 0);
	return off << 16 | (steps == PATH_COMPONENTS ? 1 << 15 : 0) | ((r->len - off) & 0x7fff);
}

/* The same, where the hook does not say by which mount: from the root of the file system. */
static path_loc path_append_inside(struct record *r, struct dentry *dentry)
{
	struct path_walk w = { .r = r, .dentry = dentry, .start = r->len };
	__u32 off = r->len;
	long steps;

	if (!dentry)
		return unread(UNREAD_NO_FILE);
	if (off >= RECORD_MAX)
		return unread(UNREAD_NO_ROOM);
	steps = bpf_loop(PATH_COMPONENTS, path_step, &w, 0);
	return off << 16 | (steps == PATH_COMPONENTS ? 1 << 15 : 0) | ((r->len - off) & 0x7fff);
}

static __u64 inode_ctime(struct inode *inode)
{
	struct inode___v611 *v611 = (void *)inode;
	struct inode___v66 *v66 = (void *)inode;

	if (bpf_core_field_exists(v611->i_ctime_sec))
		return READ(v611, i_ctime_sec) * 1000000000ULL +
		       (READ(v611, i_ctime_nsec) & ~I_CTIME_QUERIED);
	if (bpf_core_field_exists(v66->__i_ctime))
		return BPF_CORE_READ(v66, __i_ctime.tv_sec) * 1000000000ULL + BPF_CORE_READ(v66, __i_ctime.tv_nsec);
	return BPF_CORE_READ(inode, i_ctime.tv_sec) * 1000000000ULL + BPF_CORE_READ(inode, i_ctime.tv_nsec);
}

static void file_unread(struct file_id *id, enum unread reason)
{
	__builtin_memset(id, 0, sizeof(*id));
	id->path = unread(reason);
}

static void file_fill(struct record *r, struct file_id *id, struct file *file)
{
	struct super_block *sb;
	struct inode *inode;

	file_unread(id, UNREAD_NO_FILE);
	if (!file)
		return;
	inode = READ(file, f_inode);
	if (!inode)
		return;
	sb = READ(inode, i_sb);
	id->dev = READ(sb, s_dev);
	id->inode = READ(inode, i_ino);
	id->nlink = READ(inode, i_nlink);
	id->ctime = inode_ctime(inode);
	id->path = path_append(r, READ(file, f_path.dentry), READ(file, f_path.mnt));
}

static struct file *file_of_fd(struct task_struct *task, __s32 fd)
{
	struct fdtable *fdt = BPF_CORE_READ(task, files, fdt);
	struct file *file = 0, **table;

	if (fd < 0 || (__u32)fd >= BPF_CORE_READ(fdt, max_fds))
		return 0;
	table = BPF_CORE_READ(fdt, fd);
	bpf_probe_read_kernel(&file, sizeof(file), &table[fd]);
	return file;
}
