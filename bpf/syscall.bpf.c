// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * Any system call, by a table in a map: which are wanted, what is read of their arguments, which values are wanted.
 *
 * A thread is in one call at a time. Its record is made in a place of its own in `call_threads`, from entry to exit,
 * and sent once; user space looks there for calls that take long.
 */
#include "descriptor.bpf.h"
#include "syscall_plan.bpf.h"
#include "syscall_memory.bpf.h"
#include "syscall_count.bpf.h"
#include "limit.bpf.h"

EVENT(syscall);
ENUM(arg_reading);

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 32768);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, thread_key);
	__type(value, struct record);
} call_threads SEC(".maps");

/* What a thread's record begins as. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct record);
} call_blank SEC(".maps");


static bool prefix_wanted(struct record *r, struct call_plan *plan)
{
	struct syscall *s = (void *)r->data;
	__u32 arg = plan->prefix_arg, off, i;

	if (!plan->prefix_len || arg >= CALL_ARGS)
		return true;
	off = s->reads[arg] >> 16;
	/* Not read, or relative: user space knows better. */
	if (!off || off >= RECORD_MAX || r->data[off & (RECORD_MAX - 1)] != '/')
		return true;
	for (i = 0; i < PREFIX_MAX; i++) {
		if (i >= plan->prefix_len)
			break;
		if (r->data[(off & (RECORD_MAX - 1)) + i] != plan->prefix[i])
			return false;
	}
	return true;
}

static __u32 length_of(struct arg_plan *a, struct syscall *s)
{
	__u32 which = a->length;
	__u64 count;

	if (which == LENGTH_FIXED)
		return a->size;
	count = which == LENGTH_RESULT ? s->result : which < CALL_ARGS ? s->args[which] : 0;
	if (count > a->size)
		return a->size;
	count *= a->scale;
	return count < a->size ? count : a->size;
}

/* Not inlined: the verifier of Linux 6.1 would follow six copies of it. */
static __attribute__((noinline)) str_loc arg_enter(struct record *r, struct arg_plan *a, __u64 value)
{
	struct syscall *s = (void *)r->data;

	switch (a->reading) {
	case READ_STRING: return str_user(r, value);
	case READ_IN: return bytes_user(r, value, length_of(a, s));
	case READ_MSG_IN: return message_user(r, value, r->h.abi != ABI_64);
	case READ_MSG_OUT:
	case READ_OUT: return unread(UNREAD_NOT_REACHED);
	case READ_FD:
	case READ_DIRFD: return fd_read(r, bpf_get_current_task_btf(), value, a->reading);
	}
	return unread(UNREAD_NONE);
}

static struct record *thread_record(struct task_struct *task)
{
	thread_key thread = thread_key_of(task);
	struct record *r = bpf_map_lookup_elem(&call_threads, &thread), *blank;
	__u32 zero = 0;

	if (r)
		return r;
	blank = bpf_map_lookup_elem(&call_blank, &zero);
	if (blank && !bpf_map_update_elem(&call_threads, &thread, blank, BPF_NOEXIST))
		return bpf_map_lookup_elem(&call_threads, &thread);
	count_unpaired();
	return 0;
}

/* The one argument that is an array of strings: the second or the third. */
static __always_inline void argv_enter(struct record *r, struct call_plan *plan)
{
	struct syscall *s = (void *)r->data;
	bool narrow = r->h.abi != ABI_64;

	if (plan->args[1].reading == READ_STRINGS)
		s->reads[1] = strings_user(r, s->args[1], narrow);
	else if (plan->args[2].reading == READ_STRINGS)
		s->reads[2] = strings_user(r, s->args[2], narrow);
}

static struct record *call_begin(struct call *c, struct call_plan *plan, struct task_struct *task)
{
	struct record *r = thread_record(task);
	struct syscall *s;
	__u32 i;

	if (!r)
		return 0;
	busy_set(&r->busy, task, IDLE);
	r->len = sizeof(*s);
	r->h.kind = KIND_SYSCALL;
	r->h.hook = HOOK_TP_BTF;
	r->h.abi = c->abi;
	task_fill(&r->h.task, task);
	s = (void *)r->data;
	s->nr = c->nr;
	s->result = 0;
	s->late = 0;
	s->cwd = unread(UNREAD_NOT_NEEDED);
	for (i = 0; i < CALL_ARGS; i++)
		s->args[i] = c->args[i];
	for (i = 0; i < CALL_ARGS; i++)
		s->reads[i] = arg_enter(r, &plan->args[i], c->args[i]);
	if (plan->flags & CALL_EXECS)
		argv_enter(r, plan);
	if (plan->flags & CALL_CWD)
		s->cwd = path_append(r, BPF_CORE_READ(task, fs, pwd.dentry), BPF_CORE_READ(task, fs, pwd.mnt));
	return r;
}

