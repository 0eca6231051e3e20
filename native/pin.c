// SPDX-License-Identifier: Apache-2.0
/* What lives longer than the process that made it: maps, programs and links with a name in a bpf file system. */
#include <errno.h>
#include <string.h>
#include <unistd.h>
#include "native.h"

static PyObject *pin(PyObject *module, PyObject *args)
{
	const char *path;
	int fd;

	if (!PyArg_ParseTuple(args, "is", &fd, &path))
		return NULL;
	log_clear();
	if (bpf_obj_pin(fd, path))
		return raise_bpf(errno, "pin an object");
	Py_RETURN_NONE;
}

static PyObject *pinned(PyObject *module, PyObject *args)
{
	LIBBPF_OPTS(bpf_obj_get_opts, opts);
	const char *path;
	int fd;

	if (!PyArg_ParseTuple(args, "s|I", &path, &opts.file_flags))
		return NULL;
	log_clear();
	fd = bpf_obj_get_opts(path, &opts);
	if (fd < 0)
		return raise_bpf(errno, "open a pinned object");
	return PyLong_FromLong(fd);
}

/* The program of a link; 0 when it has none. */
static PyObject *link_program(PyObject *module, PyObject *args)
{
	struct bpf_link_info info = {};
	__u32 size = sizeof(info);
	int fd;

	if (!PyArg_ParseTuple(args, "i", &fd))
		return NULL;
	log_clear();
	if (bpf_obj_get_info_by_fd(fd, &info, &size))
		return raise_bpf(errno, "read about a link");
	return PyLong_FromUnsignedLong(info.prog_id);
}

static PyObject *program_open(PyObject *module, PyObject *args)
{
	unsigned int id;
	int fd;

	if (!PyArg_ParseTuple(args, "I", &id))
		return NULL;
	log_clear();
	fd = bpf_prog_get_fd_by_id(id);
	if (fd < 0)
		return raise_bpf(errno, "open a program by its id");
	return PyLong_FromLong(fd);
}

/* Ids of the maps that a program uses. */
static PyObject *program_maps(PyObject *module, PyObject *args)
{
	__u32 ids[64], i, size = sizeof(struct bpf_prog_info);
	struct bpf_prog_info info = { .nr_map_ids = 64, .map_ids = (__u64)(unsigned long)ids };
	PyObject *list;
	int fd;

	if (!PyArg_ParseTuple(args, "i", &fd))
		return NULL;
	log_clear();
	if (bpf_obj_get_info_by_fd(fd, &info, &size))
		return raise_bpf(errno, "read about a program");
	list = PyList_New(0);
	for (i = 0; list && i < info.nr_map_ids && i < 64; i++) {
		PyObject *id = PyLong_FromUnsignedLong(ids[i]);

		if (!id || PyList_Append(list, id))
			Py_CLEAR(list);
		Py_XDECREF(id);
	}
	return list;
}

/* By its id; the kernel asks whether it may be written to. */
static PyObject *map_open(PyObject *module, PyObject *args)
{
	unsigned int id;
	int fd;

	if (!PyArg_ParseTuple(args, "I", &id))
		return NULL;
	log_clear();
	fd = bpf_map_get_fd_by_id(id);
	if (fd < 0)
		return raise_bpf(errno, "open a map by its id");
	return PyLong_FromLong(fd);
}

PyMethodDef pin_methods[] = {
	{ "pin", pin, METH_VARARGS, "(fd, path): give a map, program or link a name in a bpf file system" },
	{ "pinned", pinned, METH_VARARGS, "(path, BPF_F_* flags=0) -> fd; the caller closes it" },
	{ "link_program", link_program, METH_VARARGS, "(link fd) -> id of its program" },
	{ "program_maps", program_maps, METH_VARARGS, "(fd) -> [id of a map that it uses]" },
	{ "map_open", map_open, METH_VARARGS, "(id) -> fd; the caller closes it" },
	{ "program_open", program_open, METH_VARARGS, "(id) -> fd; the caller closes it" },
	{ 0 },
};
