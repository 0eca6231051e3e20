// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * Judges modules: by the digest of the kernel's own copy of the image, before
 * anything of it is parsed, and by the facts of the load.
 *
 * The parameters are in user memory then, and can be changed before the kernel
 * copies them. So they are judged once more when it has. No hook that can refuse
 * follows until the kernel makes the module's folder in sysfs; a load that is
 * refused there fails with ENOMEM, before the module's init function.
 */
#include "guard_event.bpf.h"
#include "guard_image.bpf.h"
#include "module_image.bpf.h"

EVENT(module_verdict);
ENUM(module_stage);

#define EKEYREJECTED 129

enum load_stage {
	LOAD_NONE,
	LOAD_JUDGED,		/* by the parameters in user memory */
	LOAD_CONFIRMED,		/* and by the kernel's copy of them */
	LOAD_REFUSED,
};

/* The load that a task is in. */
struct load {
	__u32 stage;		/* enum load_stage */
	__u32 enforced;		/* it was judged in that mode */
	__u32 action;		/* enum action */
	__u32 known;		/* bit of each enum fact */
	__u32 flags;
	__u32 pad;
	__u8 digest[32];
	struct text name;
};

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct load);
} guard_loads SEC(".maps");

/* 1: the parameters are judged again; then a load that was not is refused. */
const volatile __u32 parameters_again = 0;

/* What is judged, and where. */
struct judged {
	struct file *file;
	__u64 size;
	__u64 began;		/* CLOCK_BOOTTIME, nanoseconds */
	__s32 error;		/* of hashing; ENOMEM: there was no room to decide */
	__u32 stage;		/* enum module_stage */
	__u32 hook;		/* enum hook */
	__u32 pad;
};

static void verdict_begin(struct module_verdict *x, const struct judged *j)
{
	x->attempt = attempt_current();
	x->size = j->size;
	x->stage = j->stage;
	x->error = j->error;
	x->pad = 0;
	x->flags = x->origin = 0;
	x->flags_unread = x->origin_unread = UNREAD_NOT_REACHED;
	x->name = x->param_values = x->alias = unread(UNREAD_NOT_REACHED);
	__builtin_memset(x->digest, 0, sizeof(x->digest));
}

static void verdict_facts(struct record *r, struct module_verdict *x, struct facts *f)
{
	struct parameters *p = &f->parameters;

	verdict_fill(r, &x->verdict, f);
	x->flags = f->flags;
	x->flags_unread = f->known & FACT_FLAGS ? UNREAD_NONE : UNREAD_NO_ENTRY;
	x->origin = f->origin;
	x->origin_unread = f->known & FACT_ORIGIN ? UNREAD_NONE : UNREAD_NO_HOOK;
	x->name = text_append(r, &f->name);
	x->alias = !f->alias.read ? unread(UNREAD_NO_HOOK) :
		   f->alias.len ? text_append(r, &f->alias) : unread(UNREAD_ABSENT);
	x->param_values = p->read ? str_kernel(r, (const char *)p->text) : unread(UNREAD_FAULT);
	if (f->known & FACT_DIGEST)
		__builtin_memcpy(x->digest, f->digest, sizeof(x->digest));
}

/* One verdict on its way out; `f` is 0 when there was no room to decide. */
static __noinline void verdict_send(struct facts *f, const struct judged *j)
{
	struct module_verdict *x;
	struct record *r;

	tell_caller();
	r = slot_claim();
	if (!r)
		return;
	header_fill(r, KIND_MODULE_VERDICT, j->hook, bpf_get_current_task_btf(), sizeof(*x));
	x = (void *)r->data;
	verdict_begin(x, j);
	file_fill(r, &x->file, j->file);
	if (f)
		verdict_facts(r, x, f);
	else
		undecided(r, &x->verdict, OPERATION_MODULES);
	x->duration = bpf_ktime_get_boot_ns() - j->began;
	record_submit(r, true);
}

/* Flags and parameters from the registers, which do not change during a call. */
static __noinline void call_facts(struct facts *f, struct task_struct *task, bool from_file)
{
	struct pt_regs *regs = (void *)bpf_task_pt_regs(task);
	struct call c = {};

	parameters_unread(f);
	f->flags = 0;
	if (call_kind(&c, task, BPF_CORE_READ(regs, orig_ax)) != (from_file ? KIND_FINIT_MODULE : KIND_INIT_MODULE))
		return;
	call_args(&c, task, regs);
	f->flags = from_file ? c.args[2] : LOAD_NO_FILE;
	f->known |= FACT_FLAGS;
	parameters_user(f, from_file ? c.args[1] : c.args[2]);
}

/* 0: it could not be kept, and a load whose parameters are to be judged again cannot go on. */
static bool load_kept(struct facts *f, struct task_struct *task)
{
	struct load *l;

	l = bpf_task_storage_get(&guard_loads, task, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!l)
		return false;
	l->stage = LOAD_JUDGED;
	l->enforced = f->decision.mode == MODE_ENFORCE;
	l->action = f->decision.action;
	l->known = f->known;
	l->flags = f->flags;
	l->name = f->name;
	__builtin_memcpy(l->digest, f->digest, sizeof(l->digest));
	return true;
}

/* Of an earlier load of this task: what is not judged now must not be refused for it. */
static void load_forget(struct task_struct *task)
{
	struct load *l = bpf_task_storage_get(&guard_loads, task, 0, 0);

	if (l)
		l->stage = LOAD_NONE;
}

