// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <stddef.h>
#include <stdint.h>

/* Offsets in an index have 28 bits. */
#define INDEX_MAX 0x0fffffff

struct entry {
	const uint8_t *key, *value;	/* without NUL */
	uint32_t key_size, value_size;
	uint32_t priority;
	uint32_t number;		/* in the order of insertion */
};

struct output {
	uint8_t *at;
	size_t size, room;
};

enum index_answer { INDEX_DONE, INDEX_NO_MEMORY, INDEX_TOO_LARGE };

/* Sort the entries and append the file that holds them; src/ringward/kmod/index.py describes the format. */
enum index_answer index_write(struct entry *entries, size_t count, struct output *out);