/* Have the exit know that the call is not to be told. */
static __always_inline void call_leave_out(struct call *c, struct call_plan *plan, struct task_struct *task)
{
	struct record *r;

	if (plan->flags & CALL_NO_RETURN)
		return;
	r = thread_record(task);
	if (!r)
		return;
	((struct syscall *)r->data)->nr = c->nr;
	busy_set(&r->busy, task, NOT_WANTED);
}

SEC("tp_btf/sys_enter")
int BPF_PROG(call_sys_enter, struct pt_regs *regs, long id)
{
	__u32 abis = number_wanted(id);
	struct task_struct *task;
	struct call_plan *plan;
	struct syscall *s;
	struct record *r;
	struct call c;

	if (!abis)
		return 0;
	task = bpf_get_current_task_btf();
	if (!caller_wanted(task) || !names_wanted(task)) {
		caller_filtered(task, id, abis);
		return 0;
	}
	plan = plan_of(&c, task, id);
	if (!plan)
		return 0;
	if (!call_wanted(&c, plan, regs)) {
		call_filtered();
		return 0;
	}
	if (counting) {
		count_enter(&c, plan, task);
		return 0;
	}
	/* What is still to be judged has its limit behind that. */
	if (!(plan->flags & CALL_FAILED) && !plan->prefix_len && !limit_passes(plan->limit)) {
		call_leave_out(&c, plan, task);
		return 0;
	}
	args_take(&c, regs);
	r = call_begin(&c, plan, task);
	if (!r)
		return 0;
	if (!prefix_wanted(r, plan)) {
		call_filtered();
		busy_set(&r->busy, task, NOT_WANTED);
		return 0;
	}
	if (!(plan->flags & CALL_FAILED) && plan->prefix_len && !limit_passes(plan->limit)) {
		busy_set(&r->busy, task, NOT_WANTED);
		return 0;
	}
	s = (void *)r->data;
	s->state = ATTEMPT_ENTERED;
	s->entered = bpf_ktime_get_boot_ns();
	r->h.time = s->entered;
	if (plan->flags & CALL_NO_RETURN) {
		if (plan->flags & CALL_FAILED)
			return 0;
		header_stamp(r);
		record_output(r, false);
		return 0;
	}
	busy_set(&r->busy, task, IN_CALL);
	return 0;
}

/* What the call has written, and strings whose page was not in memory at entry: the call has brought it in. */
static __attribute__((noinline)) int arg_exit(struct record *r, struct arg_plan *a, __u32 i)
{
	struct syscall *s = (void *)r->data;

	if (i >= CALL_ARGS)
		return 0;
	if (a->reading == READ_OUT && s->result >= 0) {
		s->reads[i] = bytes_user(r, s->args[i], length_of(a, s));
	} else if (a->reading == READ_MSG_OUT && s->result >= 0) {
		s->reads[i] = message_user(r, s->args[i], r->h.abi != ABI_64);
	} else if (a->reading == READ_STRING && s->reads[i] == unread(UNREAD_FAULT)) {
		s->reads[i] = str_user(r, s->args[i]);
		s->late |= 1 << i;
	}
	return 0;
}

static __always_inline __u32 number_of(struct record *r)
{
	return ((struct syscall *)r->data)->nr;
}

/* What was said of a call at its entry, by the plan of then. */
static struct call_plan *plan_at_entry(struct record *r)
{
	struct call c = { .abi = r->h.abi, .nr = number_of(r) };
	__u32 key = key_of(&c);

	return bpf_map_lookup_elem(&call_plans, &key);
}

/*
 * One that fails when the new program has its registers already returns by the number of execve, whichever call it was:
 * take it for what it was at entry. See call_execs() for one that succeeds.
 */
