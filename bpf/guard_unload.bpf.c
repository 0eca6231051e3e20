// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * Judges removals of modules where the kernel asks for the privilege: the caller,
 * and the flags from the registers, do not change any more. The name does: it is
 * in user memory still, and no hook that can refuse follows. A module that must
 * stay is therefore held by a reference (src/ringward/guard/hold.py), and the
 * flag that would remove it all the same is refused here.
 */
#include "guard_event.bpf.h"

EVENT(unload_verdict);

#define EPERM 1
#define CAP_SYS_MODULE 16
#define O_TRUNC 01000

static __noinline void removal_send(struct facts *f, __u64 name, __u32 flags)
{
	struct unload_verdict *x;
	struct record *r;

	tell_caller();
	r = slot_claim();
	if (!r)
		return;
	header_fill(r, KIND_UNLOAD_VERDICT, HOOK_LSM, bpf_get_current_task_btf(), sizeof(*x));
	x = (void *)r->data;
	x->attempt = attempt_current();
	x->flags = flags;
	if (f)
		verdict_fill(r, &x->verdict, f);
	else
		undecided(r, &x->verdict, OPERATION_UNLOAD);
	x->name = str_user(r, name);
	record_submit(r, true);
}

static __noinline void name_set(struct text *t, __u64 name)
{
	__u8 copy[TEXT_WORDS * 8] = {};
	long len = bpf_probe_read_user_str(copy, sizeof(copy), (void *)name);

	if (len > 0)
		text_set(t, copy, len - 1, true);
	else
		text_unread(t);
}

static int removal_judged(struct task_struct *task, __u64 name, __u32 flags)
{
	struct facts *f;
	int answer;

	if (mode_now(OPERATION_UNLOAD) == MODE_OFF)
		return 0;
	f = facts_claim();
	if (!f) {
		removal_send(0, name, flags);
		return answer_undecided(OPERATION_UNLOAD, -EPERM);
	}
	f->operation = OPERATION_UNLOAD;
	subject_set(f, task);
	facts_none(f);
	f->known |= FACT_FLAGS | FACT_ORIGIN;
	f->origin = ORIGIN_COMMAND;
	f->flags = flags & O_TRUNC ? LOAD_FORCE : 0;
	name_set(&f->name, name);
	decide(f);
	if (proves(PROOF_REMOVAL)) {
		facts_release(f);
		return 0;
	}
	removal_send(f, name, flags);
	answer = answer_decided(f, -EPERM);
	facts_release(f);
	return answer;
}

SEC("lsm/capable")
int BPF_PROG(lsm_judge_removal, const void *cred, void *ns, int cap, unsigned int opts, int ret)
{
	struct task_struct *task;
	struct pt_regs *regs;
	struct call c = {};

	if (ret || cap != CAP_SYS_MODULE)
		return ret;
	task = bpf_get_current_task_btf();
	if (task->flags & PF_KTHREAD)
		return 0;
	regs = (void *)bpf_task_pt_regs(task);
	if (call_kind(&c, task, BPF_CORE_READ(regs, orig_ax)) != KIND_DELETE_MODULE)
		return 0;
	call_args(&c, task, regs);
	return removal_judged(task, c.args[0], c.args[1]);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
