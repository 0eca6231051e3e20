// SPDX-License-Identifier: Apache-2.0
/*
 * JSON, byte for byte as msgspec writes it. Texts, numbers, tuples, dicts and plain structs are
 * written here; what is shared by many events is written once and copied from there; whatever
 * else there is, msgspec encodes.
 */
#include <string.h>
#include "json.h"

#define DEPTH_MAX 16		/* of values in values; msgspec does the rest */

bool grow(struct writer *w, size_t more)
{
	size_t used, size;

	used = w->at - PyBytes_AS_STRING(w->out);
	size = 2 * (size_t)PyBytes_GET_SIZE(w->out) + more;
	if (_PyBytes_Resize(&w->out, size))
		return false;
	w->at = PyBytes_AS_STRING(w->out) + used;
	w->end = PyBytes_AS_STRING(w->out) + size;
	return true;
}

/* What a byte of a string becomes: 0 itself, u \u00XX, else a backslash and that. */
static char escapes[256];

void json_start(void)
{
	memset(escapes, 'u', 0x20);
	escapes['\b'] = 'b';
	escapes['\t'] = 't';
	escapes['\n'] = 'n';
	escapes['\f'] = 'f';
	escapes['\r'] = 'r';
	escapes['"'] = '"';
	escapes['\\'] = '\\';
}

/* Whether eight bytes of a string stay as they are: none is below 0x20, or a quote, or a backslash. */
static inline bool is_plain(const unsigned char *s)
{
	const uint64_t ones = 0x0101010101010101;
	uint64_t word, quote, backslash;

	memcpy(&word, s, sizeof(word));
	quote = word ^ ones * '"';
	backslash = word ^ ones * '\\';
	/* A byte's highest bit says that it is less; a byte that borrows wrongly has one below it that is. */
	return !((((word - ones * 0x20) & ~word) | ((quote - ones) & ~quote) | ((backslash - ones) & ~backslash)) & ones * 0x80);
}

static bool put_text(struct writer *w, PyObject *text)
{
	static const char digits[] = "0123456789abcdef";
	const unsigned char *s, *stop;
	Py_ssize_t n;
	char *out;

	if (PyUnicode_IS_COMPACT_ASCII(text)) {
		s = PyUnicode_1BYTE_DATA(text);
		n = PyUnicode_GET_LENGTH(text);
	} else {
		s = (const unsigned char *)PyUnicode_AsUTF8AndSize(text, &n);
		if (!s)
			return false;
	}
	if (!room(w, 6 * (size_t)n + 2))
		return false;
	out = w->at;
	*out++ = '"';
	for (stop = s + n; s < stop; s++) {
		char e;

		/* Room for eight bytes there is: six times as many as are left. */
		for (; stop - s >= 8 && is_plain(s); s += 8, out += 8)
			memcpy(out, s, 8);
		if (s == stop)
			break;
		e = escapes[*s];
		if (!e) {
			*out++ = *s;
		} else if (e != 'u') {
			*out++ = '\\';
			*out++ = e;
		} else {
			memcpy(out, "\\u00", 4);
			out[4] = digits[*s >> 4];
			out[5] = digits[*s & 15];
			out += 6;
		}
	}
	*out++ = '"';
	w->at = out;
	return true;
}

static bool put_number(struct writer *w, uint64_t value, bool negative)
{
	char buffer[24], *at = buffer + sizeof(buffer);

	do
		*--at = '0' + value % 10;
	while (value /= 10);
	if (negative)
		*--at = '-';
	return put(w, at, buffer + sizeof(buffer) - at);
}

/* By msgspec: everything that is not written here. */
static bool put_other(struct writer *w, PyObject *value)
{
	PyObject *bytes = PyObject_CallOneArg(w->encode, value);
	bool ok = bytes && PyBytes_Check(bytes) && put_bytes(w, bytes);

	if (bytes && !PyBytes_Check(bytes))
		PyErr_SetString(PyExc_TypeError, "the encoder gives bytes");
	Py_XDECREF(bytes);
	return ok;
}

static bool put_int(struct writer *w, PyObject *value)
{
	int overflow;
	long long number = PyLong_AsLongLongAndOverflow(value, &overflow);
	unsigned long long large;

	if (!overflow)
		return put_number(w, number < 0 ? -(uint64_t)number : (uint64_t)number, number < 0);
	if (overflow > 0) {
		large = PyLong_AsUnsignedLongLong(value);
		if (!PyErr_Occurred())
			return put_number(w, large, false);
		PyErr_Clear();
	}
	return put_other(w, value);
}

