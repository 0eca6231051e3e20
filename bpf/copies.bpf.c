// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * The kernel's own copies of what a module call was given: the parameters, the
 * name, the file. User memory can change after it was read at entry; these cannot.
 */
#include "attempt.bpf.h"

/* mm/util.c: load_module() copies the parameters with strndup_user() */
static int params_copied(const char *copy)
{
	struct record *r = attempt_get();
	struct finit_module *finit;
	struct init_module *init;

	/* A value above the last page is an ERR_PTR. */
	if (!r || (unsigned long)copy >= (unsigned long)-4095)
		return 0;
	if (r->h.kind == KIND_INIT_MODULE) {
		init = (void *)r->data;
		if (!str_is_read(init->param_values_kernel))
			init->param_values_kernel = str_kernel(r, copy);
	} else if (r->h.kind == KIND_FINIT_MODULE) {
		finit = (void *)r->data;
		if (!str_is_read(finit->param_values_kernel))
			finit->param_values_kernel = str_kernel(r, copy);
	}
	return 0;
}

static int name_copied(const char *name)
{
	struct record *r = attempt_get();
	struct delete_module *del;

	if (!r || r->h.kind != KIND_DELETE_MODULE)
		return 0;
	del = (void *)r->data;
	if (!str_is_read(del->name_kernel))
		del->name_kernel = str_kernel(r, name);
	return 0;
}

static int module_found(struct module *m)
{
	struct record *r = attempt_get();
	struct delete_module *del;

	if (!r || r->h.kind != KIND_DELETE_MODULE)
		return 0;
	del = (void *)r->data;
	if (!m) {
		del->refcount_unread = UNREAD_ABSENT;
		del->holders = unread(UNREAD_ABSENT);
		return 0;
	}
	/* kernel/module/main.c: MODULE_REF_BASE is 1 */
	del->refcount = BPF_CORE_READ(m, refcnt.counter) - 1;
	del->refcount_unread = UNREAD_NONE;
	del->holders = uses_append(r, &m->source_list, false);
	return 0;
}

static int file_read(struct file *file, int id)
{
	struct record *r = attempt_get();
	struct finit_module *finit;

	if (!r || r->h.kind != KIND_FINIT_MODULE)
		return 0;
	finit = (void *)r->data;
	file_fill(r, &finit->file_kernel, file);
	return 0;
}

SEC("fexit/strndup_user")
int BPF_PROG(fexit_strndup_user, const char *s, long n, char *copy)
{
	return params_copied(copy);
}

SEC("fexit/find_module")
int BPF_PROG(fexit_find_module, const char *name, struct module *m)
{
	name_copied(name);
	return module_found(m);
}

SEC("fentry/security_kernel_read_file")
int BPF_PROG(fentry_kernel_read_file, struct file *file, int id, bool contents)
{
	return file_read(file, id);
}

SEC("kretprobe/strndup_user")
int BPF_KRETPROBE(kretprobe_strndup_user, char *copy)
{
	return params_copied(copy);
}

SEC("kprobe/find_module")
int BPF_KPROBE(kprobe_find_module, const char *name)
{
	return name_copied(name);
}

SEC("kretprobe/find_module")
int BPF_KRETPROBE(kretprobe_find_module, struct module *m)
{
	return module_found(m);
}

SEC("kprobe/security_kernel_read_file")
int BPF_KPROBE(kprobe_kernel_read_file, struct file *file, int id)
{
	return file_read(file, id);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
