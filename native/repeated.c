// SPDX-License-Identifier: Apache-2.0
/*
 * What records of programs say again: the arguments of the last one of their kind, and who a process is. The same
 * program starts again and again, and most programs end alike; each process is named by its fork, exec and exit.
 */
#include "calls.h"

/* The bytes that the arguments are made of: all behind the task. */
static const unsigned char *own_bytes(const struct record *r, __u32 *len)
{
	__u32 begin = r->decoder->header + r->decoder->task;

	*len = r->len - begin;
	return r->data + begin;
}

static void forget_last(struct last *last)
{
	Py_CLEAR(last->args);
	Py_CLEAR(last->sources);
	Py_CLEAR(last->unread);
}

void last_clear(struct last *last)
{
	forget_last(last);
	PyMem_Free(last->bytes);
	last->bytes = NULL;
}

/* Only what was plain: with a tail, Python was asked, and it may say something else the next time. */
static int keep_last(struct last *last, const struct record *r, PyObject *args)
{
	__u32 len;
	const unsigned char *bytes = own_bytes(r, &len);
	unsigned char *room;

	forget_last(last);
	if (r->tail)
		return 0;
	room = PyMem_Realloc(last->bytes, len);
	if (!room) {
		PyErr_NoMemory();
		return -1;
	}
	memcpy(room, bytes, len);
	last->bytes = room;
	last->len = len;
	last->args = Py_NewRef(args);
	last->sources = Py_XNewRef(r->sources);
	last->unread = Py_XNewRef(r->unread);
	return 0;
}

PyObject *program_args(struct last *last, struct record *r)
{
	__u32 len;
	const unsigned char *bytes = own_bytes(r, &len);
	PyObject *args;

	if (last->args && last->len == len && !memcmp(last->bytes, bytes, len)) {
		r->sources = Py_XNewRef(last->sources);
		r->unread = Py_XNewRef(last->unread);
		return Py_NewRef(last->args);
	}
	args = record_args(record_plan(r), r);
	if (args && keep_last(last, r, args))
		Py_CLEAR(args);
	return args;
}

const struct name *name_of(struct calls *self, __u32 pid, __u64 start_time)
{
	__u64 ticks = start_time / self->programs.tick;
	struct name *name = &self->names_of[pid % NAMES];

	if (name->key && name->pid == pid && name->ticks == ticks)
		return name;
	name_clear(name);
	name->key = life_key(pid, ticks);
	name->id = name->key ? pair_text(pid, '@', ticks) : NULL;
	name->pid = pid;
	name->ticks = ticks;
	if (name->id)
		return name;
	name_clear(name);
	return NULL;
}

void name_clear(struct name *name)
{
	Py_CLEAR(name->key);
	Py_CLEAR(name->id);
}
