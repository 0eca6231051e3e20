// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/* Program starts, their ends, and the forks between: who descends from whom. */
#include "attempt.bpf.h"
#include "module_call.bpf.h"
#include "process_context.bpf.h"

EVENT(process_exec);
EVENT(process_exit);
EVENT(process_fork);

/* 1: forks are sent, for the reader's table of processes */
const volatile __u32 send_forks = 1;

/* 1: so are ends; 0: only those inside a module call */
const volatile __u32 send_exits = 1;

/* 1: so are those of the kernel's own threads, which only a reader who asked for forks wants */
const volatile __u32 send_kernel_forks = 0;

#define EXECS 1024		/* a power of two */

/*
 * What execve() was asked for, until the kernel has done it. Its place is the thread's number modulo EXECS, which
 * costs an exec a fraction of what a hash map does; of two threads that share a place the later one has it, and
 * the exec of the other says that its entry was not seen. One whose execve() fails leaves it behind.
 */
struct exec_entry {
	__u64 task;		/* whose: the address of its task_struct */
	pid_nr tid;		/* and its number; 0: nobody's */
	uid_nr uid;
	gid_nr gid;
	uid_nr euid;
	gid_nr egid;
	__s32 len;		/* of path, NUL included; negative: errno */
	char path[STR_MAX];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, EXECS);
	__type(key, __u32);
	__type(value, struct exec_entry);
} execs SEC(".maps");

static struct exec_entry *exec_place(pid_nr tid)
{
	__u32 place = tid & (EXECS - 1);

	return bpf_map_lookup_elem(&execs, &place);
}

static bool exec_is_of(volatile struct exec_entry *e, struct task_struct *task, pid_nr tid)
{
	return e->tid == tid && e->task == (__u64)task;
}

/* arch/x86/entry/syscalls/syscall_64.tbl and syscall_32.tbl: execve, execveat */
static bool exec_path_arg(struct task_struct *task, struct pt_regs *regs, __u32 nr, __u64 *path)
{
	if (is_compat(task)) {
		if (nr == 11)
			*path = (__u32)BPF_CORE_READ(regs, bx);
		else if (nr == 358)
			*path = (__u32)BPF_CORE_READ(regs, cx);
		else
			return false;
		return true;
	}
	if (nr == 59 || nr == (X32_SYSCALL_BIT | 520))
		*path = BPF_CORE_READ(regs, di);
	else if (nr == 322 || nr == (X32_SYSCALL_BIT | 545))
		*path = BPF_CORE_READ(regs, si);
	else
		return false;
	return true;
}

SEC("tp_btf/sys_enter")
int BPF_PROG(exec_sys_enter, struct pt_regs *regs, long id)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct exec_entry *e;
	__u64 path;

	if (!exec_path_arg(task, regs, id, &path))
		return 0;
	e = exec_place(task->pid);
	if (!e)
		return 0;
	*(volatile pid_nr *)&e->tid = 0;
	e->task = (__u64)task;
	e->uid = task->cred->uid.val;
	e->gid = task->cred->gid.val;
	e->euid = task->cred->euid.val;
	e->egid = task->cred->egid.val;
	e->len = bpf_probe_read_user_str(e->path, sizeof(e->path), (void *)path);
	*(volatile pid_nr *)&e->tid = task->pid;
	return 0;
}

