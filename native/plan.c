// SPDX-License-Identifier: Apache-2.0
/* Plans, as ringward.sensor.plan makes them: checked here once, so that decoding need not. */
#include <string.h>
#include "decode.h"

bool is_tuple(PyObject *spec)
{
	if (PyTuple_Check(spec))
		return true;
	PyErr_Format(PyExc_TypeError, "plans are made of tuples, not of %R", spec);
	return false;
}

/* (name, offset, size, kind) */
static int member_parse(struct member *m, PyObject *spec, __u32 room)
{
	const char *kind;

	if (!is_tuple(spec) || !PyArg_ParseTuple(spec, "UIIs", &m->name, &m->offset, &m->size, &kind))
		return -1;
	m->kind = kind[0];
	if (m->offset > room || m->size > room - m->offset ||
	    (m->kind != 'b' && m->size != 1 && m->size != 2 && m->size != 4 && m->size != 8)) {
		PyErr_Format(PyExc_ValueError, "member %U does not lie in its record", m->name);
		return -1;
	}
	Py_INCREF(m->name);
	return 0;
}

static PyObject *said_dict(PyObject *field, PyObject *value)
{
	PyObject *dict = PyDict_New();

	if (dict && PyDict_SetItem(dict, field, value))
		Py_CLEAR(dict);
	return dict;
}

/* (reading, field, function, members, aux) */
static int op_parse(struct op *op, PyObject *spec, __u32 room, int number)
{
	PyObject *members, *word;
	const char *reading;
	const struct reading *how = readings;

	if (!is_tuple(spec) ||
	    !PyArg_ParseTuple(spec, "sUOO!O", &reading, &op->field, &op->convert, &PyTuple_Type, &members, &op->aux)) {
		op->field = op->convert = op->aux = NULL;
		return -1;
	}
	Py_INCREF(op->field);
	Py_INCREF(op->convert);
	Py_INCREF(op->aux);
	while (how->name && strcmp(reading, how->name))
		how++;
	if (!how->name || PyTuple_GET_SIZE(members) > MEMBERS_MAX || PyTuple_GET_SIZE(members) < how->least) {
		PyErr_Format(PyExc_ValueError, "field %U: no reading '%s' of %zd members", op->field, reading,
			     PyTuple_GET_SIZE(members));
		return -1;
	}
	op->read = how->read;
	while (op->count < PyTuple_GET_SIZE(members)) {
		if (member_parse(&op->members[op->count], PyTuple_GET_ITEM(members, op->count), room))
			return -1;
		if (op->members[op->count].kind == 'b' && !how->bytes) {
			op->count++;
			PyErr_Format(PyExc_ValueError, "field %U: %s of bytes", op->field, reading);
			return -1;
		}
		op->count++;
	}
	for (int which = 0; which < 2 && how->said[which]; which++) {
		word = PyUnicode_FromString(how->said[which]);
		op->said[which] = word ? said_dict(op->field, word) : NULL;
		Py_XDECREF(word);
		if (!op->said[which])
			return -1;
	}
	if (how->known) {
		PyObject *set, *reason;
		int other;

		if (!is_tuple(op->aux) || !PyArg_ParseTuple(op->aux, "OiU", &set, &other, &reason))
			return -1;
		if ((set != Py_None && !PyAnySet_Check(set)) || other < 0 || other >= number) {
			PyErr_Format(PyExc_ValueError, "field %U: needs a set, and a field before it", op->field);
			return -1;
		}
		op->said[0] = said_dict(op->field, reason);
		return op->said[0] ? 0 : -1;
	}
	return 0;
}

/* (name, class, size, ops, extra) */
struct plan *plan_new(PyObject *spec)
{
	struct plan *plan = PyMem_Calloc(1, sizeof(*plan));
	PyObject *name, *cls, *ops, *extra;

	if (!plan)
		return (struct plan *)PyErr_NoMemory();
	if (!is_tuple(spec) || !PyArg_ParseTuple(spec, "UOIO!O!", &name, &cls, &plan->size, &PyTuple_Type, &ops, &PyTuple_Type, &extra))
		goto fail;
	plan->name = Py_NewRef(name);
	plan->cls = Py_NewRef(cls);
	if (PyTuple_GET_SIZE(ops) > FIELDS_MAX) {
		PyErr_Format(PyExc_ValueError, "record %U has more than %d fields", name, FIELDS_MAX);
		goto fail;
	}
	plan->ops = PyMem_Calloc(PyTuple_GET_SIZE(ops) + 1, sizeof(*plan->ops));
	plan->extra = PyMem_Calloc(PyTuple_GET_SIZE(extra) + 1, sizeof(*plan->extra));
	if (!plan->ops || !plan->extra) {
		PyErr_NoMemory();
		goto fail;
	}
	for (; plan->fields < PyTuple_GET_SIZE(ops); plan->fields++)
		if (op_parse(&plan->ops[plan->fields], PyTuple_GET_ITEM(ops, plan->fields), plan->size, plan->fields))
			goto fail_op;
	for (; plan->extras < PyTuple_GET_SIZE(extra); plan->extras++)
		if (member_parse(&plan->extra[plan->extras], PyTuple_GET_ITEM(extra, plan->extras), plan->size))
			goto fail;
	return plan;
fail_op:
	plan->fields++;	/* the one that is half made */
fail:
	plan_free(plan);
	return NULL;
}

void plan_free(struct plan *plan)
{
	int i, j;

	if (!plan)
		return;
	for (i = 0; i < plan->fields; i++) {
		struct op *op = &plan->ops[i];

		for (j = 0; j < op->count; j++)
			Py_XDECREF(op->members[j].name);
		Py_XDECREF(op->field);
		Py_XDECREF(op->convert);
		Py_XDECREF(op->aux);
		Py_XDECREF(op->said[0]);
		Py_XDECREF(op->said[1]);
		Py_XDECREF(op->kept);
	}
	for (i = 0; i < plan->extras; i++)
		Py_XDECREF(plan->extra[i].name);
	Py_XDECREF(plan->name);
	Py_XDECREF(plan->cls);
	PyMem_Free(plan->ops);
	PyMem_Free(plan->extra);
	PyMem_Free(plan);
}
