// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * The module system calls: create_module, init_module, finit_module,
 * delete_module, query_module, get_kernel_syms; 64-bit, 32-bit and x32.
 *
 * The same records come from the raw tracepoints (which see every attempt, dead
 * calls and calls that seccomp stops included), from fentry, from kprobes and
 * from the tracepoints of each call.
 */
#include "attempt.bpf.h"
#include "process_context.bpf.h"
#include "module_call.bpf.h"

EVENT(create_module);
EVENT(init_module);
EVENT(finit_module);
EVENT(delete_module);
EVENT(query_module);
EVENT(get_kernel_syms);

/* Bit of each enum event_kind that the raw tracepoints serve. */
const volatile __u32 tp_btf_kinds = 0;

static __u32 record_size(__u32 kind)
{
	switch (kind) {
	case KIND_CREATE_MODULE: return sizeof(struct create_module);
	case KIND_INIT_MODULE: return sizeof(struct init_module);
	case KIND_FINIT_MODULE: return sizeof(struct finit_module);
	case KIND_DELETE_MODULE: return sizeof(struct delete_module);
	case KIND_QUERY_MODULE: return sizeof(struct query_module);
	}
	return sizeof(struct get_kernel_syms);
}

static void args_fill(struct record *r, struct call *c, struct task_struct *task)
{
	struct create_module *create = (void *)r->data;
	struct init_module *init = (void *)r->data;
	struct finit_module *finit = (void *)r->data;
	struct delete_module *del = (void *)r->data;
	struct query_module *query = (void *)r->data;
	struct get_kernel_syms *syms = (void *)r->data;

	/*
	 * Not c->kind: Linux 6.1's verifier takes the constant of one caller's path for
	 * all, and cuts the other branches away. It knows nothing of a map's value.
	 */
	switch (r->h.kind) {
	case KIND_CREATE_MODULE:
		create->name_ptr = c->args[0];
		create->code = c->args[1];
		create->len = c->args[2];
		create->mode = c->args[3];
		create->flags = c->args[4];
		create->name = str_user(r, c->args[0]);
		create->name_exit = unread(UNREAD_NOT_NEEDED);
		break;
	case KIND_INIT_MODULE:
		init->module_image = c->args[0];
		init->len = c->args[1];
		init->pad = 0;
		init->param_values = str_user(r, c->args[2]);
		init->param_values_kernel = unread(UNREAD_NO_COPY);
		init->param_values_exit = unread(UNREAD_NOT_NEEDED);
		break;
	case KIND_FINIT_MODULE:
		finit->fd = c->args[0];
		finit->flags = c->args[2];
		finit->pad = 0;
		finit->param_values = str_user(r, c->args[1]);
		finit->param_values_kernel = unread(UNREAD_NO_COPY);
		finit->param_values_exit = unread(UNREAD_NOT_NEEDED);
		file_fill(r, &finit->file, file_of_fd(task, c->args[0]));
		file_unread(&finit->file_kernel, UNREAD_NO_COPY);
		break;
	case KIND_DELETE_MODULE:
		del->flags = c->args[1];
		del->pad = 0;
		del->name = str_user(r, c->args[0]);
		del->name_kernel = unread(UNREAD_NO_COPY);
		del->name_exit = unread(UNREAD_NOT_NEEDED);
		del->holders = unread(UNREAD_NOT_REACHED);
		del->refcount = -1;
		del->refcount_unread = UNREAD_NOT_REACHED;
		break;
	case KIND_QUERY_MODULE:
		query->which = c->args[1];
		query->pad = 0;
		query->buf = c->args[2];
		query->bufsize = c->args[3];
		query->ret = c->args[4];
		query->name = str_user(r, c->args[0]);
		query->name_exit = unread(UNREAD_NOT_NEEDED);
		break;
	default:
		syms->table = c->args[0];
	}
}