static int image_judged(struct file *file, const void *data, __u64 size, __u32 hook)
{
	struct judged j = {
		.file = file, .size = size, .began = bpf_ktime_get_boot_ns(),
		.error = -12, .stage = STAGE_IMAGE, .hook = hook,
	};
	struct task_struct *task = bpf_get_current_task_btf();
	struct facts *f;
	int answer;

	load_forget(task);
	if (mode_now(OPERATION_MODULES) == MODE_OFF)
		return 0;
	f = facts_claim();
	if (!f) {
		verdict_send(0, &j);
		return answer_undecided(OPERATION_MODULES, -EKEYREJECTED);
	}
	f->operation = OPERATION_MODULES;
	subject_set(f, task);
	origin_set(f, task);
	call_facts(f, task, file != 0);
	image_name(f, data, size);
	j.error = sha256_kernel(&f->sha, data, size, f->digest);
	if (!j.error)
		f->known |= FACT_DIGEST;
	decide(f);
	if (proves(file ? PROOF_FILE : PROOF_MEMORY)) {
		/* What follows in a load is proved by other calls of the thread. */
		if (parameters_again)
			load_kept(f, task);
		facts_release(f);
		/* Or the kernel writes to its log that this is no module. */
		return -EKEYREJECTED;
	}
	if (parameters_again && !load_kept(f, task)) {
		f->decision.level = LEVEL_FAULT;
		f->decision.rule = -1;
		f->decision.refused = f->decision.mode == MODE_ENFORCE;
		f->decision.action = f->decision.refused ? ACTION_DENY : f->decision.action;
	}
	verdict_send(f, &j);
	answer = answer_decided(f, -EKEYREJECTED);
	facts_release(f);
	return answer;
}

SEC("lsm/kernel_post_read_file")
int BPF_PROG(lsm_judge_file, struct file *file, char *buf, long long size, int id, int ret)
{
	return ret ? ret : id == READING_MODULE ? image_judged(file, buf, size, HOOK_LSM) : 0;
}

SEC("lsm/kernel_post_load_data")
int BPF_PROG(lsm_judge_data, char *buf, long long size, int id, char *description, int ret)
{
	return ret ? ret : id == READING_MODULE ? image_judged(0, buf, size, HOOK_LSM) : 0;
}

SEC("fmod_ret/security_kernel_post_read_file")
int BPF_PROG(fmod_ret_judge_file, struct file *file, char *buf, long long size, int id, int ret)
{
	return ret ? ret : id == READING_MODULE ? image_judged(file, buf, size, HOOK_FMOD_RET) : 0;
}

SEC("fmod_ret/security_kernel_post_load_data")
int BPF_PROG(fmod_ret_judge_data, char *buf, long long size, int id, char *description, int ret)
{
	return ret ? ret : id == READING_MODULE ? image_judged(0, buf, size, HOOK_FMOD_RET) : 0;
}

/* The verdict by the parameters that the kernel will use; it is sent when it is another one. */
static void judge_again(struct load *l, const char *copy)
{
	struct judged j = { .began = bpf_ktime_get_boot_ns(), .stage = STAGE_PARAMETERS, .hook = HOOK_FENTRY };
	struct task_struct *task = bpf_get_current_task_btf();
	struct facts *f = facts_claim();

	if (!f)
		return;
	f->operation = OPERATION_MODULES;
	subject_set(f, task);
	origin_set(f, task);
	f->known |= l->known & (FACT_FLAGS | FACT_DIGEST);
	f->flags = l->flags;
	f->name = l->name;
	__builtin_memcpy(f->digest, l->digest, sizeof(f->digest));
	parameters_kernel(f, copy);
	decide(f);
	if (proves(PROOF_PARAMETERS)) {
		facts_release(f);
		return;
	}
	l->stage = f->decision.action == ACTION_DENY ? LOAD_REFUSED : LOAD_CONFIRMED;
	if (f->decision.action != l->action)
		verdict_send(f, &j);
	facts_release(f);
}

SEC("fexit/strndup_user")
int BPF_PROG(fexit_judge_parameters, const char *s, long n, char *copy)
{
	struct load *l;

	/* A value above the last page is an ERR_PTR. */
	if ((unsigned long)copy >= (unsigned long)-4095)
		return 0;
	l = bpf_task_storage_get(&guard_loads, bpf_get_current_task_btf(), 0, 0);
	if (l && l->stage == LOAD_JUDGED)
		judge_again(l, copy);
	return 0;
}

/*
 * A load that was refused for the parameters that the kernel copied, or never judged by them. What a task
 * does after a load that ended early is no load: the system call tells.
 */
static int folder_judged(void)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct call c = {};
	struct pt_regs *regs;
	struct load *l;

	l = bpf_task_storage_get(&guard_loads, task, 0, 0);
	/* Its folder is another one than a module's. */
	if (l && proves(PROOF_FOLDER))
		return -EKEYREJECTED;
	if (!l || !l->enforced || (l->stage != LOAD_JUDGED && l->stage != LOAD_REFUSED))
		return 0;
	regs = (void *)bpf_task_pt_regs(task);
	call_kind(&c, task, BPF_CORE_READ(regs, orig_ax));
	return may_deny && (c.kind == KIND_INIT_MODULE || c.kind == KIND_FINIT_MODULE) ? -EKEYREJECTED : 0;
}

SEC("lsm/kernfs_init_security")
int BPF_PROG(lsm_judge_folder, void *parent, void *node, int ret)
{
	return ret ? ret : folder_judged();
}

SEC("fmod_ret/security_kernfs_init_security")
int BPF_PROG(fmod_ret_judge_folder, void *parent, void *node, int ret)
{
	return ret ? ret : folder_judged();
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
