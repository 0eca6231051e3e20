/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The kernel types that the programs read, with only the fields they read.
 * CO-RE finds the offsets in the running kernel's BTF; a field that a kernel
 * may lack is guarded with bpf_core_field_exists() where it is used.
 */
#pragma once

#define __VMLINUX_H__		/* bpf_tracing.h: the kernel's names for registers */

#include <linux/bpf.h>
#include <linux/types.h>
#include <stdbool.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct pt_regs {
	unsigned long r10, r9, r8, ax, cx, dx, si, di, orig_ax, ip, bx, bp, sp;
};

struct list_head {
	struct list_head *next, *prev;
};

struct qstr {
	unsigned int len;
	const unsigned char *name;
};

typedef struct {
	int counter;
} atomic_t;

typedef struct {
	long long counter;
} atomic64_t;

struct gendisk {
	unsigned long long diskseq;
};

struct block_device {
	struct gendisk *bd_disk;
};

struct super_block {
	unsigned int s_dev;
	unsigned long s_flags;
	unsigned long s_magic;
	struct file_system_type *s_type;
	struct block_device *s_bdev;
};

struct file_system_type {
	const char *name;
};

struct timespec64 {
	long long tv_sec;
	long tv_nsec;
};

struct inode {
	unsigned short i_mode;
	unsigned long i_ino;
	unsigned int i_rdev;
	const unsigned int i_nlink;
	struct super_block *i_sb;
	long long i_size;
	atomic_t i_writecount;
	atomic64_t i_version;
	struct timespec64 i_ctime;
};

/* Since commit 13bc24457850 ("fs: rename i_ctime field to __i_ctime") (in v6.6). */
struct inode___v66 {
	struct timespec64 __i_ctime;
};

/* Since commit 3aa63a569c64 ("fs: switch timespec64 fields in inode to discrete integers") (in v6.11). */
struct inode___v611 {
	long long i_ctime_sec;
	unsigned int i_ctime_nsec;
};

struct dentry {
	struct dentry *d_parent;
	struct qstr d_name;
	struct inode *d_inode;
};

struct vfsmount {
	struct dentry *mnt_root;
	struct super_block *mnt_sb;
};

struct mount {
	struct mount *mnt_parent;
	struct dentry *mnt_mountpoint;
	struct vfsmount mnt;
	int mnt_id;
};

struct path {
	struct vfsmount *mnt;
	struct dentry *dentry;
};

struct file {
	unsigned int f_mode;
	struct inode *f_inode;
	struct path f_path;
	unsigned int f_flags;
};

struct iattr {
	unsigned int ia_valid;
};

/* Every hook of a security module. */
union security_list_options {
	void *inode_post_setattr;
};

struct fdtable {
	unsigned int max_fds;
	struct file **fd;
};

struct files_struct {
	struct fdtable *fdt;
};

struct fs_struct {
	int users;
	struct path root;
	struct path pwd;
};

typedef struct {
	unsigned int val;
} kuid_t;

struct ns_common {
	unsigned int inum;
};

struct user_namespace {
	struct ns_common ns;
};

struct cred {
	kuid_t uid, gid, euid, egid;
	struct user_namespace *user_ns;
};

struct mnt_namespace {
	struct ns_common ns;
};

struct pid_namespace {
	struct ns_common ns;
};

struct net {
	struct ns_common ns;
};

struct cgroup_namespace {
	struct ns_common ns;
};

struct pid {
	unsigned int level;
};

struct nsproxy {
	struct mnt_namespace *mnt_ns;
	struct pid_namespace *pid_ns_for_children;
	struct net *net_ns;
	struct cgroup_namespace *cgroup_ns;
};

struct kernfs_node {
	struct kernfs_node *parent;
	const char *name;
	unsigned long long id;
};

/* Since commit 633488947ef6 ("kernfs: Use RCU to access kernfs_node::parent.") (in v6.15). */
struct kernfs_node___v615 {
	struct kernfs_node *__parent;
};

struct cgroup {
	struct kernfs_node *kn;
};

struct css_set {
	struct cgroup *dfl_cgrp;
};

struct signal_struct {
	atomic_t live;
	int group_exit_code;
	unsigned int flags;
};

struct mm_struct {
	unsigned long arg_start, arg_end;
	struct file *exe_file;
};

struct thread_info {
	unsigned int status;
};

struct task_struct {
	struct thread_info thread_info;
	unsigned int flags;
	unsigned int ptrace;
	struct mm_struct *mm;
	int exit_code;
	int pid;
	int tgid;
	struct task_struct *real_parent;
	struct task_struct *group_leader;
	struct pid *thread_pid;
	unsigned long long start_boottime;
	const struct cred *cred;
	char comm[16];
	struct fs_struct *fs;
	struct files_struct *files;
	struct nsproxy *nsproxy;
	struct signal_struct *signal;
	kuid_t loginuid;
	unsigned int sessionid;
	struct css_set *cgroups;
	unsigned long long self_exec_id;
	void *bpf_storage;
};

struct linux_binprm {
	struct file *file;
	const char *filename;
	const char *interp;
	int argc;
	char buf[2];		/* of 256: the beginning of the file */
};

/* arch/x86/include/asm/thread_info.h: set while a task is in a 32-bit system call. */
#define TS_COMPAT 0x0002
/* arch/x86/include/uapi/asm/unistd.h */
#define X32_SYSCALL_BIT 0x40000000
#define PF_KTHREAD 0x00200000
#define PF_FORKNOEXEC 0x00000040
#define SIGNAL_GROUP_EXIT 0x00000004
#define MODULE_NAME_LEN 56

struct module_use {
	struct list_head source_list;
	struct list_head target_list;
	struct module *source, *target;
};

struct module {
	char name[MODULE_NAME_LEN];
	const char *version;
	const char *srcversion;
	unsigned long taints;
	struct list_head source_list;
	struct list_head target_list;
	atomic_t refcnt;
};

struct module_layout {
	void *base;
	unsigned int size;
};

/* Until commit ac3b43283923 ("module: replace module_layout with module_memory") (in v6.4). */
struct module___layout {
	struct module_layout core_layout;
	struct module_layout init_layout;
};

struct module_memory {
	void *base;
	unsigned int size;
};

struct module___memory {
	struct module_memory mem[7];
};

struct bpf_map {
	unsigned int id;
};

struct bpf_prog_aux {
	unsigned int id;
};

struct bpf_prog {
	struct bpf_prog_aux *aux;
};

struct subprocess_info {
	const char *path;
	char **argv;
};

#pragma clang attribute pop
