/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Strings as rules compare them, and the parameters of a load taken apart as the
 * kernel does it. What the steps of a loop change is in `facts`, a map's value:
 * Linux 6.1's verifier looks at one step alone, and would take a constant of the
 * stack for one that stays.
 */
#pragma once

#include "guard_facts.bpf.h"

static void text_unread(struct text *t)
{
	__builtin_memset(t, 0, sizeof(*t));
}

/* A string of `len` bytes, of which `words` may have room for the first ones alone. */
static void text_set(struct text *t, const __u8 *from, __u32 len, bool underscored)
{
	__u8 *bytes = (__u8 *)t->words;
	__u32 kept = len, i;
	long error;

	text_unread(t);
	if (len >= sizeof(t->words)) {
		error = bpf_probe_read_kernel(t->words, sizeof(t->words), from);
	} else {
		/* Linux 6.1's verifier forgets what was compared, and clang that it must be said again. */
		barrier_var(kept);
		error = bpf_probe_read_kernel(t->words, kept & (sizeof(t->words) - 1), from);
	}
	if (error)
		return;
	t->len = len;
	t->read = 1;
	if (!underscored)
		return;
	for (i = 0; i < sizeof(t->words); i++)
		if (bytes[i] == '-')
			bytes[i] = '_';
}

/* isspace() of the kernel (lib/ctype.c: Latin-1). */
static bool is_space(__u8 c)
{
	return c == ' ' || (c >= '\t' && c <= '\r') || c == 0xa0;
}

static __u8 parameters_byte(struct parameters *p, __u32 at)
{
	return p->text[at & (2 * PARAMETERS_MAX - 1)];
}

static long skip_step(__u32 i, struct parameters **context)
{
	struct parameters *p = *context;

	if (p->at >= p->len || !is_space(parameters_byte(p, p->at)))
		return 1;
	p->at++;
	return 0;
}

/* To the end of a parameter. An '=' as its first byte is a part of the name: the kernel's "none" is 0, too. */
static long scan_step(__u32 i, struct parameters **context)
{
	struct parameters *p = *context;
	__u8 c = parameters_byte(p, p->at);

	if (p->at >= p->len || (!(p->quoted & 2) && is_space(c)))
		return 1;
	if (c == '=' && !p->equals)
		p->equals = p->at - p->start;
	if (c == '"')
		p->quoted ^= 2;
	p->at++;
	return 0;
}

/* One byte of "name=value". */
static long word_step(__u32 i, struct parameters **context)
{
	struct parameters *p = *context;
	__u32 k = p->count;
	__u8 c;

	if (i >= p->total || i >= TEXT_WORDS * 8 || k >= PARAMETERS)
		return 1;
	if (i < p->name_len) {
		c = parameters_byte(p, p->start + i);
		c = c == '-' ? '_' : c;
	} else if (i == p->name_len) {
		c = '=';
	} else {
		c = parameters_byte(p, p->value + i - p->name_len - 1);
	}
	((__u8 *)p->word[k].words)[i] = c;
	return 0;
}

/*
 * One parameter, as next_arg() in lib/cmdline.c takes it; trust/parameters.py is the same in words that a
 * person can read.
 */
static long parameter_step(__u32 i, struct parameters **context)
{
	struct parameters *p = *context;
	__u32 end, k = p->count;
	bool last_quote;

	bpf_loop(PARAMETERS_MAX, skip_step, context, 0);
	if (p->at >= p->len)
		return 1;
	/* Bit 0: it begins with a quote; bit 1: at this place quotes are open. */
	p->quoted = parameters_byte(p, p->at) == '"' ? 3 : 0;
	p->start = p->at = p->at + (p->quoted & 1);
	p->equals = 0;
	bpf_loop(PARAMETERS_MAX, scan_step, context, 0);
	end = p->at;
	last_quote = p->at && parameters_byte(p, p->at - 1) == '"';
	p->value = p->start + p->equals + 1;
	if (p->equals && parameters_byte(p, p->value) == '"') {
		p->value++;
		/* The kernel cuts at the last quote even if it is the one that opens the value. */
		end -= last_quote;
	}
	if (p->quoted & 1 && end == p->at && p->at > p->start && last_quote)
		end--;
	if (p->equals) {
		p->name_len = p->equals;
		p->total = p->equals + 1 + (end > p->value ? end - p->value : 0);
	} else {
		p->name_len = end - p->start;
		p->total = p->name_len + 1;
		/* What stands behind "--" is not the module's. */
		if (p->name_len == 2 && parameters_byte(p, p->start) == '-' && parameters_byte(p, p->start + 1) == '-')
			return 1;
	}
	if (k >= PARAMETERS) {
		p->split = 0;
		return 1;
	}
	text_unread(&p->word[k]);
	bpf_loop(TEXT_WORDS * 8, word_step, context, 0);
	p->word[k].len = p->total;
	p->word[k].read = 1;
	p->count = k + 1;
	return 0;
}

static void parameters_split(struct facts *f)
{
	struct parameters *p = &f->parameters, *context = p;

	p->at = p->count = 0;
	p->split = p->read && p->len <= PARAMETERS_MAX;
	if (p->split)
		bpf_loop(PARAMETERS + 1, parameter_step, &context, 0);
}

static void parameters_unread(struct facts *f)
{
	f->parameters.read = 0;
	f->parameters.len = 0;
}

/* `len` as a *_str helper returns it, the NUL included, when it could write PARAMETERS_MAX + 2 bytes. */
static void parameters_set(struct facts *f, long len)
{
	if (len < 0 || len > PARAMETERS_MAX + 1) {
		parameters_unread(f);
		return;
	}
	/* 0 for an empty string in some kernels, 1 in others. */
	f->parameters.len = len ? len - 1 : 0;
	f->parameters.read = 1;
}

static void parameters_user(struct facts *f, __u64 from)
{
	parameters_set(f, bpf_probe_read_user_str(f->parameters.text, PARAMETERS_MAX + 2, (void *)from));
}

static void parameters_kernel(struct facts *f, const char *from)
{
	parameters_set(f, bpf_probe_read_kernel_str(f->parameters.text, PARAMETERS_MAX + 2, from));
}
