/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* A thread by which Ringward proves that hooks decide: each counts what it has decided on for it, and tells nobody. */
#pragma once

#include "task.bpf.h"

/* The hooks that are proved. */
enum proof {
	PROOF_FILE,		/* an image in a file */
	PROOF_MEMORY,		/* an image in memory */
	PROOF_PARAMETERS,	/* the kernel's copy of the parameters */
	PROOF_FOLDER,		/* the module's folder in sysfs */
	PROOF_HELPER,		/* the process that the kernel starts for a request: of any thread */
	PROOF_CHILD,		/* what such a process starts */
	PROOF_REQUEST,
	PROOF_REMOVAL,
	PROOF_PROGRAM,
	PROOF_OPENED,		/* for writing */
	PROOF_TRUNCATED,
	PROOF_MOUNTED,
	PROOFS,
};

ENUM(proof);

/* 1: there can be such a thread; what it asks of the guard of modules is then refused, and so goes no further. */
const volatile __u32 may_prove = 0;

/* By enum proof (src/ringward/guard/proof.py). */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, PROOFS);
	__type(key, __u32);
	__type(value, __u64);
} guard_hits SEC(".maps");

/* Until when there is one, nanoseconds since boot: the mark of one that was killed ends by itself. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} guard_proof SEC(".maps");

static void proof_count(__u32 hook)
{
	__u64 *hits = bpf_map_lookup_elem(&guard_hits, &hook);

	if (hits)
		__sync_fetch_and_add(hits, 1);
}

/* Whether the caller is such a thread. */
static bool proving(void)
{
	pid_nr tid = bpf_get_current_pid_tgid();
	__u32 *kind, zero = 0;
	__u64 *until;

	if (!may_prove || !any_canary())
		return false;
	kind = bpf_map_lookup_elem(&canaries, &tid);
	until = bpf_map_lookup_elem(&guard_proof, &zero);
	return kind && *kind == CANARY_PROOF && until && bpf_ktime_get_boot_ns() <= *until;
}

/* The same, where a hook has decided; no record is made of it. */
static bool proves(__u32 hook)
{
	if (!proving())
		return false;
	proof_count(hook);
	return true;
}
