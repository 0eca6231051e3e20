// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/* Judges the kernel's requests for modules, before modprobe is started. */
#include "guard_event.bpf.h"

EVENT(autoload_verdict);

#define EPERM 1

/*
 * The request by which Ringward proves its hooks (sensor/canary.py): of a protocol family that no kernel has
 * a module for. It is judged like any other and told, but let through, or the hooks behind this one would
 * not be reached.
 */
static bool is_canary_request(const struct facts *f)
{
	const __u8 *alias = (const __u8 *)f->alias.words;

	return f->alias.len == 9 && alias[0] == 'n' && alias[1] == 'e' && alias[2] == 't' && alias[3] == '_' &&
	       alias[4] == 'p' && alias[5] == 'f' && alias[6] == '_' && alias[7] == '1' && alias[8] == '4' &&
	       is_canary(bpf_get_current_pid_tgid());
}

static __noinline void request_send(struct facts *f, const char *alias, __u32 hook)
{
	struct autoload_verdict *x;
	struct record *r;

	tell_caller();
	r = slot_claim();
	if (!r)
		return;
	header_fill(r, KIND_AUTOLOAD_VERDICT, hook, bpf_get_current_task_btf(), sizeof(*x));
	x = (void *)r->data;
	x->pad = 0;
	if (f)
		verdict_fill(r, &x->verdict, f);
	else
		undecided(r, &x->verdict, OPERATION_AUTOLOAD);
	x->alias = str_kernel(r, alias);
	record_submit(r, true);
}

static __noinline void alias_set(struct facts *f, const char *alias)
{
	__u8 copy[TEXT_WORDS * 8] = {};
	long len = bpf_probe_read_kernel_str(copy, sizeof(copy), alias);

	/* __request_module() refuses names longer than 55 bytes. */
	if (len > 0)
		text_set(&f->alias, copy, len - 1, true);
	else
		text_unread(&f->alias);
}

/* trust/entry.py: alias() */
static __noinline void alias_hash(struct facts *f)
{
	if (f->alias.read && !sha256_kernel(&f->sha, f->alias.words, f->alias.len, f->digest))
		f->known |= FACT_DIGEST;
}

static int request_judged(const char *alias, __u32 hook)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct facts *f;
	int answer;

	if (mode_now(OPERATION_AUTOLOAD) == MODE_OFF)
		return 0;
	f = facts_claim();
	if (!f) {
		request_send(0, alias, hook);
		return answer_undecided(OPERATION_AUTOLOAD, -EPERM);
	}
	f->operation = OPERATION_AUTOLOAD;
	subject_set(f, task);
	facts_none(f);
	f->known |= FACT_FLAGS | FACT_ORIGIN;
	f->origin = ORIGIN_REQUEST;
	alias_set(f, alias);
	alias_hash(f);
	decide(f);
	if (proves(PROOF_REQUEST)) {
		facts_release(f);
		return -EPERM;
	}
	if (is_canary_request(f))
		f->decision.refused = 0;
	request_send(f, alias, hook);
	answer = answer_decided(f, -EPERM);
	facts_release(f);
	return answer;
}

SEC("lsm/kernel_module_request")
int BPF_PROG(lsm_judge_request, char *alias, int ret)
{
	return ret ? ret : request_judged(alias, HOOK_LSM);
}

SEC("fmod_ret/security_kernel_module_request")
int BPF_PROG(fmod_ret_judge_request, char *alias, int ret)
{
	return ret ? ret : request_judged(alias, HOOK_FMOD_RET);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
