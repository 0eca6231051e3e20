/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The policy as the kernel holds it: rules, known digests, their classes. User
 * space writes it (src/ringward/guard/policy.py), by the layouts of this file.
 *
 * There are two banks. The one that is not in use is filled, then `bank` is
 * changed: every decision is made by one policy, the old or the new one.
 */
#pragma once

#include "kernel.bpf.h"

#define BANKS 2
#define RULES 256		/* trust/rules.py: MOST_RULES */
#define RULE_VALUES 8		/* trust/rules.py: MOST_VALUES */
#define TEXT_WORDS 8		/* of 8 bytes; trust/patterns.py: LONGEST */
#define RULE_ID 64		/* bytes of a rule's name that events show, with its NUL */

enum operation {
	OPERATION_MODULES,
	OPERATION_AUTOLOAD,
	OPERATION_UNLOAD,
	OPERATION_PROGRAMS,
	OPERATION_SELF,
	OPERATIONS = 8,		/* that there is room for; a power of two */
};

enum mode {
	MODE_OFF,
	MODE_LEARN,
	MODE_MONITOR,
	MODE_ENFORCE,
};

enum action {
	ACTION_ALLOW,
	ACTION_DENY,
};

/* What a condition wants of a yes-or-no fact. */
enum wish {
	WISH_NONE,
	WISH_NO,
	WISH_YES,
};

enum digest_bits {
	DIGEST_TRUSTED = 1,
	DIGEST_NAMED = 2,
	DIGEST_CLASS_SHIFT = 8,
};

/* Bytes of `text` outside of `mask` are 0. */
struct pattern {
	__u64 text[TEXT_WORDS];
	__u64 mask[TEXT_WORDS];
	__u32 len;		/* bytes */
	__u32 prefix;		/* what it begins with is compared, not the whole */
};

struct patterns {
	struct pattern pattern[RULE_VALUES];
	__u32 count;
	__u32 pad;
};

struct uid_range {
	__u32 low;
	__u32 high;
};

struct rule {
	__u32 operations;	/* bit of each enum operation */
	__u32 action;		/* enum action */
	__u32 resolved;		/* it has a condition that the digest's class answers */
	__u32 signer;		/* it allows a signer */
	__u32 flags_wished;	/* `flags` is a condition */
	__u32 flags;
	__u32 origins;		/* bit of each origin; 0: no condition */
	__u32 container;	/* enum wish */
	__u32 kernel_thread;	/* enum wish */
	__u32 uids_count;
	struct uid_range uids[RULE_VALUES];
	struct patterns names;
	struct patterns parameters;
	struct patterns aliases;
	struct patterns programs;
	__u8 id[RULE_ID];	/* with a NUL */
};

/* Bit i: what rule i wants of a digest of this class holds. */
struct class {
	__u64 holds[RULES / 64];
};

struct guard_policy {
	__u32 bank;
	__u32 closed[BANKS];	/* bit of each enum operation */
	__u32 rules[BANKS];	/* how many */
	__u32 modes[BANKS * OPERATIONS];
	__u32 pad;
	__u64 enforce_until;	/* CLOCK_BOOTTIME, nanoseconds: enforcing is monitoring from then on; 0: never */
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct guard_policy);
} guard_policy SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, BANKS * RULES);
	__type(key, __u32);
	__type(value, struct rule);
} guard_rules SEC(".maps");

/*
 * Without __type(): before v6.2 a map with BTF is not equal to one without, and those that are put in its
 * place have none (kernel/bpf/map_in_map.c: bpf_map_meta_equal() compares timer_off).
 */
struct digest_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__uint(key_size, 32);
	__uint(value_size, sizeof(__u32));
};

/* SHA-256 -> enum digest_bits and class. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, BANKS);
	__uint(key_size, sizeof(__u32));
	__array(values, struct digest_map);
} guard_digests SEC(".maps");

struct class_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(struct class));
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, BANKS);
	__uint(key_size, sizeof(__u32));
	__array(values, struct class_map);
} guard_classes SEC(".maps");
