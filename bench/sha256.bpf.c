// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * Hash kernel memory with bpf/sha256.bpf.h, for measuring and for checking it.
 *
 * Run `bench_sha256` with BPF_PROG_TEST_RUN and a `struct bench_sha256` as context. The bytes are those of the single value of
 * the map `bench_buffer` (can be mapped by user space), or any kernel address when `address` is not 0.
 */
#include <linux/bpf.h>
#include <linux/errno.h>
#include <bpf/bpf_helpers.h>

#include "sha256.bpf.h"

#define BENCH_BUFFER (8u << 20)

struct bench_sha256 {
	__u64 address; /* in: kernel address of the bytes, 0 for the map's value */
	__u64 offset;  /* in: first byte in the map's value */
	__u64 size;    /* in: bytes to hash */
	__s64 result;  /* out: what sha256_kernel() returned */
	__u8 digest[32]; /* out, valid when result is 0 */
};

struct bench_value {
	__u8 bytes[BENCH_BUFFER];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct bench_value);
} bench_buffer SEC(".maps");

/* One state: runs of this program must not overlap. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct sha256);
} bench_state SEC(".maps");

SEC("syscall")
int bench_sha256(struct bench_sha256 *arguments)
{
	__u32 zero = 0;
	struct bench_value *value = bpf_map_lookup_elem(&bench_buffer, &zero);
	struct sha256 *state = bpf_map_lookup_elem(&bench_state, &zero);
	__u64 offset = arguments->offset, size = arguments->size;
	const void *data = (const void *)arguments->address;
	__u8 digest[32] = {};

	if (!value || !state) {
		arguments->result = -ENOENT;
		return 0;
	}
	if (!data) {
		if (offset > BENCH_BUFFER || size > BENCH_BUFFER - offset) {
			arguments->result = -EINVAL;
			return 0;
		}
		data = value->bytes + offset;
	}
	arguments->result = sha256_kernel(state, data, size, digest);
	__builtin_memcpy(arguments->digest, digest, sizeof(digest));
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
