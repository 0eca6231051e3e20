/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Which module system call this is, and its arguments: a bare number says nothing without the caller's ABI. */
#pragma once

#include "task.bpf.h"

struct call {
	__u32 kind;
	__u32 abi;
	__u32 nr;
	__u32 pad;
	__u64 args[6];
};

/* arch/x86/entry/syscalls/syscall_64.tbl; 174, 177, 178 have had no function since 2.6. */
static __u32 kind_of_64(__u32 nr)
{
	switch (nr) {
	case 174: return KIND_CREATE_MODULE;
	case 175: return KIND_INIT_MODULE;
	case 176: return KIND_DELETE_MODULE;
	case 177: return KIND_GET_KERNEL_SYMS;
	case 178: return KIND_QUERY_MODULE;
	case 313: return KIND_FINIT_MODULE;
	}
	return KIND_NONE;
}

/* arch/x86/entry/syscalls/syscall_32.tbl */
static __u32 kind_of_ia32(__u32 nr)
{
	switch (nr) {
	case 127: return KIND_CREATE_MODULE;
	case 128: return KIND_INIT_MODULE;
	case 129: return KIND_DELETE_MODULE;
	case 130: return KIND_GET_KERNEL_SYMS;
	case 167: return KIND_QUERY_MODULE;
	case 350: return KIND_FINIT_MODULE;
	}
	return KIND_NONE;
}

/* The least and the greatest of all these numbers: most calls of a machine are done with here. */
#define LEAST_NUMBER 127
#define GREATEST_NUMBER 350

static __always_inline bool may_be_module_call(__u32 nr)
{
	nr &= ~X32_SYSCALL_BIT;
	return nr >= LEAST_NUMBER && nr <= GREATEST_NUMBER;
}

static __u32 call_kind(struct call *c, struct task_struct *task, __u32 nr)
{
	c->nr = nr;
	if (is_compat(task)) {
		c->abi = ABI_IA32;
		c->kind = kind_of_ia32(nr);
	} else if (nr & X32_SYSCALL_BIT) {
		c->abi = ABI_X32;
		c->kind = kind_of_64(nr & ~X32_SYSCALL_BIT);
	} else {
		c->abi = ABI_64;
		c->kind = kind_of_64(nr);
	}
	return c->kind;
}

static void call_args(struct call *c, struct task_struct *task, struct pt_regs *regs)
{
	if (is_compat(task)) {
		c->args[0] = (__u32)BPF_CORE_READ(regs, bx);
		c->args[1] = (__u32)BPF_CORE_READ(regs, cx);
		c->args[2] = (__u32)BPF_CORE_READ(regs, dx);
		c->args[3] = (__u32)BPF_CORE_READ(regs, si);
		c->args[4] = (__u32)BPF_CORE_READ(regs, di);
	} else {
		c->args[0] = BPF_CORE_READ(regs, di);
		c->args[1] = BPF_CORE_READ(regs, si);
		c->args[2] = BPF_CORE_READ(regs, dx);
		c->args[3] = BPF_CORE_READ(regs, r10);
		c->args[4] = BPF_CORE_READ(regs, r8);
	}
}
