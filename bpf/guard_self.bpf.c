// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * Keeps files from being changed by others: the trust database, Ringward itself,
 * its pins, and what else was asked for; and raw access behind their backs.
 */
#include "guard_self_file.bpf.h"

EVENT(self_verdict);

/* include/linux/ptrace.h */
#define PTRACE_MODE_ATTACH 2
/* include/uapi/linux/mount.h */
#define MS_REMOUNT 32
#define MS_MOVE 8192
#define MS_UNBINDABLE (1 << 17)
#define MS_PRIVATE (1 << 18)
#define MS_SLAVE (1 << 19)
#define MS_SHARED (1 << 20)
#define MS_NO_PLACE (MS_REMOUNT | MS_UNBINDABLE | MS_PRIVATE | MS_SLAVE | MS_SHARED)

static bool is_attached(struct vfsmount *mnt)
{
	struct mount *m = (void *)mnt - bpf_core_field_offset(struct mount, mnt);

	return BPF_CORE_READ(m, mnt_parent) != m;
}

/* Nobody can change what this task sees or does but by what the other hooks judge. */
static __noinline bool is_alone(struct task_struct *task)
{
	struct fs_struct *fs = BPF_CORE_READ(task, fs);
	struct object_id root;
	__u32 zero = 0;
	struct scope *scope = bpf_map_lookup_elem(&self_scope, &zero);

	if (!scope || !in_scope() || BPF_CORE_READ(task, ptrace) || BPF_CORE_READ(fs, users) != 1)
		return false;
	if (BPF_CORE_READ(task, cred, uid.val) || BPF_CORE_READ(task, cred, euid.val))
		return false;
	object_of(&root, BPF_CORE_READ(fs, root.dentry, d_inode));
	return root.inode == scope->root.inode && root.dev == scope->root.dev &&
	       mount_id(BPF_CORE_READ(fs, root.mnt)) == scope->mnt;
}

SEC("lsm/file_open")
int BPF_PROG(lsm_self_open, struct file *file, int ret)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct touched t = { .hook = SELF_FILE_OPEN, .access = ACCESS_OPEN };
	int object;

	if (ret)
		return ret;
	if (!(BPF_CORE_READ(file, f_mode) & FMODE_WRITE) && !(BPF_CORE_READ(file, f_flags) & O_TRUNC)) {
		enroll(file, task->pid);
		return 0;
	}
	object = opened_object(file);
	if (object < 0)
		return 0;
	t.object = object;
	t.dentry = file_dentry(file);
	t.mnt = BPF_CORE_READ(file, f_path.mnt);
	return touched_judged(&t);
}

/* Of a file by its name: no open is needed. */
SEC("lsm/path_truncate")
int BPF_PROG(lsm_self_truncate, const struct path *path, int ret)
{
	struct touched t = { .hook = SELF_PATH_TRUNCATE, .access = ACCESS_TRUNCATE };

	if (ret)
		return ret;
	t.dentry = BPF_CORE_READ(path, dentry);
	t.mnt = BPF_CORE_READ(path, mnt);
	if (!(dentry_flags(t.dentry) & OBJECT_FILE))
		return 0;
	t.object = file_object(t.dentry);
	return touched_judged(&t);
}

SEC("lsm/inode_unlink")
int BPF_PROG(lsm_self_unlink, struct inode *dir, struct dentry *dentry, int ret)
{
	int answer = ret ? ret : name_judged(dentry, SELF_INODE_UNLINK, ACCESS_UNLINK);

	if (!answer && inode_flags(BPF_CORE_READ(dentry, d_inode)) & OBJECT_FILE && is_member())
		forget(dentry);
	return answer;
}

SEC("lsm/inode_rmdir")
int BPF_PROG(lsm_self_rmdir, struct inode *dir, struct dentry *dentry, int ret)
{
	return ret ? ret : name_judged(dentry, SELF_INODE_RMDIR, ACCESS_UNLINK);
}

