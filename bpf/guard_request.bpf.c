// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/* Marks the processes that the kernel starts for a module, and their descendants. Denies nothing. */
#include "guard_proof.bpf.h"
#include "guard_request.bpf.h"
#include "guard_text.bpf.h"

#define MODPROBE_ARGUMENTS 4

static void request_keep(struct task_struct *task, const struct text *alias)
{
	struct text *t = bpf_task_storage_get(&guard_requests, task, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
	__u64 *lost;

	if (t) {
		*t = *alias;
		return;
	}
	lost = requests_lost();
	if (lost)
		__sync_fetch_and_add(lost, 1);
}

/*
 * In the new task, before it becomes modprobe. kernel/module/kmod.c: call_modprobe() makes the arguments
 * { path, "-q", "--", alias }, and it alone.
 */
SEC("fentry/call_usermodehelper_exec_async")
int BPF_PROG(fentry_helper, struct subprocess_info *info)
{
	const char *arguments[MODPROBE_ARGUMENTS] = {};
	char quiet[3] = {}, dashes[3] = {};
	__u8 alias[TEXT_WORDS * 8] = {};
	struct text t;
	long len;

	if (bpf_probe_read_kernel(arguments, sizeof(arguments), BPF_CORE_READ(info, argv)))
		return 0;
	bpf_probe_read_kernel_str(quiet, sizeof(quiet), arguments[1]);
	bpf_probe_read_kernel_str(dashes, sizeof(dashes), arguments[2]);
	if (quiet[0] != '-' || quiet[1] != 'q' || quiet[2] || dashes[0] != '-' || dashes[1] != '-' || dashes[2])
		return 0;
	len = bpf_probe_read_kernel_str(alias, sizeof(alias), arguments[3]);
	if (len <= 0)
		return 0;
	text_set(&t, alias, len - 1, true);
	request_keep(bpf_get_current_task_btf(), &t);
	proof_count(PROOF_HELPER);
	return 0;
}

/* What modprobe starts (install commands) loads for the same request. */
SEC("tp_btf/sched_process_fork")
int BPF_PROG(tp_btf_helper_fork, struct task_struct *parent, struct task_struct *child)
{
	struct text *from;

	/* As if it had been started for a request. */
	if (proving())
		bpf_task_storage_get(&guard_requests, parent, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
	/* Nothing is kept with nearly any task, and that costs less to see than to ask for it. */
	if (bpf_core_field_exists(parent->bpf_storage) && !parent->bpf_storage)
		return 0;
	from = request_of(parent);
	if (!from)
		return 0;
	request_keep(child, from);
	if (request_of(child))
		proves(PROOF_CHILD);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