static str_loc string_again(struct record *r, str_loc entry, str_loc kernel, __u64 src)
{
	if (str_is_read(entry) || str_is_read(kernel) || !src)
		return unread(UNREAD_NOT_NEEDED);
	return str_user(r, src);
}

/* A page that was not in memory at entry has been brought in by the call itself. */
static void args_again(struct record *r, struct call *c)
{
	struct create_module *create = (void *)r->data;
	struct init_module *init = (void *)r->data;
	struct finit_module *finit = (void *)r->data;
	struct delete_module *del = (void *)r->data;
	struct query_module *query = (void *)r->data;

	switch (r->h.kind) {
	case KIND_CREATE_MODULE:
		create->name_exit = string_again(r, create->name, 0, c->args[0]);
		break;
	case KIND_INIT_MODULE:
		init->param_values_exit = string_again(r, init->param_values, init->param_values_kernel, c->args[2]);
		break;
	case KIND_FINIT_MODULE:
		finit->param_values_exit = string_again(r, finit->param_values, finit->param_values_kernel, c->args[1]);
		break;
	case KIND_DELETE_MODULE:
		del->name_exit = string_again(r, del->name, del->name_kernel, c->args[0]);
		break;
	case KIND_QUERY_MODULE:
		query->name_exit = string_again(r, query->name, 0, c->args[0]);
		break;
	}
}

static struct record *attempt_begin(struct call *c, struct task_struct *task, __u32 hook)
{
	struct record *r;
	struct attempt *a;

	if (!task_wanted(task))
		return 0;
	tell_caller();
	r = slot_claim();
	if (!r)
		return 0;
	header_fill(r, c->kind, hook, task, 0);
	r->len = record_size(r->h.kind);
	r->h.abi = c->abi;
	if (root_is_initramfs(task))
		r->h.task.flags |= FLAG_INITRAMFS;
	a = attempt_of(r);
	a->id = r->h.seq << 12 | r->h.cpu;
	a->entered = r->h.time;
	a->result = 0;
	a->state = ATTEMPT_ENTERED;
	a->nr = c->nr;
	args_fill(r, c, task);
	return r;
}

static int enter(struct call *c, struct task_struct *task, __u32 hook)
{
	__u64 key = bpf_get_current_pid_tgid();
	struct counters *count;
	struct record *r = attempt_begin(c, task, hook);

	if (!r)
		return 0;
	if (bpf_map_update_elem(&attempts, &key, r, BPF_ANY)) {
		count = counters_get();
		if (count)
			__sync_fetch_and_add(&count->unpaired, 1);
	}
	/* Shown when the call has not returned after a while: the reader looks often enough. */
	record_submit(r, false);
	return 0;
}

static int leave(struct call *c, struct task_struct *task, __u32 hook, __s64 result, bool may_be_stopped)
{
	__u64 key = bpf_get_current_pid_tgid();
	struct record *r = attempt_get();
	bool entered = r && r->h.kind == c->kind;
	struct attempt *a;

	if (!entered) {
		if (!may_be_stopped)
			return 0;
		r = attempt_begin(c, task, hook);
		if (!r)
			return 0;
	}
	a = attempt_of(r);
	a->result = result;
	if (!entered) {
		a->entered = 0;
		a->state = ATTEMPT_STOPPED;
		record_submit(r, true);
		return 0;
	}
	a->state = ATTEMPT_RETURNED;
	header_stamp(r);
	args_again(r, c);
	record_output(r, true);
	bpf_map_delete_elem(&attempts, &key);
	return 0;
}

SEC("tp_btf/sys_enter")
int BPF_PROG(tp_btf_sys_enter, struct pt_regs *regs, long id)
{
	struct task_struct *task;
	struct call c;

	if (!may_be_module_call(id))
		return 0;
	c = (struct call){};
	task = bpf_get_current_task_btf();
	if (!call_kind(&c, task, id) || !(tp_btf_kinds & 1 << c.kind))
		return 0;
	call_args(&c, task, regs);
	return enter(&c, task, HOOK_TP_BTF);
}