SEC("lsm/inode_rename")
int BPF_PROG(lsm_self_rename, struct inode *old_dir, struct dentry *old_dentry, struct inode *new_dir,
	     struct dentry *new_dentry, int ret)
{
	if (ret)
		return ret;
	if (is_member()) {
		replaced(old_dentry, new_dentry);
		return 0;
	}
	return name_judged(dentry_flags(old_dentry) ? old_dentry : new_dentry, SELF_INODE_RENAME, ACCESS_RENAME);
}

SEC("lsm/inode_create")
int BPF_PROG(lsm_self_create, struct inode *dir, struct dentry *dentry, unsigned short mode, int ret)
{
	return ret ? ret : name_judged(dentry, SELF_INODE_CREATE, ACCESS_CREATE);
}

SEC("lsm/inode_mkdir")
int BPF_PROG(lsm_self_mkdir, struct inode *dir, struct dentry *dentry, unsigned short mode, int ret)
{
	return ret ? ret : name_judged(dentry, SELF_INODE_MKDIR, ACCESS_CREATE);
}

SEC("lsm/inode_symlink")
int BPF_PROG(lsm_self_symlink, struct inode *dir, struct dentry *dentry, const char *old_name, int ret)
{
	return ret ? ret : name_judged(dentry, SELF_INODE_SYMLINK, ACCESS_CREATE);
}

SEC("lsm/inode_mknod")
int BPF_PROG(lsm_self_mknod, struct inode *dir, struct dentry *dentry, unsigned short mode, unsigned int dev, int ret)
{
	return ret ? ret : name_judged(dentry, SELF_INODE_MKNOD, ACCESS_CREATE);
}

/* By a second name below no tree a file could be written to. */
SEC("lsm/inode_link")
int BPF_PROG(lsm_self_link, struct dentry *old_dentry, struct inode *dir, struct dentry *new_dentry, int ret)
{
	if (ret)
		return ret;
	return name_judged(dentry_flags(old_dentry) ? old_dentry : new_dentry, SELF_INODE_LINK, ACCESS_LINK);
}

/*
 * Mounts in the mount namespace of those who guard. The source of an old-style move is a string, so that every
 * such move is one: it can take the directory away from above.
 */
static int mount_judged(struct dentry *dentry, struct vfsmount *mnt, __u32 hook, __u32 access)
{
	struct touched t = { .hook = hook, .access = access, .dentry = dentry, .mnt = mnt };

	t.object = file_object(dentry);
	return touched_judged(&t);
}

SEC("lsm/sb_mount")
int BPF_PROG(lsm_self_mount, const char *dev_name, const struct path *path, const char *type, unsigned long flags,
	     void *data, int ret)
{
	struct dentry *dentry;

	if (ret || flags & MS_NO_PLACE || !in_scope())
		return ret;
	dentry = BPF_CORE_READ(path, dentry);
	if (!(flags & MS_MOVE) && !dentry_flags(dentry))
		return 0;
	return mount_judged(dentry, BPF_CORE_READ(path, mnt), SELF_SB_MOUNT, ACCESS_MOUNT);
}

SEC("lsm/move_mount")
int BPF_PROG(lsm_self_move_mount, const struct path *from, const struct path *to, int ret)
{
	struct dentry *dentry;

	if (ret || !in_scope())
		return ret;
	dentry = BPF_CORE_READ(to, dentry);
	if (dentry_flags(dentry))
		return mount_judged(dentry, BPF_CORE_READ(to, mnt), SELF_MOVE_MOUNT, ACCESS_MOUNT);
	dentry = BPF_CORE_READ(from, dentry);
	/* A mount that is not attached yet (fsmount, open_tree) takes nothing away. */
	if (dentry_flags(dentry) && is_attached(BPF_CORE_READ(from, mnt)))
		return mount_judged(dentry, BPF_CORE_READ(from, mnt), SELF_MOVE_MOUNT, ACCESS_MOUNT);
	return 0;
}

