// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * The kernel asks for a module: __request_module() in some task, then a work item
 * that starts modprobe. The two are joined by the address of struct
 * subprocess_info, which lives from the call to the exec; never by time or name.
 */
#include "attempt.bpf.h"
#include "process_context.bpf.h"

EVENT(module_request);
EVENT(usermodehelper);

/* 1: module_request is sent by the tracepoint alone, which sees no refused requests */
const volatile __u32 tracepoint_only = 0;

struct request_entry {
	request_id id;
	__u32 wanted;		/* the requester's events are asked for */
	__u32 canary;		/* Ringward asked, to prove the hook */
};

/* The request that a thread is in. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, __u64);
	__type(value, struct request_entry);
} requests SEC(".maps");

/* From call_usermodehelper_exec() to the new task; keyed by struct subprocess_info. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, kaddr);
	__type(value, struct request_entry);
} helpers SEC(".maps");

/* Other filters are left to the reader, who needs the request to explain a load. */
static bool requester_wanted(void)
{
	__u64 id = bpf_get_current_pid_tgid();

	return pid_wanted(id >> 32, id) || is_canary(id);
}

static struct record *request_begin(const char *alias, __u32 hook)
{
	struct module_request *x;
	struct record *r;

	tell_caller();
	r = slot_claim();
	if (!r)
		return 0;
	header_fill(r, KIND_MODULE_REQUEST, hook, bpf_get_current_task_btf(), sizeof(*x));
	x = (void *)r->data;
	x->request = r->h.seq << 12 | r->h.cpu;
	x->pad = 0;
	x->call_site = 0;
	x->wait = -1;
	x->result = 0;
	x->alias = str_kernel(r, alias);
	return r;
}

static void request_enter(struct record *r)
{
	__u64 key = bpf_get_current_pid_tgid();
	struct request_entry e = {
		.id = ((struct module_request *)r->data)->request,
		.wanted = pid_wanted(r->h.task.pid, r->h.task.tid),
		.canary = is_canary(r->h.task.tid),
	};

	bpf_map_update_elem(&requests, &key, &e, BPF_ANY);
}

/*
 * A refused request ends here; one that is let through goes on to the tracepoint,
 * which knows the call site and whether the requester waits.
 */
static int request_checked(const char *alias, int result, __u32 hook)
{
	struct record *r;

	if (!result || !requester_wanted())
		return 0;
	r = request_begin(alias, hook);
	if (!r)
		return 0;
	((struct module_request *)r->data)->result = result;
	record_submit(r, true);
	return 0;
}

SEC("tp_btf/module_request")
int BPF_PROG(tp_btf_module_request, char *name, bool wait, unsigned long ip)
{
	struct module_request *x;
	struct record *r;

	if (!requester_wanted())
		return 0;
	r = request_begin(name, HOOK_TP_BTF);
	if (!r)
		return 0;
	x = (void *)r->data;
	x->wait = wait;
	x->call_site = ip;
	request_enter(r);
	record_submit(r, true);
	return 0;
}

SEC("fexit/security_kernel_module_request")
int BPF_PROG(fexit_module_request, char *name, int result)
{
	return request_checked(name, result, HOOK_FENTRY);
}

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, __u64);
	__type(value, kaddr);
} request_names SEC(".maps");

SEC("kprobe/security_kernel_module_request")
int BPF_KPROBE(kprobe_module_request, char *name)
{
	__u64 key = bpf_get_current_pid_tgid();
	kaddr value = (kaddr)name;

	bpf_map_update_elem(&request_names, &key, &value, BPF_ANY);
	return 0;
}

SEC("kretprobe/security_kernel_module_request")
int BPF_KRETPROBE(kretprobe_module_request, int result)
{
	__u64 key = bpf_get_current_pid_tgid();
	kaddr *name = bpf_map_lookup_elem(&request_names, &key);

	if (name)
		request_checked((const char *)*name, result, HOOK_KPROBE);
	bpf_map_delete_elem(&request_names, &key);
	return 0;
}

static int helper_called(kaddr info)
{
	__u64 key = bpf_get_current_pid_tgid();
	struct request_entry *e = bpf_map_lookup_elem(&requests, &key), copy;

	if (!e)
		return 0;
	copy = *e;
	bpf_map_update_elem(&helpers, &info, &copy, BPF_ANY);
	bpf_map_delete_elem(&requests, &key);
	return 0;
}

/* In the new task, before it becomes modprobe. */
static int helper_started(kaddr info, __u32 hook)
{
	struct request_entry *e = bpf_map_lookup_elem(&helpers, &info);
	struct subprocess_info *sub = (void *)info;
	struct usermodehelper *x;
	struct record *r;
	__u32 one = 1;

	if (!e)
		return 0;
	if (e->canary)
		canary_begins(bpf_get_current_pid_tgid());
	r = slot_claim();
	if (r) {
		header_fill(r, KIND_USERMODEHELPER, hook, bpf_get_current_task_btf(), sizeof(*x));
		x = (void *)r->data;
		x->request = e->id;
		x->pad = 0;
		x->path = str_kernel(r, BPF_CORE_READ(sub, path));
		if (only_pids == 2 && e->wanted)
			bpf_map_update_elem(&wanted_pids, &r->h.task.pid, &one, BPF_ANY);
		record_submit(r, true);
	}
	bpf_map_delete_elem(&helpers, &info);
	return 0;
}

SEC("fentry/call_usermodehelper_exec")
int BPF_PROG(fentry_helper_called, void *info)
{
	return helper_called((kaddr)info);
}

SEC("fentry/call_usermodehelper_exec_async")
int BPF_PROG(fentry_helper_started, void *info)
{
	return helper_started((kaddr)info, HOOK_FENTRY);
}

SEC("kprobe/call_usermodehelper_exec")
int BPF_KPROBE(kprobe_helper_called, void *info)
{
	return helper_called((kaddr)info);
}

SEC("kprobe/call_usermodehelper_exec_async")
int BPF_KPROBE(kprobe_helper_started, void *info)
{
	return helper_started((kaddr)info, HOOK_KPROBE);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