SEC("tp_btf/sys_exit")
int BPF_PROG(tp_btf_sys_exit, struct pt_regs *regs, long ret)
{
	__u32 nr = regs->orig_ax;
	struct task_struct *task;
	struct call c;

	if (!may_be_module_call(nr))
		return 0;
	c = (struct call){};
	task = bpf_get_current_task_btf();
	if (!call_kind(&c, task, nr) || !(tp_btf_kinds & 1 << c.kind))
		return 0;
	call_args(&c, task, regs);
	return leave(&c, task, HOOK_TP_BTF, ret, true);
}

static int enter_handler(struct pt_regs *regs, __u32 hook)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct call c = {};

	if (!call_kind(&c, task, BPF_CORE_READ(regs, orig_ax)))
		return 0;
	call_args(&c, task, regs);
	return enter(&c, task, hook);
}

static int leave_handler(__u32 hook, long ret)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct pt_regs *regs = (void *)bpf_task_pt_regs(task);
	struct call c = {};

	if (!call_kind(&c, task, BPF_CORE_READ(regs, orig_ax)))
		return 0;
	call_args(&c, task, regs);
	return leave(&c, task, hook, ret, false);
}

#define HANDLER(abi, call)								\
	SEC("fentry/__" #abi "_sys_" #call)						\
	int BPF_PROG(fentry_##abi##_##call, struct pt_regs *regs)			\
	{										\
		return enter_handler(regs, HOOK_FENTRY);				\
	}										\
	SEC("fexit/__" #abi "_sys_" #call)						\
	int BPF_PROG(fexit_##abi##_##call, struct pt_regs *regs, long ret)		\
	{										\
		return leave_handler(HOOK_FENTRY, ret);					\
	}										\
	SEC("kprobe/__" #abi "_sys_" #call)						\
	int BPF_KPROBE(kprobe_##abi##_##call, struct pt_regs *regs)			\
	{										\
		return enter_handler(regs, HOOK_KPROBE);				\
	}										\
	SEC("kretprobe/__" #abi "_sys_" #call)						\
	int BPF_KRETPROBE(kretprobe_##abi##_##call, long ret)				\
	{										\
		return leave_handler(HOOK_KPROBE, ret);					\
	}

HANDLER(x64, init_module)
HANDLER(x64, finit_module)
HANDLER(x64, delete_module)
HANDLER(ia32, init_module)
HANDLER(ia32, finit_module)
HANDLER(ia32, delete_module)

/* kernel/trace/trace_syscalls.c: perf_syscall_enter(), perf_syscall_exit() */
struct syscall_trace_enter {
	__u64 common;
	__s32 nr;
};

struct syscall_trace_exit {
	__u64 common;
	__s32 nr;
	__s64 ret;
};

/* Arguments from the registers: a program that reads more of `ctx` than the call has is not attached. */
static int enter_tracepoint(struct syscall_trace_enter *ctx)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct call c = {};

	if (!call_kind(&c, task, ctx->nr))
		return 0;
	call_args(&c, task, (void *)bpf_task_pt_regs(task));
	return enter(&c, task, HOOK_TRACEPOINT);
}

/* The tracepoints of each call do not fire for 32-bit and x32 callers (arch_trace_is_compat_syscall()). */
#define TRACEPOINT(call)								\
	SEC("tracepoint/syscalls/sys_enter_" #call)					\
	int tracepoint_enter_##call(struct syscall_trace_enter *ctx)			\
	{										\
		return enter_tracepoint(ctx);						\
	}										\
	SEC("tracepoint/syscalls/sys_exit_" #call)					\
	int tracepoint_exit_##call(struct syscall_trace_exit *ctx)			\
	{										\
		return leave_handler(HOOK_TRACEPOINT, ctx->ret);			\
	}

TRACEPOINT(init_module)
TRACEPOINT(finit_module)
TRACEPOINT(delete_module)

char LICENSE[] SEC("license") = "Dual BSD/GPL";
