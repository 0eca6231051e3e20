// SPDX-License-Identifier: Apache-2.0
/* Which members a struct has, where they lie, and when they are left out: asked of Python once a class. */
#include "json.h"
#include <structmember.h>

static void shape_free(struct shape *shape)
{
	int i;

	for (i = 0; i < FIELDS_MAX; i++) {
		Py_XDECREF(shape->fields[i].key);
		Py_XDECREF(shape->fields[i].left_out);
	}
	Py_XDECREF((PyObject *)shape->type);
	PyMem_Free(shape);
}

static int field_fill(struct field *field, PyTypeObject *type, PyObject *name, PyObject *spec)
{
	PyObject *key, *left_out, *member;
	int empty, shared;

	if (!PyArg_ParseTuple(spec, "SO!pp", &key, &PyTuple_Type, &left_out, &empty, &shared))
		return -1;
	if (!PyBytes_GET_SIZE(key)) {
		PyErr_Format(PyExc_ValueError, "%s.%U has no key", type->tp_name, name);
		return -1;
	}
	member = PyObject_GetAttr((PyObject *)type, name);
	if (!member)
		return -1;
	if (!PyObject_TypeCheck(member, &PyMemberDescr_Type) ||
	    ((PyMemberDescrObject *)member)->d_member->type != T_OBJECT_EX) {
		Py_DECREF(member);
		PyErr_Format(PyExc_TypeError, "%s.%U is no member of a struct", type->tp_name, name);
		return -1;
	}
	field->offset = ((PyMemberDescrObject *)member)->d_member->offset;
	Py_DECREF(member);
	field->key = Py_NewRef(key);
	field->left_out = PyTuple_GET_SIZE(left_out) ? Py_NewRef(PyTuple_GET_ITEM(left_out, 0)) : NULL;
	field->left_out_empty = empty;
	field->shared = shared;
	return 0;
}

static int shape_fill(struct shape *shape, PyTypeObject *type, PyObject *spec)
{
	PyObject *name, *value;
	Py_ssize_t at = 0;

	shape->type = (PyTypeObject *)Py_NewRef((PyObject *)type);
	if (spec == Py_None) {
		shape->count = -1;
		return 0;
	}
	if (!PyDict_Check(spec) || PyDict_GET_SIZE(spec) > FIELDS_MAX) {
		PyErr_Format(PyExc_ValueError, "the shape of %s is no dict of at most %d fields", type->tp_name, FIELDS_MAX);
		return -1;
	}
	while (PyDict_Next(spec, &at, &name, &value))
		if (field_fill(&shape->fields[shape->count++], type, name, value))
			return -1;
	return 0;
}

struct shape *shape_of(struct writer *w, PyTypeObject *type)
{
	struct shape *shape, **more;
	PyObject *spec;
	size_t i;

	for (i = 0; i < w->shape_count; i++)
		if (w->shapes[i]->type == type)
			return w->shapes[i];
	spec = PyObject_CallOneArg(w->describe, (PyObject *)type);
	if (!spec)
		return NULL;
	shape = PyMem_Calloc(1, sizeof(*shape));
	more = PyMem_Realloc(w->shapes, (w->shape_count + 1) * sizeof(*more));
	if (more)
		w->shapes = more;
	if (!shape || !more)
		PyErr_NoMemory();
	if (!shape || !more || shape_fill(shape, type, spec)) {
		if (shape)
			shape_free(shape);
		Py_DECREF(spec);
		return NULL;
	}
	Py_DECREF(spec);
	w->shapes[w->shape_count++] = shape;
	return shape;
}

void writer_clear(struct writer *w)
{
	shared_forget(w);
	while (w->shape_count)
		shape_free(w->shapes[--w->shape_count]);
	PyMem_Free(w->shapes);
	w->shapes = NULL;
	Py_CLEAR(w->encode);
	Py_CLEAR(w->describe);
	Py_CLEAR(w->out);
}
