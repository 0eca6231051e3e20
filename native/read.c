// SPDX-License-Identifier: Apache-2.0
/*
 * How each field of a record becomes a Python object. The meaning of fields is in
 * ringward.events.fields; here are the plain cases of it, and everything else
 * (something was not read, was cut, or differs) is handed to the Python function.
 */
#include <string.h>
#include "decode.h"

#define FLAGS_KEPT 256	/* values of one field whose names are kept */

__u64 member_number(const struct member *m, const struct record *r)
{
	const unsigned char *at = r->data + m->offset;
	__u64 value = 0;

	memcpy(&value, at, m->size);
	return value;
}

PyObject *member_value(const struct member *m, const struct record *r)
{
	__u64 value;

	if (m->kind == 'b')
		return PyBytes_FromStringAndSize((const char *)r->data + m->offset, m->size);
	value = member_number(m, r);
	if (m->kind == 'u')
		return PyLong_FromUnsignedLongLong(value);
	/* Sign extension from the member's own width. */
	return PyLong_FromLongLong((__s64)(value << (64 - 8 * m->size)) >> (64 - 8 * m->size));
}

/* What a str_loc points at, clipped to the record as Tail.raw() does. */
static const char *loc_bytes(const struct record *r, __u32 loc, size_t *len)
{
	size_t start = loc >> 16, n = loc & 0x7fff;

	if (start > r->len)
		start = r->len;
	*len = n < r->len - start ? n : r->len - start;
	return (const char *)r->data + start;
}

static bool loc_is_plain(__u32 loc)
{
	return loc >> 16 && !(loc & 0x8000);
}

static PyObject *text(const char *s, size_t len)
{
	return PyUnicode_DecodeUTF8(s, len, "backslashreplace");
}

PyObject *comm_text(const char *s, size_t room)
{
	return text(s, strnlen(s, room));
}

static char *digits(char *end, __u64 value)
{
	do
		*--end = '0' + value % 10;
	while (value /= 10);
	return end;
}

PyObject *pair_text(__u64 first, char between, __u64 second)
{
	char buffer[48], *end = buffer + sizeof(buffer), *start = digits(end, second);

	*--start = between;
	start = digits(start, first);
	return PyUnicode_DecodeASCII(start, end - start, NULL);
}

static PyObject *read_call(struct op *op, struct record *r)
{
	PyObject *args[1 + MEMBERS_MAX], *result = NULL;
	int i;

	args[0] = record_tail(r);
	if (!args[0])
		return NULL;
	for (i = 0; i < op->count; i++) {
		args[1 + i] = member_value(&op->members[i], r);
		if (!args[1 + i])
			goto out;
	}
	result = PyObject_Vectorcall(op->convert, args, 1 + op->count, NULL);
out:
	while (i-- > 0)
		Py_DECREF(args[1 + i]);
	return result;
}

static PyObject *read_number(struct op *op, struct record *r)
{
	return member_value(&op->members[0], r);
}

static PyObject *read_hex(struct op *op, struct record *r)
{
	static const char digits[] = "0123456789abcdef";
	__u64 value = member_number(&op->members[0], r);
	char buffer[18], *at = buffer + sizeof(buffer);

	if (op->members[0].kind != 'u')
		return read_call(op, r);
	do
		*--at = digits[value & 15];
	while (value >>= 4);
	*--at = 'x';
	*--at = '0';
	return PyUnicode_DecodeASCII(at, buffer + sizeof(buffer) - at, NULL);
}

static PyObject *read_text(struct op *op, struct record *r)
{
	__u32 loc = member_number(&op->members[0], r);
	const char *s;
	size_t len;

	if (!loc_is_plain(loc))
		return read_call(op, r);
	s = loc_bytes(r, loc, &len);
	return text(s, len);
}

