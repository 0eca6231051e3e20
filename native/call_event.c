// SPDX-License-Identifier: Apache-2.0
/* The event of a call that has returned, or of a program: ringward.events.context.Event. */
#include <time.h>
#include "calls.h"

enum { EVENT, TIME, KTIME, HOST, CPU, SEQ, HOOK, ABI, PROCESS, ARGS, RESULT, ERROR, DURATION, TAGS, SOURCES, UNREAD,
       DIFFERENCES, EVENT_FIELDS };
static const char *const event_fields[] = { "event", "time", "ktime", "host", "cpu", "seq", "hook", "abi", "process",
	"args", "result", "error", "duration", "tags", "sources", "unread", "differences" };

void forget_contexts(struct calls *self)
{
	int i;

	for (i = 0; i < CONTEXTS; i++)
		Py_CLEAR(self->contexts[i].process);
}

/* The record's task as ringward.events.context.Process. */
static PyObject *process_of(struct calls *self, const struct record *r)
{
	const unsigned char *task = r->data + self->decoder->header;
	__u32 size = self->decoder->task, tid = u32_at(r, self->decoder->header + 4);
	struct context *known = &self->contexts[tid % CONTEXTS];
	PyObject *bytes;

	if (!known->process || memcmp(known->task, task, size)) {
		bytes = PyBytes_FromStringAndSize((const char *)task, size);
		if (!bytes)
			return NULL;
		Py_XSETREF(known->process, PyObject_CallOneArg(self->context, bytes));
		Py_DECREF(bytes);
		memcpy(known->task, task, size);
	}
	return Py_XNewRef(known->process);
}

int put_time(struct calls *self, __u64 ktime, char *out)
{
	__s64 total = (__s64)ktime + self->offset, second = total / 1000000000, rest = total % 1000000000;
	int i;

	if (rest < 0) {
		rest += 1000000000;
		second--;
	}
	if (second != self->second || !self->prefix[0]) {
		time_t when = second;
		struct tm tm;
		char buffer[64];

		if (!gmtime_r(&when, &tm) || strftime(buffer, sizeof(buffer), "%Y-%m-%dT%H:%M:%S.", &tm) != 20) {
			PyErr_Format(PyExc_OverflowError, "no date for %lld s", (long long)second);
			return -1;
		}
		memcpy(self->prefix, buffer, sizeof(self->prefix));
		self->second = second;
	}
	memcpy(out, self->prefix, 20);
	for (i = 28; i >= 20; i--, rest /= 10)
		out[i] = '0' + rest % 10;
	out[29] = 'Z';
	return 0;
}

static PyObject *time_text(struct calls *self, __u64 ktime)
{
	PyObject *text = PyUnicode_New(TIME_TEXT, 127);

	if (text && put_time(self, ktime, (char *)PyUnicode_1BYTE_DATA(text)))
		Py_CLEAR(text);
	return text;
}

static PyObject *error_name(struct calls *self, __s64 result)
{
	PyObject *number, *text;

	if (result >= 0)
		Py_RETURN_NONE;
	if (result > -ERRORS && self->errors[-result])
		return Py_NewRef(self->errors[-result]);
	number = PyLong_FromLongLong(result);
	text = number ? PyObject_Str(number) : NULL;
	Py_XDECREF(number);
	return text;
}

/* What a tail says of the fields, or what the plain cases said; an empty one is the event's own. */
static PyObject *said(const struct record *r, PyObject *shared, const char *attribute)
{
	PyObject *found;

	if (!r->tail)
		return shared ? Py_NewRef(shared) : PyDict_New();
	found = PyObject_GetAttrString(r->tail, attribute);
	if (found == Py_None)
		Py_SETREF(found, PyDict_New());
	return found;
}

static void result_of(struct calls *self, const struct record *r, PyObject **v)
{
	__s64 result = u64_at(r, self->result);

	v[ABI] = Py_NewRef(self->decoder->abis[record_header(r)->abi]);
	v[RESULT] = PyLong_FromLongLong(result);
	v[ERROR] = error_name(self, result);
	v[DURATION] = PyLong_FromLongLong((__s64)record_header(r)->time - (__s64)u64_at(r, self->entered));
}

PyObject *make_event(struct calls *self, struct kind *kind, struct record *r, PyObject *args, PyObject *process)
{
	const struct record_header *h = record_header(r);
	PyObject *v[EVENT_FIELDS] = {}, *event = NULL;
	int i, count = DIFFERENCES;

	if (kind->role == IS_CALL) {
		result_of(self, r, v);
	} else {
		v[ABI] = Py_NewRef(Py_None);
		v[RESULT] = Py_NewRef(Py_None);
		v[ERROR] = Py_NewRef(Py_None);
		v[DURATION] = Py_NewRef(Py_None);
	}
	v[EVENT] = Py_NewRef(record_plan(r)->name);
	v[TIME] = time_text(self, h->time);
	v[KTIME] = PyLong_FromUnsignedLongLong(h->time);
	v[HOST] = Py_NewRef(self->host);
	v[CPU] = PyLong_FromUnsignedLong(h->cpu);
	v[SEQ] = PyLong_FromUnsignedLongLong(h->seq);
	v[HOOK] = Py_NewRef(self->decoder->hooks[h->hook]);
	v[PROCESS] = process ? Py_NewRef(process) : process_of(self, r);
	v[ARGS] = Py_NewRef(args);
	v[TAGS] = Py_NewRef(kind->tags);
	v[SOURCES] = said(r, r->sources, "sources");
	v[UNREAD] = said(r, r->unread, "unread");
	if (r->tail)
		v[count++] = PyObject_GetAttrString(r->tail, "differences");
	for (i = 0; i < count && v[i]; i++)
		;
	if (i == count)
		event = PyObject_Vectorcall(self->event, v, 0, count == EVENT_FIELDS ? self->names_all : self->names);
	for (i = 0; i < count; i++)
		Py_XDECREF(v[i]);
	return event;
}

PyObject *event_names(void)
{
	PyObject *names = PyTuple_New(EVENT_FIELDS);
	int i;

	for (i = 0; names && i < EVENT_FIELDS; i++)
		PyTuple_SET_ITEM(names, i, PyUnicode_InternFromString(event_fields[i]));
	if (names && PyErr_Occurred())
		Py_CLEAR(names);
	return names;
}
