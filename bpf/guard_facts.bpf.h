/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What a decision is made from, and what came of it. One `facts` belongs to one
 * decision until it is made: it is claimed from a pool that all CPUs share, as
 * the program that makes it can be preempted by another one.
 */
#pragma once

#include "guard_policy.bpf.h"
#include "sha256.bpf.h"

#define DECISIONS 128		/* that can be under way at once */
#define PARAMETERS 64		/* trust/parameters.py: MOST */
#define PARAMETERS_MAX 1024	/* bytes; trust/parameters.py: LONGEST */
#define PROGRAM_COMPONENTS 48
#define PATH_PART 256		/* bytes of a name, with its NUL */

/* Values of trust/verdict.py: Level. */
enum level {
	LEVEL_DENY_RULE,
	LEVEL_DIGEST,
	LEVEL_SIGNER,
	LEVEL_ALLOW_RULE,
	LEVEL_DEFAULT,
	LEVEL_FAULT,		/* no decision could be made; never from decide() */
};

/* Values of trust/rules.py: Origin. */
enum origin {
	ORIGIN_COMMAND,
	ORIGIN_REQUEST,
	ORIGIN_UDEV,
	ORIGIN_BOOT,
};

/* Values of trust/rules.py: Flag, besides those of finit_module(2). */
enum load_flag {
	LOAD_NO_FILE = 0x100,
	LOAD_FORCE = 0x200,
};

enum fact {
	FACT_UID = 1,
	FACT_CONTAINER = 2,
	FACT_KERNEL_THREAD = 4,
	FACT_FLAGS = 8,
	FACT_ORIGIN = 16,
	FACT_DIGEST = 32,
};

/* The first bytes of a string; behind its end they are 0. */
struct text {
	__u64 words[TEXT_WORDS];
	__u32 len;		/* of the whole string, bytes; one that is longer than `words` may say so by any such number */
	__u32 read;		/* 0: it could not be read */
};

/* Parameters of a load: as they were copied, and taken apart. */
struct parameters {
	__u32 read;		/* `text` could be read and is no longer than PARAMETERS_MAX */
	__u32 len;		/* bytes of `text` */
	__u32 split;		/* `word` is made, and there are no more than PARAMETERS */
	__u32 count;
	__u32 at;		/* where the splitter is in `text` */
	__u32 start, equals, quoted, name_len, value, total;
	__u32 ended;
	__u8 text[2 * PARAMETERS_MAX];
	struct text word[PARAMETERS];
};

struct decision {
	__u32 action;		/* enum action */
	__u32 level;		/* enum level */
	__s32 rule;		/* index; -1: none */
	__u32 unread;		/* the rule denies because a fact could not be read */
	__u32 refused;
	__u32 mode;		/* enum mode */
};

/* What the steps of a loop change. Addresses are the kernel's. */
struct path_walk_state {
	__u64 name[PROGRAM_COMPONENTS];	/* const unsigned char *, from the last to the first */
	__u64 dentry;
	__u64 vfsmnt;
	__u32 count;
	__u32 len;		/* of `text`, bytes */
	__u32 whole;		/* the root was reached, and every part could be read */
	__u32 pad;
	__u8 text[2 * TEXT_WORDS * 8 + PATH_PART];
};

struct image_walk_state {
	__u64 image;
	__u64 size;		/* bytes */
	__u64 headers;		/* offset of the section headers */
	__u64 names;		/* offset of their names */
	__u64 count;
	__u64 found;		/* offset of struct module; 0: not found */
};

struct walk_state {
	struct path_walk_state path;
	struct image_walk_state image;
	__u64 task;
	__u32 origin_unread;
	__u32 parameters_found;	/* that match */
};

struct facts {
	__u32 busy;		/* claimed */
	__u32 known;		/* bit of each enum fact that was read */
	__u32 operation;	/* enum operation */
	__u32 uid;
	__u32 container;
	__u32 kernel_thread;
	__u32 flags;
	__u32 origin;		/* enum origin */
	__u8 digest[32];
	struct text program;	/* of length 0: a kernel thread's */
	struct text name;	/* underscored */
	struct text alias;	/* underscored; of length 0: the kernel asked for none */
	struct parameters parameters;
	struct decision decision;

	/* While the decision is made. */
	__u32 bank;
	__u32 value;		/* of the digest */
	struct class holds;
	__s32 deny, deny_unread, signer, allow;	/* the first rule of each kind; -1: none */
	struct walk_state walk;
	struct sha256 sha;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, DECISIONS);
	__type(key, __u32);
	__type(value, struct facts);
} guard_facts SEC(".maps");

/* 0: as many decisions are under way as there is room for. */
static struct facts *facts_claim(void)
{
	__u32 first = bpf_get_smp_processor_id() * 4, i;

	for (i = 0; i < DECISIONS; i++) {
		__u32 key = (first + i) & (DECISIONS - 1);
		struct facts *f = bpf_map_lookup_elem(&guard_facts, &key);

		if (f && __sync_val_compare_and_swap(&f->busy, 0, 1) == 0)
			return f;
	}
	return 0;
}

/* No kernel address is left where user space can read the map. */
static void facts_release(struct facts *f)
{
	__builtin_memset(&f->walk, 0, sizeof(f->walk));
	__sync_val_compare_and_swap(&f->busy, 1, 0);
}
