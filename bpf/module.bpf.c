// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/* The life of a module in the kernel: loaded, initialised, freed. */
#include "attempt.bpf.h"

EVENT(module_load);
EVENT(do_init_module);
EVENT(module_free);

/* mod->mem[MOD_TEXT], include/linux/module.h: enum mod_mem_type */
#define MOD_TEXT 0
#define MOD_MEM_TYPES 7

static kaddr module_base(struct module *m)
{
	struct module___memory *memory = (void *)m;
	struct module___layout *layout = (void *)m;

	if (bpf_core_field_exists(memory->mem))
		return (kaddr)BPF_CORE_READ(memory, mem[MOD_TEXT].base);
	if (bpf_core_field_exists(layout->core_layout))
		return (kaddr)BPF_CORE_READ(layout, core_layout.base);
	return 0;
}

/* All of its memory, init sections included: what /proc/modules prints while it loads. */
static bytes module_size(struct module *m)
{
	struct module___memory *memory = (void *)m;
	struct module___layout *layout = (void *)m;
	bytes size = 0;

	if (bpf_core_field_exists(memory->mem)) {
		size += BPF_CORE_READ(memory, mem[0].size) + BPF_CORE_READ(memory, mem[1].size);
		size += BPF_CORE_READ(memory, mem[2].size) + BPF_CORE_READ(memory, mem[3].size);
		size += BPF_CORE_READ(memory, mem[4].size) + BPF_CORE_READ(memory, mem[5].size);
		size += BPF_CORE_READ(memory, mem[6].size);
	} else if (bpf_core_field_exists(layout->core_layout)) {
		size = BPF_CORE_READ(layout, core_layout.size) + BPF_CORE_READ(layout, init_layout.size);
	}
	return size;
}

SEC("tp_btf/module_load")
int BPF_PROG(tp_btf_module_load, struct module *m)
{
	struct module_load *x;
	struct record *r;

	if (!task_wanted(bpf_get_current_task_btf()))
		return 0;
	r = slot_claim();
	if (!r)
		return 0;
	header_fill(r, KIND_MODULE_LOAD, HOOK_TP_BTF, bpf_get_current_task_btf(), sizeof(*x));
	x = (void *)r->data;
	x->attempt = attempt_current();
	x->base = module_base(m);
	x->size = module_size(m);
	x->taints = BPF_CORE_READ(m, taints);
	x->name = str_kernel(r, m->name);
	x->version = str_kernel(r, BPF_CORE_READ(m, version));
	x->srcversion = str_kernel(r, BPF_CORE_READ(m, srcversion));
	x->uses = uses_append(r, &m->target_list, true);
	record_submit(r, true);
	return 0;
}

SEC("tp_btf/module_free")
int BPF_PROG(tp_btf_module_free, struct module *m)
{
	struct module_free *x;
	struct record *r;

	if (!task_wanted(bpf_get_current_task_btf()))
		return 0;
	r = slot_claim();
	if (!r)
		return 0;
	header_fill(r, KIND_MODULE_FREE, HOOK_TP_BTF, bpf_get_current_task_btf(), sizeof(*x));
	x = (void *)r->data;
	x->attempt = attempt_current();
	x->base = module_base(m);
	x->pad = 0;
	x->name = str_kernel(r, m->name);
	x->version = str_kernel(r, BPF_CORE_READ(m, version));
	x->srcversion = str_kernel(r, BPF_CORE_READ(m, srcversion));
	record_submit(r, true);
	return 0;
}

/* The module is freed when its init fails: its name is taken at entry. */
struct init_entry {
	ktime_ns time;
	char name[MODULE_NAME_LEN];
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 256);
	__type(key, __u64);
	__type(value, struct init_entry);
} inits SEC(".maps");

static int init_enter(struct module *m)
{
	__u64 key = bpf_get_current_pid_tgid();
	struct init_entry e = { .time = bpf_ktime_get_boot_ns() };

	bpf_probe_read_kernel_str(e.name, sizeof(e.name), m->name);
	bpf_map_update_elem(&inits, &key, &e, BPF_ANY);
	return 0;
}

static int init_leave(int result, __u32 hook)
{
	__u64 key = bpf_get_current_pid_tgid();
	struct init_entry *e = bpf_map_lookup_elem(&inits, &key);
	struct do_init_module *x;
	struct record *r;

	if (!task_wanted(bpf_get_current_task_btf()))
		goto out;
	r = slot_claim();
	if (!r)
		goto out;
	header_fill(r, KIND_DO_INIT_MODULE, hook, bpf_get_current_task_btf(), sizeof(*x));
	x = (void *)r->data;
	x->attempt = attempt_current();
	x->result = result;
	x->duration = e ? r->h.time - e->time : 0;
	x->name = e ? str_kernel(r, e->name) : unread(UNREAD_NO_HOOK);
	record_submit(r, true);
out:
	bpf_map_delete_elem(&inits, &key);
	return 0;
}

SEC("fentry/do_init_module")
int BPF_PROG(fentry_do_init_module, struct module *m)
{
	return init_enter(m);
}

SEC("fexit/do_init_module")
int BPF_PROG(fexit_do_init_module, struct module *m, int result)
{
	return init_leave(result, HOOK_FENTRY);
}

SEC("kprobe/do_init_module")
int BPF_KPROBE(kprobe_do_init_module, struct module *m)
{
	return init_enter(m);
}

SEC("kretprobe/do_init_module")
int BPF_KRETPROBE(kretprobe_do_init_module, int result)
{
	return init_leave(result, HOOK_KPROBE);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