/* Each string with its NUL; the last may lack it. */
static PyObject *read_texts(struct op *op, struct record *r)
{
	__u32 loc = member_number(&op->members[0], r);
	const char *s, *end, *stop;
	PyObject *list;
	Py_ssize_t i, count = 0;
	size_t len;

	if (!loc_is_plain(loc))
		return read_call(op, r);
	s = loc_bytes(r, loc, &len);
	end = s + len;
	for (stop = s; stop < end; stop++)
		count += !*stop;
	count += len && end[-1];
	list = PyTuple_New(count);
	for (i = 0; list && i < count; i++) {
		PyObject *item;

		stop = memchr(s, 0, end - s);
		if (!stop)
			stop = end;
		item = text(s, stop - s);
		if (!item)
			Py_CLEAR(list);
		else
			PyTuple_SET_ITEM(list, i, item);
		s = stop + 1;
	}
	return list;
}

/* Components from the last to the first, each with its NUL; what follows the last NUL is none. */
PyObject *path_text(const struct record *r, __u32 loc)
{
	char buffer[0x8000 + 1], *out = buffer;
	const char *s, *end, *stop;
	size_t len;

	s = loc_bytes(r, loc, &len);
	end = s + len;
	while (end > s && end[-1])
		end--;
	while (end > s) {
		/* end[-1] is the NUL of the component that ends here. */
		for (stop = end - 1; stop > s && stop[-1]; stop--)
			;
		*out++ = '/';
		memcpy(out, stop, end - 1 - stop);
		out += end - 1 - stop;
		end = stop;
	}
	if (out == buffer)
		*out++ = '/';
	return text(buffer, out - buffer);
}

static PyObject *read_path(struct op *op, struct record *r)
{
	__u32 loc = member_number(&op->members[0], r);

	return loc_is_plain(loc) ? path_text(r, loc) : read_call(op, r);
}

/* Note {field: text} about the field; `which` of the op's two. */
static int say(struct op *op, struct record *r, int which, PyObject **shared, const char *attribute)
{
	PyObject *dict;
	int err;

	if (!r->tail && !*shared) {
		*shared = Py_NewRef(op->said[which]);
		return 0;
	}
	if (!r->tail) {
		dict = PyDict_Copy(*shared);
		if (!dict || PyDict_Update(dict, op->said[which])) {
			Py_XDECREF(dict);
			return -1;
		}
		Py_SETREF(*shared, dict);
		return 0;
	}
	dict = PyObject_GetAttrString(r->tail, attribute);
	if (!dict)
		return -1;
	if (dict == Py_None) {
		Py_SETREF(dict, PyDict_Copy(op->said[which]));
		err = dict ? PyObject_SetAttrString(r->tail, attribute, dict) : -1;
	} else {
		err = PyDict_Update(dict, op->said[which]);
	}
	Py_XDECREF(dict);
	return err;
}

/* Members: entry, [kernel,] exit. Said: which reading it is, "entry" or "kernel". */
static PyObject *read_racy(struct op *op, struct record *r)
{
	__u32 entry = member_number(&op->members[0], r);
	__u32 kernel = op->count > 2 ? member_number(&op->members[1], r) : 0;
	const char *s, *other;
	size_t len, other_len;
	PyObject *value;
	int which = 0;

	if (!(kernel >> 16)) {
		if (!loc_is_plain(entry))
			return read_call(op, r);
		s = loc_bytes(r, entry, &len);
	} else {
		if (!loc_is_plain(kernel))
			return read_call(op, r);
		s = loc_bytes(r, kernel, &len);
		which = 1;
		if (entry >> 16) {
			other = loc_bytes(r, entry, &other_len);
			if (entry & 0x8000 || len != other_len || memcmp(s, other, len))
				return read_call(op, r);
		}
	}
	value = text(s, len);
	if (value && say(op, r, which, &r->sources, "sources"))
		Py_CLEAR(value);
	return value;
}

