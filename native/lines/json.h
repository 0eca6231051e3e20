// SPDX-License-Identifier: Apache-2.0
#pragma once
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define FIELDS_MAX 32		/* of a struct */
#define SHARED_BITS 9
#define SHARED_ROOM (1 << SHARED_BITS)

struct field {
	PyObject *key;		/* bytes: ,"name": */
	Py_ssize_t offset;	/* of the value in the instance */
	PyObject *left_out;	/* a member that is this very object is not written */
	bool left_out_empty;	/* nor is an empty dict */
	bool shared;		/* the same object in many events */
};

/* How the instances of a class are written. */
struct shape {
	PyTypeObject *type;
	int count;		/* -1: not here, by msgspec */
	struct field fields[FIELDS_MAX];
};

/* A value that was written, and where in `out`. */
struct shared {
	PyObject *value;
	size_t begin, size;	/* bytes */
};

struct writer {
	PyObject *encode;	/* msgspec's, object -> bytes */
	PyObject *describe;	/* class -> {field: (key, (left out,), empty left out, shared)} | None */
	struct shape **shapes;
	size_t shape_count;
	size_t kept, keep;	/* values that are remembered; at most */
	struct shared shared[SHARED_ROOM];
	PyObject *out;		/* bytes, while something is written */
	char *at, *end;
};

/* Each returns false with an exception. */
bool grow(struct writer *w, size_t more);
bool put_value(struct writer *w, PyObject *value, int depth);
bool put_fields(struct writer *w, const struct shape *shape, PyObject *object, int depth);

struct shape *shape_of(struct writer *w, PyTypeObject *type);
void writer_clear(struct writer *w);
void json_start(void);
void shared_forget(struct writer *w);

static inline bool room(struct writer *w, size_t n)
{
	return (size_t)(w->end - w->at) >= n || grow(w, n);
}

static inline bool put(struct writer *w, const char *s, size_t n)
{
	if (!room(w, n))
		return false;
	memcpy(w->at, s, n);
	w->at += n;
	return true;
}

static inline bool put_bytes(struct writer *w, PyObject *bytes)
{
	return put(w, PyBytes_AS_STRING(bytes), PyBytes_GET_SIZE(bytes));
}
