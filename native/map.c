// SPDX-License-Identifier: Apache-2.0
/* Maps by descriptor; keys and values are bytes. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <linux/types.h>
#include "native.h"

static int map_info(int fd, struct bpf_map_info *info)
{
	__u32 size = sizeof(*info);

	memset(info, 0, size);
	if (bpf_obj_get_info_by_fd(fd, info, &size)) {
		raise_bpf(errno, "read a map's shape");
		return -1;
	}
	return 0;
}

static size_t value_bytes(struct bpf_map_info *info)
{
	switch (info->type) {
	case BPF_MAP_TYPE_PERCPU_ARRAY:
	case BPF_MAP_TYPE_PERCPU_HASH:
	case BPF_MAP_TYPE_LRU_PERCPU_HASH:
		return (size_t)((info->value_size + 7) & ~7u) * libbpf_num_possible_cpus();
	}
	return info->value_size;
}

static PyObject *map_lookup(PyObject *module, PyObject *args)
{
	int fd;
	const char *key;
	Py_ssize_t key_size;
	struct bpf_map_info info;
	PyObject *result;
	size_t size;
	void *value;

	if (!PyArg_ParseTuple(args, "iy#", &fd, &key, &key_size) || map_info(fd, &info))
		return NULL;
	if ((size_t)key_size != info.key_size)
		return PyErr_Format(PyExc_ValueError, "the key has %zd bytes, the map's have %u", key_size, info.key_size);
	size = value_bytes(&info);
	value = malloc(size);
	if (!value)
		return PyErr_NoMemory();
	if (bpf_map_lookup_elem(fd, key, value)) {
		free(value);
		if (errno == ENOENT)
			Py_RETURN_NONE;
		return raise_bpf(errno, "look up in a map");
	}
	result = PyBytes_FromStringAndSize(value, size);
	free(value);
	return result;
}

static PyObject *map_update(PyObject *module, PyObject *args)
{
	int fd;
	const char *key, *value;
	Py_ssize_t key_size, value_size;
	struct bpf_map_info info;

	if (!PyArg_ParseTuple(args, "iy#y#", &fd, &key, &key_size, &value, &value_size) || map_info(fd, &info))
		return NULL;
	if ((size_t)key_size != info.key_size || (size_t)value_size != value_bytes(&info))
		return PyErr_Format(PyExc_ValueError, "key and value have %zd and %zd bytes, the map's have %u and %zu",
				    key_size, value_size, info.key_size, value_bytes(&info));
	if (bpf_map_update_elem(fd, key, value, BPF_ANY))
		return raise_bpf(errno, "write to a map");
	Py_RETURN_NONE;
}

static PyObject *map_delete(PyObject *module, PyObject *args)
{
	int fd;
	const char *key;
	Py_ssize_t key_size;
	struct bpf_map_info info;

	if (!PyArg_ParseTuple(args, "iy#", &fd, &key, &key_size) || map_info(fd, &info))
		return NULL;
	if ((size_t)key_size != info.key_size)
		return PyErr_Format(PyExc_ValueError, "the key has %zd bytes, the map's have %u", key_size, info.key_size);
	if (bpf_map_delete_elem(fd, key) && errno != ENOENT)
		return raise_bpf(errno, "delete from a map");
	Py_RETURN_NONE;
}

static PyObject *map_keys(PyObject *module, PyObject *args)
{
	int fd;
	struct bpf_map_info info;
	PyObject *list;
	char *key = NULL, *next;

	if (!PyArg_ParseTuple(args, "i", &fd) || map_info(fd, &info))
		return NULL;
	list = PyList_New(0);
	next = malloc(2 * (size_t)info.key_size);
	if (!list || !next) {
		Py_XDECREF(list);
		free(next);
		return PyErr_NoMemory();
	}
	while (!bpf_map_get_next_key(fd, key, next)) {
		PyObject *item = PyBytes_FromStringAndSize(next, info.key_size);

		if (!item || PyList_Append(list, item)) {
			Py_XDECREF(item);
			Py_CLEAR(list);
			break;
		}
		Py_DECREF(item);
		key = next + info.key_size;
		memcpy(key, next, info.key_size);
	}
	free(next);
	return list;
}

/* One hash map of bytes, as the place of an ARRAY_OF_MAPS takes it. */
static PyObject *map_hash(PyObject *module, PyObject *args)
{
	unsigned int key_size, value_size, entries;
	const char *name;
	int fd;

	if (!PyArg_ParseTuple(args, "sIII", &name, &key_size, &value_size, &entries))
		return NULL;
	log_clear();
	fd = bpf_map_create(BPF_MAP_TYPE_HASH, name, key_size, value_size, entries, NULL);
	if (fd < 0)
		return raise_bpf(errno, "make a hash map");
	return PyLong_FromLong(fd);
}

/* All entries at once: keys and values follow each other without gaps. */
static PyObject *map_fill(PyObject *module, PyObject *args)
{
	Py_buffer keys, values;
	struct bpf_map_info info;
	PyObject *result = NULL;
	__u32 count;
	int fd, err;

	if (!PyArg_ParseTuple(args, "iy*y*", &fd, &keys, &values))
		return NULL;
	if (map_info(fd, &info))
		goto out;
	count = keys.len / info.key_size;
	if ((size_t)keys.len != (size_t)count * info.key_size || (size_t)values.len != count * value_bytes(&info)) {
		PyErr_Format(PyExc_ValueError, "keys and values have %zd and %zd bytes, an entry of the map %u and %zu",
			     keys.len, values.len, info.key_size, value_bytes(&info));
		goto out;
	}
	log_clear();
	Py_BEGIN_ALLOW_THREADS
	err = count ? bpf_map_update_batch(fd, keys.buf, values.buf, &count, NULL) : 0;
	Py_END_ALLOW_THREADS
	if (err)
		raise_bpf(errno, "fill a map");
	else
		result = Py_NewRef(Py_None);
out:
	PyBuffer_Release(&keys);
	PyBuffer_Release(&values);
	return result;
}

PyMethodDef map_methods[] = {
	{ "map_hash", map_hash, METH_VARARGS, "(name, key bytes, value bytes, entries) -> fd; the caller closes it" },
	{ "map_fill", map_fill, METH_VARARGS, "(fd, keys, values): all at once, each one after the other" },
	{ "map_lookup", map_lookup, METH_VARARGS, "(fd, key) -> value | None; per-CPU values follow each other, each padded to 8 bytes" },
	{ "map_update", map_update, METH_VARARGS, "(fd, key, value)" },
	{ "map_delete", map_delete, METH_VARARGS, "(fd, key); a key that is not there is no error" },
	{ "map_keys", map_keys, METH_VARARGS, "(fd) -> [key]" },
	{ 0 },
};
