/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * A module system call from entry to exit. The record made at entry goes out at
 * once (the call may never return) and waits in `attempts`, keyed by thread;
 * hooks in between add the kernel's own copies to it, and the exit sends it again,
 * whole, with the result. Each of the two can be lost without losing the other.
 */
#pragma once

#include "task.bpf.h"
#include "path.bpf.h"

#define ATTEMPTS 256

struct attempt_record {
	struct header h;
	struct attempt attempt;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, ATTEMPTS);
	__type(key, __u64);
	__type(value, struct record);
} attempts SEC(".maps");

static struct record *attempt_get(void)
{
	__u64 key = bpf_get_current_pid_tgid();

	return bpf_map_lookup_elem(&attempts, &key);
}

static struct attempt *attempt_of(struct record *r)
{
	return &((struct attempt_record *)r->data)->attempt;
}

/* The call that this thread is in; 0: none that was seen. */
static attempt_id attempt_current(void)
{
	struct record *r = attempt_get();

	return r ? attempt_of(r)->id : 0;
}

/* Names of modules, each with its NUL, from a list of struct module_use. */
struct use_walk {
	struct record *r;
	struct list_head *head, *at;
	bool by_target;		/* modules that are used; else modules that use */
};

#define USES_MAX 64

static long use_step(__u32 i, struct use_walk *w)
{
	struct list_head *at = w->at;
	struct module_use *use;
	struct module *m;

	if (!at || at == w->head)
		return 1;
	if (w->by_target) {
		use = (void *)at - bpf_core_field_offset(struct module_use, target_list);
		m = BPF_CORE_READ(use, target);
	} else {
		use = (void *)at - bpf_core_field_offset(struct module_use, source_list);
		m = BPF_CORE_READ(use, source);
	}
	if (!str_is_read(str_kernel(w->r, m->name)))
		return 1;
	w->at = BPF_CORE_READ(at, next);
	return 0;
}

static str_list_loc uses_append(struct record *r, struct list_head *head, bool by_target)
{
	struct use_walk w = { .r = r, .head = head, .by_target = by_target };
	__u32 off = r->len;

	if (off >= RECORD_MAX)
		return unread(UNREAD_NO_ROOM);
	w.at = BPF_CORE_READ(head, next);
	if (!w.at)
		return unread(UNREAD_FAULT);
	bpf_loop(USES_MAX, use_step, &w, 0);
	return off << 16 | (w.at != head ? 1 << 15 : 0) | ((r->len - off) & 0x7fff);
}
