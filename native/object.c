// SPDX-License-Identifier: Apache-2.0
/* An object file: open, choose programs, set knobs, share maps, load, attach. */
#include <errno.h>
#include <string.h>
#include "native.h"

struct object {
	PyObject_HEAD
	struct bpf_object *obj;
};

PyObject *ObjectType;

static int check_open(struct object *self)
{
	if (self->obj)
		return 0;
	PyErr_SetString(PyExc_ValueError, "the object is closed");
	return -1;
}

static struct bpf_program *find_program(struct object *self, const char *name)
{
	struct bpf_program *prog;

	if (check_open(self))
		return NULL;
	prog = bpf_object__find_program_by_name(self->obj, name);
	if (!prog)
		PyErr_Format(PyExc_KeyError, "no program named %s", name);
	return prog;
}

static struct bpf_map *find_map(struct object *self, const char *name)
{
	struct bpf_map *map;

	if (check_open(self))
		return NULL;
	map = bpf_object__find_map_by_name(self->obj, name);
	if (!map)
		PyErr_Format(PyExc_KeyError, "no map named %s", name);
	return map;
}

static PyObject *object_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
	const char *name, *bytes;
	Py_ssize_t size;
	struct object *self;
	struct bpf_object *obj;
	LIBBPF_OPTS(bpf_object_open_opts, opts);
	allocfunc alloc = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);

	if (!PyArg_ParseTuple(args, "sy#", &name, &bytes, &size))
		return NULL;
	opts.object_name = name;
	log_clear();
	obj = bpf_object__open_mem(bytes, size, &opts);
	if (!obj)
		return raise_bpf(errno, "open the object");
	self = (struct object *)alloc(type, 0);
	if (!self) {
		bpf_object__close(obj);
		return NULL;
	}
	self->obj = obj;
	return (PyObject *)self;
}

static void object_free(struct object *self)
{
	if (self->obj)
		bpf_object__close(self->obj);
	self->obj = NULL;
}

static PyObject *object_close(struct object *self, PyObject *unused)
{
	object_free(self);
	Py_RETURN_NONE;
}

static void object_dealloc(struct object *self)
{
	PyTypeObject *type = Py_TYPE((PyObject *)self);

	object_free(self);
	((freefunc)PyType_GetSlot(type, Py_tp_free))(self);
	Py_DECREF(type);
}

static PyObject *object_programs(struct object *self, PyObject *unused)
{
	PyObject *list;
	struct bpf_program *prog;

	if (check_open(self))
		return NULL;
	list = PyList_New(0);
	if (!list)
		return NULL;
	bpf_object__for_each_program(prog, self->obj) {
		PyObject *item = Py_BuildValue("(ss)", bpf_program__name(prog), bpf_program__section_name(prog));

		if (!item || PyList_Append(list, item)) {
			Py_XDECREF(item);
			Py_DECREF(list);
			return NULL;
		}
		Py_DECREF(item);
	}
	return list;
}

static PyObject *object_maps(struct object *self, PyObject *unused)
{
	PyObject *list;
	struct bpf_map *map;

	if (check_open(self))
		return NULL;
	list = PyList_New(0);
	if (!list)
		return NULL;
	bpf_object__for_each_map(map, self->obj) {
		PyObject *item = PyUnicode_FromString(bpf_map__name(map));

		if (!item || PyList_Append(list, item)) {
			Py_XDECREF(item);
			Py_DECREF(list);
			return NULL;
		}
		Py_DECREF(item);
	}
	return list;
}

static PyObject *object_set_autoload(struct object *self, PyObject *args)
{
	const char *name;
	int on, err;
	struct bpf_program *prog;

	if (!PyArg_ParseTuple(args, "sp", &name, &on) || !(prog = find_program(self, name)))
		return NULL;
	err = bpf_program__set_autoload(prog, on);
	if (err)
		return raise_bpf(err, "choose the program");
	Py_RETURN_NONE;
}

static PyObject *object_initial_value(struct object *self, PyObject *args)
{
	const char *name;
	const void *value;
	size_t size;
	struct bpf_map *map;

	if (!PyArg_ParseTuple(args, "s", &name) || !(map = find_map(self, name)))
		return NULL;
	value = bpf_map__initial_value(map, &size);
	if (!value)
		Py_RETURN_NONE;
	return PyBytes_FromStringAndSize(value, size);
}

static PyObject *object_set_initial_value(struct object *self, PyObject *args)
{
	const char *name, *value;
	Py_ssize_t size;
	struct bpf_map *map;
	int err;

	if (!PyArg_ParseTuple(args, "sy#", &name, &value, &size) || !(map = find_map(self, name)))
		return NULL;
	err = bpf_map__set_initial_value(map, value, size);
	if (err)
		return raise_bpf(err, "set the initial value of a map");
	Py_RETURN_NONE;
}