/* Take in what was asked for, unless another thread takes the place meanwhile. */
static void exec_fill(struct record *r, struct process_exec *x, struct task_struct *task, pid_nr tid)
{
	struct exec_entry *e = exec_place(tid);
	__u32 before = r->len;

	x->old_unread = UNREAD_NO_ENTRY;
	x->old_uid = x->old_gid = x->old_euid = x->old_egid = -1;
	x->path = unread(UNREAD_NO_ENTRY);
	if (!e || !exec_is_of(e, task, tid))
		return;
	x->old_uid = e->uid;
	x->old_gid = e->gid;
	x->old_euid = e->euid;
	x->old_egid = e->egid;
	x->old_unread = UNREAD_NONE;
	x->path = e->len < 0 ? unread(UNREAD_FAULT) : str_kernel(r, e->path);
	if (exec_is_of(e, task, tid)) {
		*(volatile pid_nr *)&e->tid = 0;
		return;
	}
	r->len = before;
	x->old_unread = UNREAD_NO_ENTRY;
	x->old_uid = x->old_gid = x->old_euid = x->old_egid = -1;
	x->path = unread(UNREAD_NO_ENTRY);
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(tp_btf_exec, struct task_struct *task, int old_pid, struct linux_binprm *bprm)
{
	struct process_exec *x;
	struct record *r;

	if (!task_wanted(task))
		return 0;
	r = slot_claim();
	if (!r)
		return 0;
	header_fill(r, KIND_PROCESS_EXEC, HOOK_TP_BTF, task, sizeof(*x));
	x = (void *)r->data;
	exec_fill(r, x, task, old_pid);
	x->argc = bprm->argc;
	x->path_kernel = str_kernel(r, bprm->filename);
	/* One string, unless an interpreter was found (fs/exec.c: bprm_change_interp()). */
	x->interpreter = bprm->interp == bprm->filename ? x->path_kernel : str_kernel(r, bprm->interp);
	file_fill(r, &x->exe, bprm->file);
	x->cwd = path_append(r, task->fs->pwd.dentry, task->fs->pwd.mnt);
	x->root = path_append(r, task->fs->root.dentry, task->fs->root.mnt);
	x->pad = 0;
	x->cgroup_path = cgroup_append(r, task->cgroups->dfl_cgrp->kn, true);
	x->args = args_append(r, task->mm->arg_start, task->mm->arg_end);
	record_submit(r, false);
	return 0;
}

/*
 * A thread of the kernel, or what one has started and could not make a program of (kernel/umh.c:
 * call_usermodehelper_exec_async(); no thread of the kernel since commit 343f4c49f243 ("kthread: Don't
 * allocate kthread_struct for init and umh") (in v5.19)): its end is not that of a program. Each thread begins with
 * PF_FORKNOEXEC, and the last one to end need not be the first: that one is asked.
 */
static bool is_no_program(struct task_struct *task)
{
	struct task_struct *leader = task->group_leader;

	if (task->flags & PF_KTHREAD)
		return true;
	return leader->flags & PF_FORKNOEXEC && leader->real_parent->flags & PF_KTHREAD;
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(tp_btf_exit, struct task_struct *task)
{
	struct pt_regs *regs = (void *)bpf_task_pt_regs(task);
	pid_nr pid = task->tgid, tid = task->pid;
	__u64 key = (__u64)pid << 32 | tid;
	struct call c = {};
	struct process_exit *x;
	struct record *r;
	bool inside;
	__u32 code;

	/* A thread that dies inside a module call (an oops in its init) never comes to the exit. */
	inside = call_kind(&c, task, regs->orig_ax) && bpf_map_lookup_elem(&attempts, &key);
	if (inside)
		bpf_map_delete_elem(&attempts, &key);
	/* Once a process: when its last thread goes. */
	if (task->signal->live.counter)
		goto out;
	if ((send_exits || inside) && !is_no_program(task) && task_wanted(task) && (r = slot_claim())) {
		header_fill(r, KIND_PROCESS_EXIT, HOOK_TP_BTF, task, sizeof(*x));
		x = (void *)r->data;
		code = task->signal->flags & SIGNAL_GROUP_EXIT ? task->signal->group_exit_code : task->exit_code;
		x->code = code >> 8 & 0xff;
		x->signal = code & 0x7f;
		x->core_dumped = !!(code & 0x80);
		x->pad = 0;
		record_submit(r, false);
	}
	if (only_pids)
		bpf_map_delete_elem(&wanted_pids, &pid);
out:
	/* Its number may be another thread's next. That of the first thread is the process's, which goes on. */
	if (only_pids && tid != pid)
		bpf_map_delete_elem(&wanted_pids, &tid);
	canary_ends(tid);
	return 0;
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(tp_btf_fork, struct task_struct *parent, struct task_struct *child)
{
	pid_nr pid = child->tgid;
	struct process_fork *x;
	struct record *r;
	__u32 one = 1;

	if (child->pid != child->tgid)
		return 0;
	if (is_canary(parent->pid))
		canary_begins(pid);
	if (only_pids == 2 && pid_wanted(parent->tgid, parent->pid))
		bpf_map_update_elem(&wanted_pids, &pid, &one, BPF_ANY);
	if (!send_forks || (child->flags & PF_KTHREAD && !send_kernel_forks) || !task_wanted(parent))
		return 0;
	r = slot_claim();
	if (!r)
		return 0;
	header_fill(r, KIND_PROCESS_FORK, HOOK_TP_BTF, parent, sizeof(*x));
	x = (void *)r->data;
	x->child_pid = pid;
	x->pad = 0;
	x->child_start_time = child->start_boottime;
	record_submit(r, false);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
