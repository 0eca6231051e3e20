/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What can be told of a module's image before the kernel has parsed it. */
#pragma once

#include "kernel.bpf.h"
#include "events.h"

/* include/linux/kernel_read_file.h: READING_MODULE; LOADING_MODULE has the same number */
#define READING_MODULE 2

/* kernel/module_signature.c: MODULE_SIG_STRING, without its NUL */
#define SIG_STRING "~Module signature appended~\n"
#define SIG_LEN (sizeof(SIG_STRING) - 1)

static __u32 image_format(const void *data, __u64 size)
{
	__u32 magic = 0;

	if (size < sizeof(magic) || bpf_probe_read_kernel(&magic, sizeof(magic), data))
		return FORMAT_UNKNOWN;
	switch (magic) {
	case 0x464c457f: return FORMAT_ELF;
	case 0x587a37fd: return FORMAT_XZ;
	case 0xfd2fb528: return FORMAT_ZSTD;
	}
	return (magic & 0xffff) == 0x8b1f ? FORMAT_GZIP : FORMAT_UNKNOWN;
}

static bool signature_appended(const void *data, __u64 size)
{
	char end[SIG_LEN];
	__u32 i;

	if (size < SIG_LEN || bpf_probe_read_kernel(end, SIG_LEN, data + size - SIG_LEN))
		return false;
	for (i = 0; i < SIG_LEN; i++)
		if (end[i] != SIG_STRING[i])
			return false;
	return true;
}