static PyObject *object_reuse_map(struct object *self, PyObject *args)
{
	const char *name;
	int fd, err;
	struct bpf_map *map;

	if (!PyArg_ParseTuple(args, "si", &name, &fd) || !(map = find_map(self, name)))
		return NULL;
	log_clear();
	err = bpf_map__reuse_fd(map, fd);
	if (err)
		return raise_bpf(err, "share a map");
	Py_RETURN_NONE;
}

static PyObject *object_resize_map(struct object *self, PyObject *args)
{
	const char *name;
	unsigned int entries;
	int err;
	struct bpf_map *map;

	if (!PyArg_ParseTuple(args, "sI", &name, &entries) || !(map = find_map(self, name)))
		return NULL;
	err = bpf_map__set_max_entries(map, entries);
	if (err)
		return raise_bpf(err, "resize a map");
	Py_RETURN_NONE;
}

static PyObject *object_load(struct object *self, PyObject *unused)
{
	int err;

	if (check_open(self))
		return NULL;
	log_clear();
	/* The print callback runs without the GIL; loads are made from one thread. */
	Py_BEGIN_ALLOW_THREADS
	err = bpf_object__load(self->obj);
	Py_END_ALLOW_THREADS
	if (err)
		return raise_bpf(err, "load the object");
	Py_RETURN_NONE;
}

static PyObject *object_map_fd(struct object *self, PyObject *args)
{
	const char *name;
	struct bpf_map *map;

	if (!PyArg_ParseTuple(args, "s", &name) || !(map = find_map(self, name)))
		return NULL;
	return PyLong_FromLong(bpf_map__fd(map));
}

static PyObject *object_program_fd(struct object *self, PyObject *args)
{
	const char *name;
	struct bpf_program *prog;

	if (!PyArg_ParseTuple(args, "s", &name) || !(prog = find_program(self, name)))
		return NULL;
	return PyLong_FromLong(bpf_program__fd(prog));
}

static PyObject *object_attach(struct object *self, PyObject *args)
{
	const char *name;
	struct bpf_program *prog;
	struct bpf_link *link;

	if (!PyArg_ParseTuple(args, "s", &name) || !(prog = find_program(self, name)))
		return NULL;
	log_clear();
	link = bpf_program__attach(prog);
	if (!link)
		return raise_bpf(errno, "attach the program");
	return link_wrap(link);
}

static PyMethodDef object_methods[] = {
	{ "close", (PyCFunction)object_close, METH_NOARGS, "Unload what nothing else holds." },
	{ "programs", (PyCFunction)object_programs, METH_NOARGS, "[(name, section)]" },
	{ "maps", (PyCFunction)object_maps, METH_NOARGS, "[name]" },
	{ "set_autoload", (PyCFunction)object_set_autoload, METH_VARARGS, "(program, bool)" },
	{ "initial_value", (PyCFunction)object_initial_value, METH_VARARGS, "(map) -> bytes | None" },
	{ "set_initial_value", (PyCFunction)object_set_initial_value, METH_VARARGS, "(map, bytes)" },
	{ "reuse_map", (PyCFunction)object_reuse_map, METH_VARARGS, "(map, fd)" },
	{ "resize_map", (PyCFunction)object_resize_map, METH_VARARGS, "(map, max_entries)" },
	{ "load", (PyCFunction)object_load, METH_NOARGS, "All chosen programs, or BpfError." },
	{ "map_fd", (PyCFunction)object_map_fd, METH_VARARGS, "(map) -> fd, owned by the object" },
	{ "program_fd", (PyCFunction)object_program_fd, METH_VARARGS, "(program) -> fd, owned by the object" },
	{ "attach", (PyCFunction)object_attach, METH_VARARGS, "(program) -> Link" },
	{ 0 },
};

static PyType_Slot object_slots[] = {
	{ Py_tp_doc, "Object(name, bytes): an eBPF object file, opened." },
	{ Py_tp_new, object_new },
	{ Py_tp_dealloc, object_dealloc },
	{ Py_tp_methods, object_methods },
	{ 0 },
};

static PyType_Spec object_spec = {
	.name = "ringward.sensor._native.Object",
	.basicsize = sizeof(struct object),
	.flags = Py_TPFLAGS_DEFAULT,
	.slots = object_slots,
};

int object_register(PyObject *module)
{
	ObjectType = PyType_FromSpec(&object_spec);
	return ObjectType ? PyModule_AddObjectRef(module, "Object", ObjectType) : -1;
}