static __always_inline void exec_fails(struct record *r, struct call *c, struct call_plan **plan)
{
	struct call_plan *then = plan_at_entry(r);

	if (!then || !(then->flags & CALL_EXECS))
		return;
	c->nr = number_of(r);
	*plan = then;
}

SEC("tp_btf/sys_exit")
int BPF_PROG(call_sys_exit, struct pt_regs *regs, long ret)
{
	__u32 nr = regs->orig_ax, i, state = ATTEMPT_RETURNED;
	struct task_struct *task;
	struct call_plan *plan;
	struct syscall *s;
	struct record *r = 0;
	thread_key thread;
	struct call c;
	bool busy;

	if (!number_wanted(nr))
		return 0;
	task = bpf_get_current_task_btf();
	if (!caller_wanted(task))
		return 0;
	busy = may_be_busy(task);
	if (!busy && !names_wanted(task))
		return 0;
	plan = plan_of(&c, task, nr);
	if (!plan)
		return 0;
	if (counting) {
		count_exit(&c, plan, task, regs, ret);
		return 0;
	}
	thread = thread_key_of(task);
	if (busy)
		r = bpf_map_lookup_elem(&call_threads, &thread);
	if (r && r->busy == IN_CALL && number_of(r) != c.nr && plan->flags & CALL_EXECS)
		exec_fails(r, &c, &plan);
	if (r && r->busy == NOT_WANTED && number_of(r) == c.nr) {
		busy_set(&r->busy, task, IDLE);
		return 0;
	}
	if (!r || r->busy != IN_CALL || number_of(r) != c.nr) {
		if (is_childs(plan, ret) || (busy && !names_wanted(task)) || !call_wanted(&c, plan, regs))
			return 0;
		args_take(&c, regs);
		r = call_begin(&c, plan, task);
		if (!r)
			return 0;
		((struct syscall *)r->data)->entered = 0;
		state = ATTEMPT_STOPPED;
		if (!prefix_wanted(r, plan)) {
			call_filtered();
			return 0;
		}
	}
	busy_set(&r->busy, task, IDLE);
	s = (void *)r->data;
	s->state = state;
	s->result = ret;
	if (plan->flags & CALL_FAILED && ret >= 0) {
		call_filtered();
		return 0;
	}
	if ((plan->flags & CALL_FAILED || state == ATTEMPT_STOPPED) && !limit_passes(plan->limit))
		return 0;
	for (i = 0; i < CALL_ARGS; i++)
		arg_exit(r, &plan->args[i], i);
	header_stamp(r);
	record_output(r, false);
	return 0;
}

/*
 * The call that has made another program of its process has succeeded, and is told here: from now on it has the number
 * of execve for callers like the new program (arch/x86/kernel/process_64.c: set_personality_64bit() and its like), by
 * whichever call it was started, its registers are cleared, and its memory is another.
 */
SEC("tp_btf/sched_process_exec")
int BPF_PROG(call_execs, struct task_struct *task)
{
	struct pt_regs *regs = (void *)bpf_task_pt_regs(task);
	thread_key thread = thread_key_of(task);
	struct call c;
	struct call_plan *returns = plan_of(&c, task, regs->orig_ax), *plan;
	struct record *r;
	struct syscall *s;
	bool entered;

	if (counting) {
		count_exec(&c, returns, task);
		return 0;
	}
	r = bpf_map_lookup_elem(&call_threads, &thread);
	entered = r && r->busy != IDLE;
	plan = entered ? plan_at_entry(r) : 0;
	if (plan && r->busy == IN_CALL && plan->flags & CALL_FAILED) {
		call_filtered();
	} else if (plan && r->busy == IN_CALL && plan->flags & CALL_EXECS) {
		s = (void *)r->data;
		s->state = ATTEMPT_RETURNED;
		header_stamp(r);
		record_output(r, false);
	}
	if (r)
		busy_set(&r->busy, task, IDLE);
	if (returns && (entered || may_have_begun_unwanted(returns)))
		call_leave_out(&c, returns, task);
	return 0;
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(call_thread_end, struct task_struct *task)
{
	thread_key thread = thread_key_of(task);
	struct record *r;

	caller_ends(task);
	if (counting) {
		count_thread_end(task);
		return 0;
	}
	r = bpf_map_lookup_elem(&call_threads, &thread);
	if (!r)
		return 0;
	busy_set(&r->busy, task, IDLE);
	bpf_map_delete_elem(&call_threads, &thread);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