SEC("lsm/sb_umount")
int BPF_PROG(lsm_self_umount, struct vfsmount *mnt, int flags, int ret)
{
	struct dentry *root;

	if (ret || !in_scope())
		return ret;
	root = BPF_CORE_READ(mnt, mnt_root);
	if (!dentry_flags(root))
		return 0;
	return mount_judged(root, mnt, SELF_SB_UMOUNT, ACCESS_UNMOUNT);
}

SEC("lsm/ptrace_access_check")
int BPF_PROG(lsm_self_trace, struct task_struct *child, unsigned int mode, int ret)
{
	struct task_struct *task = bpf_get_current_task_btf(), *leader;
	struct touched t = { .hook = SELF_PTRACE_ACCESS_CHECK, .access = ACCESS_TRACE, .object = SELF_PROCESS };

	if (ret || !(mode & PTRACE_MODE_ATTACH))
		return ret;
	leader = child->group_leader;
	if (!is_canary(task->pid) && (!leader || standing_of(leader) == STANDING_OTHER))
		return 0;
	t.target = BPF_CORE_READ(child, tgid);
	return touched_judged(&t);
}

/* A descriptor of a map or program. One that a member gets is Ringward's from then on. */
static int number_judged(__u32 kind, __u32 number, bool changes, __u32 hook)
{
	struct touched t = { .hook = hook, .access = ACCESS_CHANGE, .target = number };
	struct number_id id = { .kind = kind, .number = number };
	__u32 one = 1;

	if (is_member()) {
		bpf_map_update_elem(&self_numbers, &id, &one, BPF_ANY);
		return 0;
	}
	if (!changes || !bpf_map_lookup_elem(&self_numbers, &id))
		return 0;
	t.object = kind == NUMBER_MAP ? SELF_MAP : SELF_PROGRAM;
	return touched_judged(&t);
}

SEC("lsm/bpf_map")
int BPF_PROG(lsm_self_map, struct bpf_map *map, unsigned int fmode, int ret)
{
	return ret ? ret : number_judged(NUMBER_MAP, BPF_CORE_READ(map, id), fmode & FMODE_WRITE, SELF_BPF_MAP);
}

/* With a descriptor of a program its functions can be replaced (BPF_PROG_TYPE_EXT). */
SEC("lsm/bpf_prog")
int BPF_PROG(lsm_self_program, struct bpf_prog *prog, int ret)
{
	return ret ? ret : number_judged(NUMBER_PROGRAM, BPF_CORE_READ(prog, aux, id), true, SELF_BPF_PROG);
}

/*
 * Who a process is after it has become another program. The helper is itself wherever root starts it, but only as
 * everybody sees the files that it opens, with no one beside it or above it; and one step further, what it starts.
 */
SEC("lsm/bprm_committed_creds")
int BPF_PROG(lsm_self_exec, struct linux_binprm *bprm)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct touched t = { .access = ACCESS_BECOME, .object = SELF_PROCESS };
	__u32 *standing = bpf_task_storage_get(&self_tasks, task, 0, 0), was = standing ? *standing : 0, now;
	__u32 mode, flags;
	struct file *file;

	file = BPF_CORE_READ(bprm, file);
	flags = inode_flags(BPF_CORE_READ(file, f_inode));
	now = flags & OBJECT_KEEPER ? STANDING_KEEPER :
	      flags & OBJECT_INTERPRETER && was == STANDING_KEEPER ? STANDING_MEMBER : STANDING_OTHER;
	if (now && !is_alone(task))
		now = STANDING_OTHER;
	if (now == was)
		return 0;
	standing = bpf_task_storage_get(&self_tasks, task, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!standing)
		return 0;
	*standing = now;
	mode = mode_now(OPERATION_SELF);
	if (now != STANDING_MEMBER || mode == MODE_OFF)
		return 0;
	t.target = task->tgid;
	t.dentry = file_dentry(file);
	t.mnt = BPF_CORE_READ(file, f_path.mnt);
	self_send(&t, mode, true);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
