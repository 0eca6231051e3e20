/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The name that the kernel will give a module: that of the struct module in its image. */
#pragma once

#include <linux/elf.h>
#include "guard_text.bpf.h"

#define SECTIONS 65536
#define THIS_MODULE ".gnu.linkonce.this_module"

static long section_step(__u32 i, struct facts **context)
{
	struct image_walk_state *w = &(*context)->walk.image;
	const void *image = (const void *)w->image;
	char name[sizeof(THIS_MODULE)] = {};
	Elf64_Shdr section;
	__u32 k;

	if (i >= w->count)
		return 1;
	if (bpf_probe_read_kernel(&section, sizeof(section), image + w->headers + (__u64)i * sizeof(section)))
		return 1;
	/* kernel/module/main.c: find_sec() */
	if (!(section.sh_flags & SHF_ALLOC) || w->names + section.sh_name >= w->size)
		return 0;
	if (bpf_probe_read_kernel(name, sizeof(name), image + w->names + section.sh_name))
		return 0;
	for (k = 0; k < sizeof(name); k++)
		if (name[k] != THIS_MODULE[k])
			return 0;
	w->found = section.sh_offset;
	return 1;
}

/* Unread when it is no ELF image, or has no such section where it says. */
static __noinline void image_name(struct facts *f, const void *image, __u64 size)
{
	struct image_walk_state *w = &f->walk.image;
	__u8 name[TEXT_WORDS * 8] = {};
	struct facts *context = f;
	Elf64_Shdr names;
	Elf64_Ehdr head;
	__u64 at;
	long len;

	text_unread(&f->name);
	if (size < sizeof(head) || bpf_probe_read_kernel(&head, sizeof(head), image))
		return;
	if (*(__u32 *)head.e_ident != 0x464c457f || head.e_shentsize != sizeof(names))
		return;
	w->image = (__u64)image;
	w->size = size;
	w->headers = head.e_shoff;
	w->count = head.e_shnum;
	w->found = 0;
	if (head.e_shoff >= size || head.e_shnum * sizeof(names) > size - head.e_shoff || head.e_shstrndx >= head.e_shnum)
		return;
	if (bpf_probe_read_kernel(&names, sizeof(names), image + head.e_shoff + head.e_shstrndx * sizeof(names)))
		return;
	w->names = names.sh_offset;
	bpf_loop(SECTIONS, section_step, &context, 0);
	at = w->found + bpf_core_field_offset(struct module, name);
	if (!w->found || at >= size || size - at < MODULE_NAME_LEN)
		return;
	len = bpf_probe_read_kernel_str(name, MODULE_NAME_LEN, image + at);
	if (len > 1)
		text_set(&f->name, name, len - 1, true);
}
