/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Verdicts as records, and what a hook answers. */
#pragma once

#include "guard_proof.bpf.h"
#include "guard_subject.bpf.h"
#include "attempt.bpf.h"
#include "process_context.bpf.h"
#include "module_call.bpf.h"

/* Only an object that was loaded with 1 can refuse anything of others. */
const volatile __u32 may_deny = 0;

ENUM(action);
ENUM(level);
ENUM(mode);
ENUM(origin);
ENUM(operation);
ENUM(wish);

static void verdict_fill(struct record *r, struct verdict *v, struct facts *f)
{
	struct decision *d = &f->decision;
	__u32 key = (f->bank & 1) * RULES + d->rule;
	struct rule *rule = d->rule < 0 ? 0 : bpf_map_lookup_elem(&guard_rules, &key);

	v->action = d->action;
	v->level = d->level;
	v->mode = d->mode;
	v->refused = may_deny && d->refused;
	v->fact_unread = d->unread;
	v->rule = rule ? str_kernel(r, (const char *)rule->id) : unread(UNREAD_ABSENT);
}

/* A string of the facts; a text has no NUL when it is long. */
static str_loc text_append(struct record *r, const struct text *t)
{
	__u32 off = r->len;
	long n;

	if (!t->read)
		return unread(UNREAD_FAULT);
	if (off >= RECORD_MAX)
		return unread(UNREAD_NO_ROOM);
	n = bpf_probe_read_kernel_str(&r->data[off & (RECORD_MAX - 1)], TEXT_WORDS * 8 + 1, t->words);
	return str_close(r, off, n);
}

/*
 * Where no decision can be made, because DECISIONS are under way: what is enforced is refused, everything
 * else passes.
 */
static void undecided(struct record *r, struct verdict *v, __u32 operation)
{
	struct guard_policy *p = policy_get();

	v->mode = p ? policy_mode(p, p->bank, operation) : MODE_OFF;
	v->level = LEVEL_FAULT;
	v->refused = may_deny && v->mode == MODE_ENFORCE;
	v->action = v->mode == MODE_ENFORCE ? ACTION_DENY : ACTION_ALLOW;
	v->fact_unread = 0;
	v->rule = unread(UNREAD_ABSENT);
}

static __u32 mode_now(__u32 operation)
{
	struct guard_policy *p = policy_get();

	return p ? policy_mode(p, p->bank, operation) : MODE_OFF;
}

static int answer_undecided(__u32 operation, int error)
{
	return may_deny && mode_now(operation) == MODE_ENFORCE ? error : 0;
}

static int answer_decided(const struct facts *f, int error)
{
	return may_deny && f->decision.refused ? error : 0;
}
