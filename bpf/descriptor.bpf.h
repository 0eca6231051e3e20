/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What a file descriptor is: a path, or the name that /proc gives to a file without one. */
#pragma once

#include "path.bpf.h"

#define AT_FDCWD (-100)
/* include/uapi/linux/magic.h */
#define PIPEFS_MAGIC 0x50495045
#define SOCKFS_MAGIC 0x534F434B
#define ANON_INODE_FS_MAGIC 0x09041934

const char pipe_name[] = "pipe:[%llu]";
const char socket_name[] = "socket:[%llu]";
const char anonymous_name[] = "anon_inode:%s";

/* What /proc calls a file that no directory has; 0: it is another kind of file. */
static str_loc nameless(struct record *r, struct file *file)
{
	__u64 magic = BPF_CORE_READ(file, f_inode, i_sb, s_magic), value = BPF_CORE_READ(file, f_inode, i_ino);
	__u32 off = r->len;
	long n;

	if (off >= RECORD_MAX)
		return unread(UNREAD_NO_ROOM);
	if (magic == PIPEFS_MAGIC) {
		n = bpf_snprintf((char *)&r->data[off & (RECORD_MAX - 1)], 64, pipe_name, &value, sizeof(value));
	} else if (magic == SOCKFS_MAGIC) {
		n = bpf_snprintf((char *)&r->data[off & (RECORD_MAX - 1)], 64, socket_name, &value, sizeof(value));
	} else if (magic == ANON_INODE_FS_MAGIC) {
		value = (__u64)BPF_CORE_READ(file, f_path.dentry, d_name.name);
		n = bpf_snprintf((char *)&r->data[off & (RECORD_MAX - 1)], 64, anonymous_name, &value, sizeof(value));
	} else {
		return 0;
	}
	return str_close(r, off, n > 64 ? 64 : n);
}

static str_loc file_name(struct record *r, struct file *file)
{
	str_loc name;

	if (!file)
		return unread(UNREAD_NO_FILE);
	name = nameless(r, file);
	if (name)
		return name;
	return path_append(r, BPF_CORE_READ(file, f_path.dentry), BPF_CORE_READ(file, f_path.mnt));
}

static str_loc fd_read(struct record *r, struct task_struct *task, __s32 fd, __u32 reading)
{
	if (reading == READ_DIRFD && fd == AT_FDCWD)
		return path_append(r, BPF_CORE_READ(task, fs, pwd.dentry), BPF_CORE_READ(task, fs, pwd.mnt));
	return file_name(r, file_of_fd(task, fd));
}
