// SPDX-License-Identifier: Apache-2.0
/* The binary index: nodes in kmod 34's order, a parent and then each child with all below it. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include "depmod.h"

#define MAGIC 0xb007f457
#define VERSION 0x00020001
#define PREFIX 0x80000000
#define VALUES 0x40000000
#define CHILDS 0x20000000

/* A node that is to be written: the entries that it covers, and where the reference to it stands. */
struct task {
	size_t first, end;
	uint32_t depth;		/* characters of its keys that its parents hold */
	uint32_t reference;
};

struct tasks {
	struct task *at;
	size_t count, room;
};

static int compare(const void *a, const void *b)
{
	const struct entry *left = a, *right = b;
	uint32_t size = left->key_size < right->key_size ? left->key_size : right->key_size;
	int order = memcmp(left->key, right->key, size);

	if (order)
		return order;
	if (left->key_size != right->key_size)
		return left->key_size < right->key_size ? -1 : 1;
	if (left->priority != right->priority)
		return left->priority < right->priority ? -1 : 1;
	/* Of equal priorities the later one stands before the earlier one. */
	return left->number > right->number ? -1 : 1;
}

/* Room for size more bytes; NULL: there is none. */
static uint8_t *extend(struct output *out, size_t size)
{
	uint8_t *fresh;

	if (out->size + size > out->room) {
		out->room = 2 * (out->size + size) + 4096;
		fresh = realloc(out->at, out->room);
		if (!fresh)
			return NULL;
		out->at = fresh;
	}
	out->size += size;
	return out->at + out->size - size;
}

static void number(uint8_t *at, uint32_t value)
{
	at[0] = value >> 24;
	at[1] = value >> 16;
	at[2] = value >> 8;
	at[3] = value;
}

static bool put_number(struct output *out, uint32_t value)
{
	uint8_t *at = extend(out, 4);

	if (at)
		number(at, value);
	return at;
}

static bool put_text(struct output *out, const uint8_t *text, size_t size)
{
	uint8_t *at = extend(out, size + 1);

	if (!at)
		return false;
	memcpy(at, text, size);
	at[size] = 0;
	return true;
}

static bool put_values(struct output *out, const struct entry *entry, size_t count)
{
	if (!put_number(out, count))
		return false;
	for (; count; count--, entry++)
		if (!put_number(out, entry->priority) || !put_text(out, entry->value, entry->value_size))
			return false;
	return true;
}

static bool push(struct tasks *tasks, struct task task)
{
	struct task *fresh;

	if (tasks->count == tasks->room) {
		tasks->room = 2 * tasks->room + 64;
		fresh = realloc(tasks->at, tasks->room * sizeof(*fresh));
		if (!fresh)
			return false;
		tasks->at = fresh;
	}
	tasks->at[tasks->count++] = task;
	return true;
}

/* The table of children, and a task for each, so that the first one is taken first. */
static bool put_children(const struct entry *entries, size_t first, size_t end, uint32_t length, struct output *out, struct tasks *tasks)
{
	uint8_t low = entries[first].key[length], high = entries[end - 1].key[length], *at = extend(out, 2 + 4 * (high - low + 1));
	size_t table = out->size - 4 * (high - low + 1), start;
	uint8_t letter;

	if (!at)
		return false;
	memset(at, 0, 2 + 4 * (high - low + 1));
	at[0] = low;
	at[1] = high;
	while (end > first) {
		letter = entries[end - 1].key[length];
		start = end - 1;
		if (entries[first].key[length] == letter)
			start = first;
		while (start > first && entries[start - 1].key[length] == letter)
			start--;
		if (!push(tasks, (struct task){ start, end, length + 1, table + 4 * (letter - low) }))
			return false;
		end = start;
	}
	return true;
}

/* How many characters the keys from first to end share; they are sorted. */
static uint32_t shared(const struct entry *first, const struct entry *last, uint32_t depth)
{
	while (depth < first->key_size && depth < last->key_size && first->key[depth] == last->key[depth])
		depth++;
	return depth;
}

static bool put_node(const struct entry *entries, struct task task, struct output *out, struct tasks *tasks)
{
	uint32_t length = task.depth, flags = 0, start = out->size;
	size_t own = task.first;

	/* The root has no prefix even where all keys share one. */
	if (task.depth)
		length = shared(entries + task.first, entries + task.end - 1, task.depth);
	while (own < task.end && entries[own].key_size == length)
		own++;
	if (length > task.depth) {
		flags |= PREFIX;
		if (!put_text(out, entries[task.first].key + task.depth, length - task.depth))
			return false;
	}
	if (own < task.end) {
		flags |= CHILDS;
		if (!put_children(entries, own, task.end, length, out, tasks))
			return false;
	}
	if (own > task.first) {
		flags |= VALUES;
		if (!put_values(out, entries + task.first, own - task.first))
			return false;
	}
	number(out->at + task.reference, flags | start);
	return true;
}

enum index_answer index_write(struct entry *entries, size_t count, struct output *out)
{
	struct tasks tasks = { 0 };
	bool ok = put_number(out, MAGIC) && put_number(out, VERSION) && put_number(out, 0);

	qsort(entries, count, sizeof(*entries), compare);
	ok = ok && push(&tasks, (struct task){ 0, count, 0, 8 });
	while (ok && tasks.count && out->size <= INDEX_MAX) {
		tasks.count--;
		ok = put_node(entries, tasks.at[tasks.count], out, &tasks);
	}
	free(tasks.at);
	if (!ok)
		return INDEX_NO_MEMORY;
	return out->size <= INDEX_MAX ? INDEX_DONE : INDEX_TOO_LARGE;
}
