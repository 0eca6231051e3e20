/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The decision: ringward.trust.verdict.decide() in the kernel. A test runs both on
 * the same cases (tests/kernel/test_guard_decision.py).
 */
#pragma once

#include "guard_text.bpf.h"

enum answer {
	ANSWER_NO,
	ANSWER_UNREAD,
	ANSWER_YES,
};

static struct guard_policy *policy_get(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&guard_policy, &zero);
}

static __u32 policy_mode(struct guard_policy *p, __u32 bank, __u32 operation)
{
	__u32 at = bank * OPERATIONS + operation, mode;

	barrier_var(at);
	mode = p->modes[at & (BANKS * OPERATIONS - 1)];
	if (mode == MODE_ENFORCE && p->enforce_until && bpf_ktime_get_boot_ns() >= p->enforce_until)
		return MODE_MONITOR;
	return mode;
}

static __u32 answer_of(bool holds)
{
	return holds ? ANSWER_YES : ANSWER_NO;
}

static bool pattern_matches(const struct pattern *p, const struct text *t)
{
	__u64 differs = 0;
	__u32 k;

	for (k = 0; k < TEXT_WORDS; k++)
		differs |= (t->words[k] ^ p->text[k]) & p->mask[k];
	return !differs && (p->prefix ? t->len >= p->len : t->len == p->len);
}

/*
 * Whether a string matches any of some patterns; YES when there is none. Not static: the verifier looks
 * at it once, and not once for each way that leads here.
 */
__attribute__((noinline)) __u32 any_matches(const struct patterns *patterns, const struct text *t)
{
	__u32 i;

	if (!patterns || !t)
		return ANSWER_UNREAD;
	if (!patterns->count)
		return ANSWER_YES;
	if (!t->read)
		return ANSWER_UNREAD;
	for (i = 0; i < RULE_VALUES; i++) {
		if (i >= patterns->count)
			break;
		if (pattern_matches(&patterns->pattern[i], t))
			return ANSWER_YES;
	}
	return ANSWER_NO;
}

static __u32 wished(__u32 wish, bool read, __u32 value)
{
	if (wish == WISH_NONE)
		return ANSWER_YES;
	if (!read)
		return ANSWER_UNREAD;
	return answer_of((wish == WISH_YES) == !!value);
}

static __u32 uid_matches(const struct rule *r, const struct facts *f)
{
	__u32 i;

	if (!r->uids_count)
		return ANSWER_YES;
	/* Kernel threads have uid 0 and are nobody's. */
	if (f->known & FACT_KERNEL_THREAD && f->kernel_thread)
		return ANSWER_NO;
	if (~f->known & (FACT_KERNEL_THREAD | FACT_UID))
		return ANSWER_UNREAD;
	for (i = 0; i < RULE_VALUES; i++) {
		if (i >= r->uids_count)
			break;
		if (r->uids[i].low <= f->uid && f->uid <= r->uids[i].high)
			return ANSWER_YES;
	}
	return ANSWER_NO;
}

static __u32 flags_match(const struct rule *r, const struct facts *f)
{
	if (!r->flags_wished)
		return ANSWER_YES;
	if (!(f->known & FACT_FLAGS))
		return ANSWER_UNREAD;
	return answer_of(r->action == ACTION_DENY ? f->flags & r->flags : !(f->flags & ~r->flags));
}

struct parameter_match {
	struct facts *f;
	struct rule *r;
};

static long parameter_match_step(__u32 i, struct parameter_match *m)
{
	struct facts *f = m->f;
	struct rule *r = m->r;

	if (i >= f->parameters.count || i >= PARAMETERS)
		return 1;
	if (any_matches(&r->parameters, &f->parameters.word[i]) == ANSWER_YES)
		f->walk.parameters_found++;
	return 0;
}

/* A deny rule holds when any parameter matches, an allow rule when all do. */
static __u32 parameters_match(struct rule *r, struct facts *f)
{
	struct parameter_match m = { .f = f, .r = r };
	__u32 found;

	if (!r->parameters.count)
		return ANSWER_YES;
	if (!f->parameters.split)
		return ANSWER_UNREAD;
	f->walk.parameters_found = 0;
	bpf_loop(PARAMETERS, parameter_match_step, &m, 0);
	found = f->walk.parameters_found;
	return answer_of(r->action == ACTION_DENY ? found : found == f->parameters.count);
}

static __u32 identity_matches(const struct rule *r, const struct facts *f, bool holds)
{
	__u32 resolved = answer_of(holds), name;

	if (r->resolved && !(f->known & FACT_DIGEST))
		resolved = ANSWER_UNREAD;
	if (f->value & DIGEST_NAMED)
		return resolved;
	name = any_matches(&r->names, &f->name);
	return name < resolved ? name : resolved;
}

