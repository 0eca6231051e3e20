// SPDX-License-Identifier: Apache-2.0
/* ringward.output._lines: events as JSON lines. */
#include "json.h"

struct lines {
	PyObject_HEAD
	struct writer w;
	PyTypeObject *event;
	PyObject *head;		/* bytes that every line begins with */
	size_t last;		/* bytes that the last call made */
};

static bool put_line(struct lines *self, PyObject *event)
{
	struct shape *shape;

	if (Py_TYPE(event) != self->event) {
		PyErr_Format(PyExc_TypeError, "%s is no event", Py_TYPE(event)->tp_name);
		return false;
	}
	shape = shape_of(&self->w, self->event);
	return shape && put_bytes(&self->w, self->head) && put_fields(&self->w, shape, event, 0) && put(&self->w, "}\n", 2);
}

static PyObject *lines_encode(struct lines *self, PyObject *events)
{
	PyObject *iterator, *event, *out;
	struct writer *w = &self->w;
	bool ok = true;

	if (w->out) {
		PyErr_SetString(PyExc_RuntimeError, "it is encoding already");
		return NULL;
	}
	iterator = PyObject_GetIter(events);
	if (!iterator)
		return NULL;
	w->out = PyBytes_FromStringAndSize(NULL, self->last + self->last / 8 + 4096);
	if (w->out) {
		w->at = PyBytes_AS_STRING(w->out);
		w->end = w->at + PyBytes_GET_SIZE(w->out);
	}
	while (ok && w->out && (event = PyIter_Next(iterator))) {
		ok = put_line(self, event);
		Py_DECREF(event);
	}
	Py_DECREF(iterator);
	shared_forget(w);
	if (PyErr_Occurred()) {
		Py_CLEAR(w->out);
		return NULL;
	}
	self->last = w->at - PyBytes_AS_STRING(w->out);
	out = w->out;
	w->out = NULL;
	_PyBytes_Resize(&out, self->last);
	return out;
}

static void lines_dealloc(struct lines *self)
{
	PyTypeObject *type = Py_TYPE((PyObject *)self);

	writer_clear(&self->w);
	Py_XDECREF((PyObject *)self->event);
	Py_XDECREF(self->head);
	type->tp_free(self);
	Py_DECREF(type);
}

static PyObject *lines_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
	PyObject *event, *encode, *describe, *head;
	struct lines *self;
	struct shape *shape;
	Py_ssize_t keep;

	if (!PyArg_ParseTuple(args, "O!OOSn", &PyType_Type, &event, &encode, &describe, &head, &keep))
		return NULL;
	if (keep < 1 || keep > SHARED_ROOM / 2) {
		PyErr_Format(PyExc_ValueError, "1 to %d values can be remembered", SHARED_ROOM / 2);
		return NULL;
	}
	self = (struct lines *)type->tp_alloc(type, 0);
	if (!self)
		return NULL;
	self->w.encode = Py_NewRef(encode);
	self->w.describe = Py_NewRef(describe);
	self->w.keep = keep;
	self->event = (PyTypeObject *)Py_NewRef(event);
	self->head = Py_NewRef(head);
	shape = shape_of(&self->w, self->event);
	if (shape && shape->count > 0)
		return (PyObject *)self;
	if (shape)
		PyErr_SetString(PyExc_ValueError, "the event's class has no plain shape");
	Py_DECREF(self);
	return NULL;
}

static PyMethodDef lines_methods[] = {
	{ "encode", (PyCFunction)lines_encode, METH_O, "(events) -> bytes: one line each" },
	{ 0 },
};

static PyType_Slot lines_slots[] = {
	{ Py_tp_doc,
	  "Lines(event, encode, describe, head, keep): the event's class; any value -> its JSON; "
	  "class -> {field: (key, (default to leave out,), leave out an empty dict, shared)} | None; what a line begins with; how many shared values are remembered." },
	{ Py_tp_new, lines_new },
	{ Py_tp_dealloc, lines_dealloc },
	{ Py_tp_methods, lines_methods },
	{ 0 },
};

static PyType_Spec lines_spec = {
	.name = "ringward.output._lines.Lines",
	.basicsize = sizeof(struct lines),
	.flags = Py_TPFLAGS_DEFAULT,
	.slots = lines_slots,
};

static struct PyModuleDef definition = {
	PyModuleDef_HEAD_INIT,
	.m_name = "ringward.output._lines",
	.m_doc = "Events as JSON lines.",
	.m_size = -1,
};

PyMODINIT_FUNC PyInit__lines(void)
{
	PyObject *module = PyModule_Create(&definition), *type;

	if (!module)
		return NULL;
	json_start();
	type = PyType_FromSpec(&lines_spec);
	if (!type || PyModule_AddObjectRef(module, "Lines", type)) {
		Py_XDECREF(type);
		Py_DECREF(module);
		return NULL;
	}
	Py_DECREF(type);
	return module;
}