/* aux: ((bit, name), ...) in the order of the names. */
static PyObject *read_flags(struct op *op, struct record *r)
{
	PyObject *key = PyLong_FromUnsignedLongLong(member_number(&op->members[0], r) & 0xffffffff), *flags = NULL;

	if (!key || (!op->kept && !(op->kept = PyDict_New())))
		goto out;
	flags = Py_XNewRef(PyDict_GetItemWithError(op->kept, key));
	if (flags || PyErr_Occurred())
		goto out;
	/* A value that came before has the same tuple; few values ever come, but the caller chooses them. */
	if (PyDict_GET_SIZE(op->kept) >= FLAGS_KEPT)
		PyDict_Clear(op->kept);
	flags = read_call(op, r);
	if (flags && PyDict_SetItem(op->kept, key, flags))
		Py_CLEAR(flags);
out:
	Py_XDECREF(key);
	return flags;
}

/* Members: dev, path, inode, ctime, nlink of a struct file_id. aux: the class. */
static PyObject *read_file(struct op *op, struct record *r)
{
	__u32 dev = member_number(&op->members[0], r), loc = member_number(&op->members[1], r);
	PyObject *args[5] = {}, *result = NULL;
	int i;

	if (!loc_is_plain(loc))
		return read_call(op, r);
	/* linux/kdev_t.h: MINORBITS is 20 */
	if ((args[0] = path_text(r, loc)) && (args[1] = pair_text(dev >> 20, ':', dev & 0xfffff)) &&
	    (args[2] = member_value(&op->members[2], r)) && (args[3] = member_value(&op->members[3], r))) {
		args[4] = Py_NewRef(member_number(&op->members[4], r) ? Py_False : Py_True);
		result = PyObject_Vectorcall(op->aux, args, 5, NULL);
	}
	for (i = 0; i < 5; i++)
		Py_XDECREF(args[i]);
	return result;
}

static PyObject *read_truth(struct op *op, struct record *r)
{
	return PyBool_FromLong(member_number(&op->members[0], r) != 0);
}

/* aux: a name for each member but the last, which says why they were not read. */
static PyObject *read_numbers(struct op *op, struct record *r)
{
	int count = op->count - 1, i;
	PyObject *dict;

	if (!PyTuple_Check(op->aux) || PyTuple_GET_SIZE(op->aux) != count || member_number(&op->members[count], r))
		return read_call(op, r);
	dict = PyDict_New();
	for (i = 0; dict && i < count; i++) {
		PyObject *value = member_value(&op->members[i], r);

		if (!value || PyDict_SetItem(dict, PyTuple_GET_ITEM(op->aux, i), value))
			Py_CLEAR(dict);
		Py_XDECREF(value);
	}
	return dict;
}

/* Whether another field's value, a string, is in a set. aux: (set | None, number of the field). Said: why None. */
static PyObject *read_known(struct op *op, struct record *r)
{
	PyObject *set = PyTuple_GET_ITEM(op->aux, 0);
	PyObject *value = r->values[PyLong_AsLong(PyTuple_GET_ITEM(op->aux, 1))];
	int found;

	if (set == Py_None || !value || value == Py_None) {
		if (say(op, r, 0, &r->unread, "unread"))
			return NULL;
		Py_RETURN_NONE;
	}
	found = PySet_Contains(set, value);
	return found < 0 ? NULL : PyBool_FromLong(found);
}

const struct reading readings[] = {
	{ "number", read_number, {}, 1, .bytes = true },
	{ "hex", read_hex, {}, 1 },
	{ "truth", read_truth, {}, 1 },
	{ "numbers", read_numbers, {}, 2 },
	{ "text", read_text, {}, 1 },
	{ "texts", read_texts, {}, 1 },
	{ "path", read_path, {}, 1 },
	{ "racy", read_racy, { "entry", "kernel" }, 2 },
	{ "flags", read_flags, {}, 1 },
	{ "file", read_file, {}, 5 },
	{ "known", read_known, {}, 0, .known = true },
	{ "call", read_call, {}, 0, .bytes = true },
	{ 0 },
};
