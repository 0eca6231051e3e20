// SPDX-License-Identifier: Apache-2.0
/* The records of what the ring buffer gave, one after the other; and their numbers. */
#include <string.h>
#include "decode.h"

PyObject *BatchType;

static int batch_note(struct batch *self, const struct record_header *h)
{
	struct run *run;
	size_t room = self->run_room ? 2 * self->run_room : 64, i = self->run_count;

	/* The last run of this CPU; runs are few, and the newest is the likely one. */
	while (i-- > 0) {
		run = self->runs + i;
		if (run->cpu != h->cpu)
			continue;
		if (run->last + 1 != h->seq)
			break;
		run->last = h->seq;
		return 0;
	}
	if (self->run_count == self->run_room) {
		run = PyMem_Realloc(self->runs, room * sizeof(*run));
		if (!run) {
			PyErr_NoMemory();
			return -1;
		}
		self->runs = run;
		self->run_room = room;
	}
	self->runs[self->run_count++] = (struct run){ h->cpu, h->seq, h->seq };
	return 0;
}

int batch_step(struct batch *self, struct record *r)
{
	size_t size = PyBytes_GET_SIZE(self->data), padded;
	const unsigned char *data = (const unsigned char *)PyBytes_AS_STRING(self->data);

	if (self->at >= size)
		return 0;
	memset(r, 0, offsetof(struct record, values));
	r->decoder = self->decoder;
	if (size - self->at >= 8)
		memcpy(&r->len, data + self->at, sizeof(r->len));
	padded = ((size_t)r->len + 7) & ~(size_t)7;
	if (size - self->at < 8 || padded > size - self->at - 8) {
		PyErr_SetString(self->decoder->error, "the batch is cut");
		return -1;
	}
	r->data = data + self->at + 8;
	if (record_check(self->decoder, r) || batch_note(self, record_header(r)))
		return -1;
	self->time = record_header(r)->time;
	self->at += 8 + padded;
	return 1;
}

static PyObject *batch_next(struct batch *self)
{
	struct record r;

	return batch_step(self, &r) > 0 ? record_whole(&r) : NULL;
}

static PyObject *batch_runs(struct batch *self, PyObject *unused)
{
	PyObject *list = PyList_New(self->run_count);
	size_t i;

	for (i = 0; list && i < self->run_count; i++) {
		PyObject *item = Py_BuildValue("(IKK)", self->runs[i].cpu, self->runs[i].first, self->runs[i].last);

		if (!item)
			Py_CLEAR(list);
		else
			PyList_SET_ITEM(list, i, item);
	}
	return list;
}

static PyObject *batch_time(struct batch *self, PyObject *unused)
{
	return PyLong_FromUnsignedLongLong(self->time);
}

static void batch_dealloc(struct batch *self)
{
	PyTypeObject *type = Py_TYPE((PyObject *)self);

	PyMem_Free(self->runs);
	Py_XDECREF(self->data);
	Py_XDECREF(self->decoder);
	type->tp_free(self);
	Py_DECREF(type);
}

static PyMethodDef batch_methods[] = {
	{ "runs", (PyCFunction)batch_runs, METH_NOARGS,
	  "[(cpu, first, last)]: the sequence numbers of the records taken so far, in their order" },
	{ "time", (PyCFunction)batch_time, METH_NOARGS,
	  "When the last of the records taken so far was made, nanoseconds since boot; 0: none was" },
	{ 0 },
};

static PyType_Slot batch_slots[] = {
	{ Py_tp_doc, "The records of what Ring.drain gave, one after the other." },
	{ Py_tp_iter, PyObject_SelfIter },
	{ Py_tp_iternext, batch_next },
	{ Py_tp_dealloc, batch_dealloc },
	{ Py_tp_methods, batch_methods },
	{ 0 },
};

static PyType_Spec batch_spec = {
	.name = "ringward.sensor._native.Batch",
	.basicsize = sizeof(struct batch),
	.flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
	.slots = batch_slots,
};

PyObject *batch_new(struct decoder *decoder, PyObject *data)
{
	struct batch *batch;

	if (!PyBytes_Check(data)) {
		PyErr_SetString(PyExc_TypeError, "a batch is bytes, as Ring.drain gives them");
		return NULL;
	}
	batch = (struct batch *)((PyTypeObject *)BatchType)->tp_alloc((PyTypeObject *)BatchType, 0);
	if (batch) {
		batch->decoder = (struct decoder *)Py_NewRef((PyObject *)decoder);
		batch->data = Py_NewRef(data);
	}
	return (PyObject *)batch;
}

int batch_register(PyObject *module)
{
	BatchType = PyType_FromSpec(&batch_spec);
	return BatchType ? PyModule_AddObjectRef(module, "Batch", BatchType) : -1;
}
