// SPDX-License-Identifier: Apache-2.0
/*
 * The JSON line of a record that says what the one before it said. It is made of that one's line, as
 * ringward.output.jsonl wrote it, with its own numbers: no line is kept in which they were not found again.
 */
#define _GNU_SOURCE
#include "calls.h"

#define NUMBER_MAX 20		/* digits of 64 bits */

/* What stands before each slot. A quotation mark in a text is escaped: none of these is part of one. */
static const char *const keys[LINE_SLOTS] = { "\"time\":\"", "\"ktime\":", "\"cpu\":", "\"seq\":", "\"id\":\"",
	"\"pid\":", "\"tid\":", "\"start_time\":" };

/* Where a slot's own members are in the task: those that may differ. */
static const struct { int member; size_t size; } own[] = { { TASK_PID, 4 }, { TASK_TID, 4 }, { TASK_START_TIME, 8 } };

bool line_matches(const struct calls *self, const struct line *line, const struct record *r)
{
	__u32 header = self->decoder->header, task = self->decoder->task;
	unsigned char mine[TASK_MAX];

	/* Of the header: kind, hook and ABI. */
	if (r->len != line->len || memcmp(line->record, r->data, offsetof(struct record_header, cpu)))
		return false;
	memcpy(mine, r->data + header, task);
	for (size_t i = 0; i < sizeof(own) / sizeof(*own); i++) {
		__u32 at = self->programs.at[own[i].member];

		memcpy(mine + at, line->record + header + at, own[i].size);
	}
	header += task;
	return !memcmp(line->record + header - task, mine, task) &&
	       !memcmp(line->record + header, r->data + header, r->len - header);
}

void line_forget(struct line *line)
{
	PyMem_Free(line->text);
	line->text = NULL;
}

void line_clear(struct line *line)
{
	line_forget(line);
	PyMem_Free(line->record);
	line->record = NULL;
}

int line_keep(struct line *line, const struct record *r)
{
	unsigned char *room = PyMem_Realloc(line->record, r->len);

	line_forget(line);
	if (!room) {
		PyErr_NoMemory();
		return -1;
	}
	memcpy(room, r->data, r->len);
	line->record = room;
	line->len = r->len;
	return 0;
}

static char *put_number(char *out, __u64 value)
{
	char buffer[NUMBER_MAX], *at = buffer + sizeof(buffer);

	do
		*--at = '0' + value % 10;
	while (value /= 10);
	memcpy(out, at, buffer + sizeof(buffer) - at);
	return out + (buffer + sizeof(buffer) - at);
}

/* The value of a slot: where it ends, NULL with an exception. */
static char *put_slot(struct calls *self, const struct record *r, int slot, char *out)
{
	const struct record_header *h = record_header(r);
	const __u32 *at = self->programs.at;
	__u32 task = self->decoder->header;

	switch (slot) {
	case LINE_TIME:
		return put_time(self, h->time, out) ? NULL : out + TIME_TEXT;
	case LINE_KTIME:
		return put_number(out, h->time);
	case LINE_CPU:
		return put_number(out, h->cpu);
	case LINE_SEQ:
		return put_number(out, h->seq);
	case LINE_ID:
		out = put_number(out, u32_at(r, task + at[TASK_PID]));
		*out++ = '@';
		return put_number(out, u64_at(r, task + at[TASK_START_TIME]) / self->programs.tick);
	case LINE_PID:
		return put_number(out, u32_at(r, task + at[TASK_PID]));
	case LINE_TID:
		return put_number(out, u32_at(r, task + at[TASK_TID]));
	default:
		return put_number(out, u64_at(r, task + at[TASK_START_TIME]));
	}
}

size_t line_room(const struct line *line)
{
	return line->size + LINE_SLOTS * (TIME_TEXT + NUMBER_MAX + 1);
}

int line_learn(struct calls *self, struct line *line, PyObject *text)
{
	struct record r = { .decoder = self->decoder, .data = line->record, .len = line->len };
	char value[TIME_TEXT + NUMBER_MAX + 1], *end;
	const char *s = PyBytes_AS_STRING(text), *from = s, *stop = s + PyBytes_GET_SIZE(text);

	line_forget(line);
	for (int i = 0; i < LINE_SLOTS; i++) {
		size_t len = strlen(keys[i]);

		from = memmem(from, stop - from, keys[i], len);
		if (!from)
			return 0;
		from += len;
		end = put_slot(self, &r, i, value);
		if (!end)
			return -1;
		len = end - value;
		/* Behind a number stands something else. */
		if ((size_t)(stop - from) <= len || memcmp(from, value, len) || (from[len] >= '0' && from[len] <= '9'))
			return 0;
		line->slots[i].begin = from - s;
		from += len;
		line->slots[i].end = from - s;
	}
	line->size = stop - s;
	line->text = PyMem_Malloc(line->size);
	if (!line->text) {
		PyErr_NoMemory();
		return -1;
	}
	memcpy(line->text, s, line->size);
	return 0;
}

Py_ssize_t line_write(struct calls *self, const struct line *line, const struct record *r, char *out)
{
	char *begin = out;
	size_t from = 0;

	for (int i = 0; i < LINE_SLOTS; i++) {
		memcpy(out, line->text + from, line->slots[i].begin - from);
		out = put_slot(self, r, i, out + (line->slots[i].begin - from));
		if (!out)
			return -1;
		from = line->slots[i].end;
	}
	memcpy(out, line->text + from, line->size - from);
	return out + (line->size - from) - begin;
}
