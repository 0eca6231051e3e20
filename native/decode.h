// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <linux/types.h>
#include "native.h"

#define MEMBERS_MAX 16		/* of a record, that one field is read from */
#define FIELDS_MAX 32		/* of an event */

/* struct header of bpf/events.h, before its task. */
struct record_header {
	__u16 kind;
	__u8 hook;
	__u8 abi;
	__u32 cpu;
	__u64 seq;
	__u64 time;
};

/* One scalar or byte array of a record, as the object's BTF has it. */
struct member {
	PyObject *name;
	__u32 offset, size;	/* bytes */
	char kind;		/* u: unsigned, s: signed, b: bytes */
};

struct decoder;

/* One record while it is decoded, and what is to be said about its fields. */
struct record {
	struct decoder *decoder;
	const unsigned char *data;
	__u32 len;
	PyObject *bytes;	/* the record itself, once something needs it */
	PyObject *tail;		/* ringward.events.fields.Tail, likewise; then it has the next two */
	PyObject *sources, *unread;	/* shared by all records that say the same */
	int made;		/* of values */
	PyObject *values[FIELDS_MAX];
};

/* How one field is made. */
struct op {
	PyObject *(*read)(struct op *op, struct record *r);
	PyObject *field;
	PyObject *convert;	/* the Python function; it does whatever is not the plain case */
	PyObject *aux;		/* what the reading needs besides */
	PyObject *said[2];	/* {field: text}: what is said of the field in a plain case */
	PyObject *kept;		/* of flags: {value: names} */
	int count;
	struct member members[MEMBERS_MAX];
};

/* A way to make a field, by the name that plans give it. */
struct reading {
	const char *name;
	PyObject *(*read)(struct op *op, struct record *r);
	const char *said[2];	/* of the field, in a plain case */
	int least;		/* members */
	bool bytes;		/* its members may be bytes */
	bool known;		/* it looks another field up, see read_known() */
};

extern const struct reading readings[];

/* How one kind of record is made. */
struct plan {
	PyObject *name, *cls;
	__u32 size;		/* bytes of the fixed part */
	int fields, extras;
	struct op *ops;
	struct member *extra;
};

#define KINDS_MAX 64

struct decoder {
	PyObject_HEAD
	PyObject *record, *tail, *error, *reasons;
	PyObject *hooks[256], *abis[256];
	__u32 header, task;	/* bytes */
	struct plan *plans[KINDS_MAX];
};

/* Numbers of one CPU that came one after the other. */
struct run {
	__u32 cpu;
	__u64 first, last;
};

struct batch {
	PyObject_HEAD
	struct decoder *decoder;
	PyObject *data;
	size_t at;
	__u64 time;
	struct run *runs;
	size_t run_count, run_room;
};

extern PyObject *DecoderType, *BatchType;

bool is_tuple(PyObject *spec);
struct plan *plan_new(PyObject *spec);
void plan_free(struct plan *plan);
PyObject *member_value(const struct member *m, const struct record *r);
__u64 member_number(const struct member *m, const struct record *r);

/* "first:second" and the like, in decimal. */
PyObject *pair_text(__u64 first, char between, __u64 second);

/* A name of at most `room` bytes; the path of a path_loc that was read. */
PyObject *comm_text(const char *s, size_t room);
PyObject *path_text(const struct record *r, __u32 loc);

PyObject *batch_new(struct decoder *decoder, PyObject *data);
int batch_register(PyObject *module);

/* The record of a batch that comes next; 0 at its end, -1 with an exception. */
int batch_step(struct batch *self, struct record *r);
int record_check(struct decoder *d, struct record *r);
void record_clear(struct record *r);
PyObject *record_tail(struct record *r);
PyObject *record_args(struct plan *plan, struct record *r);
PyObject *record_whole(struct record *r);
struct plan *record_plan(const struct record *r);
const struct record_header *record_header(const struct record *r);
