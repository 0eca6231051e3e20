// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/* Two programs that do nothing, where Ringward watches system calls: what that costs by itself. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

SEC("tp_btf/sys_enter")
int empty_sys_enter(void *ctx)
{
	return 0;
}

SEC("tp_btf/sys_exit")
int empty_sys_exit(void *ctx)
{
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