static bool is_left_out(const struct field *field, PyObject *value)
{
	return value == field->left_out || (field->left_out_empty && PyDict_CheckExact(value) && !PyDict_GET_SIZE(value));
}

static bool put_shared(struct writer *w, PyObject *value, int depth);

/* The members, each with its comma before it but for the first; nothing around them. */
bool put_fields(struct writer *w, const struct shape *shape, PyObject *object, int depth)
{
	size_t comma = 1;	/* bytes of the key that are left out */
	int i;

	for (i = 0; i < shape->count; i++) {
		const struct field *field = &shape->fields[i];
		PyObject *value = *(PyObject **)((char *)object + field->offset);

		if (!value) {
			PyErr_SetString(PyExc_AttributeError, "a member was never set");
			return false;
		}
		if (is_left_out(field, value))
			continue;
		if (!put(w, PyBytes_AS_STRING(field->key) + comma, PyBytes_GET_SIZE(field->key) - comma))
			return false;
		comma = 0;
		if (!(field->shared ? put_shared(w, value, depth) : put_value(w, value, depth)))
			return false;
	}
	return true;
}

static bool put_items(struct writer *w, PyObject **items, Py_ssize_t count, int depth)
{
	Py_ssize_t i;

	if (!put(w, "[", 1))
		return false;
	for (i = 0; i < count; i++)
		if ((i && !put(w, ",", 1)) || !put_value(w, items[i], depth))
			return false;
	return put(w, "]", 1);
}

static bool put_dict(struct writer *w, PyObject *dict, int depth)
{
	PyObject *key, *value;
	Py_ssize_t at = 0;
	bool first = true;

	if (!put(w, "{", 1))
		return false;
	while (PyDict_Next(dict, &at, &key, &value)) {
		if ((!first && !put(w, ",", 1)) || !put_text(w, key) || !put(w, ":", 1) ||
		    !put_value(w, value, depth))
			return false;
		first = false;
	}
	return put(w, "}", 1);
}

static bool has_text_keys(PyObject *dict)
{
	PyObject *key;
	Py_ssize_t at = 0;

	while (PyDict_Next(dict, &at, &key, NULL))
		if (!PyUnicode_CheckExact(key))
			return false;
	return true;
}

bool put_value(struct writer *w, PyObject *value, int depth)
{
	PyTypeObject *type = Py_TYPE(value);
	struct shape *shape;

	if (type == &PyUnicode_Type)
		return put_text(w, value);
	if (type == &PyLong_Type)
		return put_int(w, value);
	if (value == Py_None)
		return put(w, "null", 4);
	if (type == &PyBool_Type)
		return value == Py_True ? put(w, "true", 4) : put(w, "false", 5);
	if (depth >= DEPTH_MAX)
		return put_other(w, value);
	if (type == &PyTuple_Type)
		return put_items(w, &PyTuple_GET_ITEM(value, 0), PyTuple_GET_SIZE(value), depth + 1);
	if (type == &PyDict_Type && has_text_keys(value))
		return put_dict(w, value, depth + 1);
	shape = shape_of(w, type);
	if (!shape)
		return false;
	if (shape->count < 0)
		return put_other(w, value);
	return put(w, "{", 1) && put_fields(w, shape, value, depth + 1) && put(w, "}", 1);
}

void shared_forget(struct writer *w)
{
	int i;

	for (i = 0; w->kept && i < SHARED_ROOM; i++)
		Py_CLEAR(w->shared[i].value);
	w->kept = 0;
}

/*
 * A value that comes again is copied from where it was written. It is kept until all is written, so that its address
 * is nobody else's. One that only this member has cannot come again.
 */
static bool put_shared(struct writer *w, PyObject *value, int depth)
{
	size_t slot = ((uintptr_t)value >> 4) * 0x9e3779b97f4a7c15ull >> (64 - SHARED_BITS), begin;

	if (value == Py_None)
		return put(w, "null", 4);
	if (Py_REFCNT(value) == 1)
		return put_value(w, value, depth);
	for (; w->shared[slot].value; slot = (slot + 1) % SHARED_ROOM)
		if (w->shared[slot].value == value)
			return room(w, w->shared[slot].size) &&
			       put(w, PyBytes_AS_STRING(w->out) + w->shared[slot].begin, w->shared[slot].size);
	begin = w->at - PyBytes_AS_STRING(w->out);
	if (!put_value(w, value, depth))
		return false;
	if (w->kept >= w->keep)
		shared_forget(w);
	for (; w->shared[slot].value; slot = (slot + 1) % SHARED_ROOM)
		;
	w->shared[slot] = (struct shared){ Py_NewRef(value), begin, w->at - PyBytes_AS_STRING(w->out) - begin };
	w->kept++;
	return true;
}
