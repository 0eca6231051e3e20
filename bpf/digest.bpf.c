// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * SHA-256 of the bytes that the kernel will run: of its own copy of a module's
 * image, after copying and before anything of it is parsed.
 */
#include "attempt.bpf.h"
#include "module_image.bpf.h"
#include "sha256.bpf.h"

EVENT(module_digest);

/* State of a hash that runs; slot i belongs to whoever holds record slot i. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, SLOTS);
	__type(key, __u32);
	__type(value, struct sha256);
} hashers SEC(".maps");

static int image_copied(struct file *file, const void *data, __u64 size, __u32 hook)
{
	struct module_digest *x;
	struct sha256 *sha;
	struct record *r;
	__u32 slot;

	if (!task_wanted(bpf_get_current_task_btf()))
		return 0;
	r = slot_claim();
	if (!r)
		return 0;
	header_fill(r, KIND_MODULE_DIGEST, hook, bpf_get_current_task_btf(), sizeof(*x));
	x = (void *)r->data;
	x->attempt = attempt_current();
	x->size = size;
	x->format = image_format(data, size);
	x->has_signature = signature_appended(data, size);
	x->pad = 0;
	x->error = -12;		/* ENOMEM: no place for the state */
	__builtin_memset(x->digest, 0, sizeof(x->digest));
	file_fill(r, &x->file, file);
	slot = r->slot;
	sha = bpf_map_lookup_elem(&hashers, &slot);
	if (sha)
		x->error = sha256_kernel(sha, data, size, x->digest);
	x->duration = bpf_ktime_get_boot_ns() - r->h.time;
	record_submit(r, true);
	return 0;
}

SEC("lsm/kernel_post_read_file")
int BPF_PROG(lsm_post_read_file, struct file *file, char *buf, long long size, int id, int ret)
{
	if (id == READING_MODULE)
		image_copied(file, buf, size, HOOK_LSM);
	return ret;
}

SEC("lsm/kernel_post_load_data")
int BPF_PROG(lsm_post_load_data, char *buf, long long size, int id, char *description, int ret)
{
	if (id == READING_MODULE)
		image_copied(0, buf, size, HOOK_LSM);
	return ret;
}

SEC("fentry/security_kernel_post_read_file")
int BPF_PROG(fentry_post_read_file, struct file *file, char *buf, long long size, int id)
{
	if (id == READING_MODULE)
		image_copied(file, buf, size, HOOK_FENTRY);
	return 0;
}

SEC("fentry/security_kernel_post_load_data")
int BPF_PROG(fentry_post_load_data, char *buf, long long size, int id)
{
	if (id == READING_MODULE)
		image_copied(0, buf, size, HOOK_FENTRY);
	return 0;
}

SEC("kprobe/security_kernel_post_read_file")
int BPF_KPROBE(kprobe_post_read_file, struct file *file, char *buf, long long size, int id)
{
	if (id == READING_MODULE)
		image_copied(file, buf, size, HOOK_KPROBE);
	return 0;
}

SEC("kprobe/security_kernel_post_load_data")
int BPF_KPROBE(kprobe_post_load_data, char *buf, long long size, int id)
{
	if (id == READING_MODULE)
		image_copied(0, buf, size, HOOK_KPROBE);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