#define LEAST(a, b) ({ __u32 _b = (b); if (_b < (a)) (a) = _b; })

static __u32 rule_matches(struct rule *r, struct facts *f, bool holds)
{
	__u32 answer = identity_matches(r, f, holds);

	LEAST(answer, flags_match(r, f));
	LEAST(answer, uid_matches(r, f));
	LEAST(answer, wished(r->container, f->known & FACT_CONTAINER, f->container));
	LEAST(answer, wished(r->kernel_thread, f->known & FACT_KERNEL_THREAD, f->kernel_thread));
	if (r->origins)
		LEAST(answer, f->known & FACT_ORIGIN ? answer_of(r->origins & 1 << (f->origin & 31)) : ANSWER_UNREAD);
	LEAST(answer, any_matches(&r->aliases, &f->alias));
	LEAST(answer, any_matches(&r->programs, &f->program));
	if (answer != ANSWER_NO)
		LEAST(answer, parameters_match(r, f));
	return answer;
}

static long rule_step(__u32 i, struct facts **context)
{
	struct facts *f = *context;
	__u32 key = (f->bank & 1) * RULES + i, answer;
	struct rule *r = bpf_map_lookup_elem(&guard_rules, &key);

	if (!r || i >= RULES)
		return 1;
	if (!(r->operations & 1 << (f->operation & 31)))
		return 0;
	answer = rule_matches(r, f, f->holds.holds[(i / 64) & (RULES / 64 - 1)] >> (i & 63) & 1);
	if (answer == ANSWER_NO)
		return 0;
	if (r->action == ACTION_DENY) {
		f->deny = i;
		f->deny_unread = answer == ANSWER_UNREAD;
		return 1;
	}
	if (answer != ANSWER_YES)
		return 0;
	if (r->signer && f->signer < 0)
		f->signer = i;
	if (f->allow < 0)
		f->allow = i;
	return 0;
}

/* The digest's value and class, from the bank that is in use. */
static void digest_find(struct facts *f)
{
	bool has_digest = f->operation == OPERATION_MODULES || f->operation == OPERATION_AUTOLOAD ||
			  f->operation == OPERATION_PROGRAMS;
	__u32 bank = f->bank & 1, class, *value;
	void *digests, *classes;
	struct class *found;

	f->value = 0;
	digests = bpf_map_lookup_elem(&guard_digests, &bank);
	if (digests && has_digest && f->known & FACT_DIGEST) {
		value = bpf_map_lookup_elem(digests, f->digest);
		if (value)
			f->value = *value;
	}
	class = f->value >> DIGEST_CLASS_SHIFT;
	__builtin_memset(&f->holds, 0, sizeof(f->holds));
	classes = bpf_map_lookup_elem(&guard_classes, &bank);
	if (!classes)
		return;
	found = bpf_map_lookup_elem(classes, &class);
	if (found)
		f->holds = *found;
}

/* Fill f->decision. Every fact has been set, or is marked as unread. */
static __noinline void decide(struct facts *f)
{
	struct guard_policy *p = policy_get();
	struct decision *d = &f->decision;
	struct facts *context = f;
	bool denied;
	__u32 rules;

	d->action = ACTION_ALLOW;
	d->level = LEVEL_DEFAULT;
	d->rule = -1;
	d->unread = d->refused = 0;
	d->mode = MODE_OFF;
	if (!p)
		return;
	f->bank = p->bank;
	d->mode = policy_mode(p, f->bank, f->operation);
	if (d->mode == MODE_OFF)
		return;
	rules = p->rules[f->bank & 1];
	digest_find(f);
	parameters_split(f);
	f->deny = f->signer = f->allow = -1;
	bpf_loop(rules, rule_step, &context, 0);
	if (f->deny >= 0) {
		d->level = LEVEL_DENY_RULE;
		d->rule = f->deny;
		d->unread = f->deny_unread;
	} else if (f->value & DIGEST_TRUSTED) {
		d->level = LEVEL_DIGEST;
	} else if (f->signer >= 0) {
		d->level = LEVEL_SIGNER;
		d->rule = f->signer;
	} else if (f->allow >= 0) {
		d->level = LEVEL_ALLOW_RULE;
		d->rule = f->allow;
	}
	denied = d->level == LEVEL_DENY_RULE ||
		 (d->level == LEVEL_DEFAULT && d->mode != MODE_LEARN &&
		  p->closed[f->bank & 1] & 1 << (f->operation & 31));
	d->action = denied ? ACTION_DENY : ACTION_ALLOW;
	d->refused = denied && d->mode == MODE_ENFORCE;
}
