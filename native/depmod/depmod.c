// SPDX-License-Identifier: Apache-2.0
/* ringward.kmod.depmod._native: the loops of depmod that touch every character of every name. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include "depmod.h"

/* Paul Hsieh's SuperFastHash, which decides in what order kmod lists what it keeps in hash tables:
 * http://www.azillionmonkeys.com/qed/hash.html. Of two bytes the low one comes first. */
static uint32_t hash(const uint8_t *at, size_t size)
{
	uint32_t h = size, next;
	size_t left;

	for (left = size; left >= 4; left -= 4, at += 4) {
		h += at[0] | at[1] << 8;
		next = (uint32_t)(at[2] | at[3] << 8) << 11;
		h = h << 16 ^ next ^ h;
		h += h >> 11;
	}
	switch (left) {
	case 3:
		h += at[0] | at[1] << 8;
		h ^= h << 16;
		h ^= (uint32_t)(int8_t)at[2] << 18;
		h += h >> 11;
		break;
	case 2:
		h += at[0] | at[1] << 8;
		h ^= h << 11;
		h += h >> 17;
		break;
	case 1:
		h += (int8_t)at[0];
		h ^= h << 10;
		h += h >> 1;
	}
	h ^= h << 3;
	h += h >> 5;
	h ^= h << 4;
	h += h >> 17;
	h ^= h << 25;
	return h + (h >> 6);
}

static PyObject *hash_names(PyObject *self, PyObject *names)
{
	PyObject *answer, *bytes, *value;
	Py_ssize_t i, n;

	if (!PyList_Check(names)) {
		PyErr_SetString(PyExc_TypeError, "the names must be a list");
		return NULL;
	}
	n = PyList_GET_SIZE(names);
	answer = PyList_New(n);
	for (i = 0; answer && i < n; i++) {
		bytes = PyUnicode_EncodeFSDefault(PyList_GET_ITEM(names, i));
		value = bytes ? PyLong_FromUnsignedLong(hash((uint8_t *)PyBytes_AS_STRING(bytes), PyBytes_GET_SIZE(bytes))) : NULL;
		Py_XDECREF(bytes);
		if (!value)
			Py_CLEAR(answer);
		else
			PyList_SET_ITEM(answer, i, value);
	}
	return answer;
}

/* The bytes of a text; those of one that is not ASCII are kept alive by `owned`. */
static int borrow(PyObject *text, PyObject *owned, const uint8_t **at, uint32_t *size)
{
	PyObject *bytes;
	Py_ssize_t n;

	if (!PyUnicode_Check(text)) {
		PyErr_SetString(PyExc_TypeError, "keys and values must be text");
		return -1;
	}
	if (PyUnicode_IS_ASCII(text)) {
		*at = PyUnicode_1BYTE_DATA(text);
		n = PyUnicode_GET_LENGTH(text);
	} else {
		bytes = PyUnicode_EncodeFSDefault(text);
		if (!bytes || PyList_Append(owned, bytes)) {
			Py_XDECREF(bytes);
			return -1;
		}
		*at = (uint8_t *)PyBytes_AS_STRING(bytes);
		n = PyBytes_GET_SIZE(bytes);
		Py_DECREF(bytes);
	}
	if (n > INDEX_MAX || memchr(*at, 0, n)) {
		PyErr_SetString(PyExc_ValueError, "an index holds no text with a NUL or of 256 MiB");
		return -1;
	}
	*size = n;
	return 0;
}

static int borrow_entry(PyObject *keys, PyObject *values, PyObject *priorities, PyObject *owned, Py_ssize_t i, struct entry *entry)
{
	unsigned long priority;
	PyObject *key = PyList_GET_ITEM(keys, i);

	if (borrow(key, owned, &entry->key, &entry->key_size) || borrow(PyList_GET_ITEM(values, i), owned, &entry->value, &entry->value_size))
		return -1;
	if (!PyUnicode_IS_ASCII(key)) {
		PyErr_SetString(PyExc_ValueError, "a key of an index is ASCII");
		return -1;
	}
	priority = PyLong_AsUnsignedLong(PyList_GET_ITEM(priorities, i));
	if (PyErr_Occurred())
		return -1;
	if (priority > UINT32_MAX) {
		PyErr_SetString(PyExc_ValueError, "a priority has 32 bits");
		return -1;
	}
	entry->priority = priority;
	entry->number = i;
	return 0;
}

static PyObject *index_content(PyObject *self, PyObject *args)
{
	PyObject *keys, *values, *priorities, *owned, *answer = NULL;
	struct entry *entries = NULL;
	struct output out = { 0 };
	Py_ssize_t i, n;

	if (!PyArg_ParseTuple(args, "O!O!O!", &PyList_Type, &keys, &PyList_Type, &values, &PyList_Type, &priorities))
		return NULL;
	n = PyList_GET_SIZE(keys);
	if (PyList_GET_SIZE(values) != n || PyList_GET_SIZE(priorities) != n || n > UINT32_MAX) {
		PyErr_SetString(PyExc_ValueError, "as many keys as values and priorities, please");
		return NULL;
	}
	owned = PyList_New(0);
	if (!owned)
		return NULL;
	entries = PyMem_New(struct entry, n ? n : 1);
	if (!entries) {
		PyErr_NoMemory();
		goto out;
	}
	for (i = 0; i < n; i++)
		if (borrow_entry(keys, values, priorities, owned, i, entries + i))
			goto out;
	switch (index_write(entries, n, &out)) {
	case INDEX_DONE:
		answer = PyBytes_FromStringAndSize((char *)out.at, out.size);
		break;
	case INDEX_NO_MEMORY:
		PyErr_NoMemory();
		break;
	case INDEX_TOO_LARGE:
		PyErr_SetString(PyExc_OverflowError, "an index reaches 256 MiB");
	}
out:
	free(out.at);
	PyMem_Free(entries);
	Py_DECREF(owned);
	return answer;
}

static PyMethodDef methods[] = {
	{ "hashes", hash_names, METH_O, "hashes(names) -> SuperFastHash of each name, 32 bits." },
	{ "index", index_content, METH_VARARGS, "index(keys, values, priorities) -> the bytes of a binary index." },
	{ NULL }
};

static struct PyModuleDef definition = {
	PyModuleDef_HEAD_INIT,
	.m_name = "_native",
	.m_doc = "The loops of depmod that touch every character of every name.",
	.m_size = -1,
	.m_methods = methods,
};

PyMODINIT_FUNC PyInit__native(void)
{
	return PyModule_Create(&definition);
}
