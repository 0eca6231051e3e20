// SPDX-License-Identifier: Apache-2.0
/*
 * From the bytes of the ring buffer to records. Every length and offset is checked:
 * nothing outside the record is read, whatever it says.
 */
#include <string.h>
#include "decode.h"

PyObject *DecoderType;

const struct record_header *record_header(const struct record *r)
{
	return (const struct record_header *)r->data;
}

struct plan *record_plan(const struct record *r)
{
	return r->decoder->plans[record_header(r)->kind];
}

/* Whether a record is what the object's layout says: 0, or -1 with an exception. */
int record_check(struct decoder *d, struct record *r)
{
	const struct record_header *h = record_header(r);

	if (r->len < d->header + d->task) {
		PyErr_Format(d->error, "a record of %u bytes is shorter than its header", r->len);
		return -1;
	}
	if (h->kind >= KINDS_MAX || !d->plans[h->kind] || r->len < d->plans[h->kind]->size) {
		PyErr_Format(d->error, "record of kind %u with %u bytes: not in the objects' layouts", h->kind, r->len);
		return -1;
	}
	if (!d->hooks[h->hook] || !d->abis[h->abi]) {
		PyErr_Format(d->error, "record of kind %u: no hook %u or no ABI %u", h->kind, h->hook, h->abi);
		return -1;
	}
	return 0;
}

void record_clear(struct record *r)
{
	while (r->made > 0)
		Py_DECREF(r->values[--r->made]);
	Py_CLEAR(r->bytes);
	Py_CLEAR(r->tail);
	Py_CLEAR(r->sources);
	Py_CLEAR(r->unread);
}

/* A tail owns its dicts; those of the plain cases are shared. */
static int tail_give(PyObject *tail, const char *attribute, PyObject *shared)
{
	PyObject *copy;
	int err;

	if (!shared)
		return 0;
	copy = PyDict_Copy(shared);
	err = copy ? PyObject_SetAttrString(tail, attribute, copy) : -1;
	Py_XDECREF(copy);
	return err;
}

PyObject *record_tail(struct record *r)
{
	static PyObject *zero;
	PyObject *tail;

	if (r->tail)
		return r->tail;
	if (!zero)
		zero = PyLong_FromLong(0);
	if (!r->bytes)
		r->bytes = PyBytes_FromStringAndSize((const char *)r->data, r->len);
	if (!zero || !r->bytes)
		return NULL;
	tail = PyObject_Vectorcall(r->decoder->tail, (PyObject *[]){ r->bytes, zero, r->decoder->reasons }, 3, NULL);
	if (tail && (tail_give(tail, "sources", r->sources) || tail_give(tail, "unread", r->unread)))
		Py_CLEAR(tail);
	r->tail = tail;
	return tail;
}

/* The instance of the catalogue's class. */
PyObject *record_args(struct plan *plan, struct record *r)
{
	while (r->made < plan->fields) {
		PyObject *value = plan->ops[r->made].read(&plan->ops[r->made], r);

		if (!value)
			return NULL;
		r->values[r->made++] = value;
	}
	return PyObject_Vectorcall(plan->cls, r->values, plan->fields, NULL);
}

static PyObject *extra_dict(const struct plan *plan, const struct record *r)
{
	PyObject *dict = PyDict_New(), *value;
	int i, err;

	for (i = 0; dict && i < plan->extras; i++) {
		value = member_value(&plan->extra[i], r);
		err = value ? PyDict_SetItem(dict, plan->extra[i].name, value) : -1;
		Py_XDECREF(value);
		if (err)
			Py_CLEAR(dict);
	}
	return dict;
}

/* The record as ringward.sensor.decode.Record; the caller has checked it. */
PyObject *record_whole(struct record *r)
{
	const struct record_header *h = record_header(r);
	struct decoder *d = r->decoder;
	struct plan *plan = record_plan(r);
	PyObject *fields = NULL, *wrap, *result = NULL, *args;

	if (!record_tail(r))
		goto out;
	args = record_args(plan, r);
	if (!args)
		goto out;
	fields = PyTuple_New(10);
	if (!fields) {
		Py_DECREF(args);
		goto out;
	}
	PyTuple_SET_ITEM(fields, 0, Py_NewRef(plan->name));
	PyTuple_SET_ITEM(fields, 1, Py_NewRef(d->hooks[h->hook]));
	PyTuple_SET_ITEM(fields, 2, Py_NewRef(d->abis[h->abi]));
	PyTuple_SET_ITEM(fields, 3, PyLong_FromUnsignedLong(h->cpu));
	PyTuple_SET_ITEM(fields, 4, PyLong_FromUnsignedLongLong(h->seq));
	PyTuple_SET_ITEM(fields, 5, PyLong_FromUnsignedLongLong(h->time));
	PyTuple_SET_ITEM(fields, 6, PyBytes_FromStringAndSize((const char *)r->data + d->header, d->task));
	PyTuple_SET_ITEM(fields, 7, args);
	PyTuple_SET_ITEM(fields, 8, extra_dict(plan, r));
	PyTuple_SET_ITEM(fields, 9, Py_NewRef(r->tail));
	if (PyErr_Occurred())
		goto out;
	/* The named tuple's own constructor would take the fields apart again. */
	wrap = PyTuple_Pack(1, fields);
	if (wrap)
		result = PyTuple_Type.tp_new((PyTypeObject *)d->record, wrap, NULL);
	Py_XDECREF(wrap);
out:
	Py_XDECREF(fields);
	record_clear(r);
	return result;
}

static PyObject *decoder_one(struct decoder *self, PyObject *data)
{
	struct record r = { .decoder = self };

	if (!PyBytes_Check(data) || PyBytes_GET_SIZE(data) > 0xffffffff) {
		PyErr_SetString(PyExc_TypeError, "a record is bytes");
		return NULL;
	}
	r.data = (const unsigned char *)PyBytes_AS_STRING(data);
	r.len = PyBytes_GET_SIZE(data);
	if (record_check(self, &r))
		return NULL;
	r.bytes = Py_NewRef(data);
	return record_whole(&r);
}

static int fill_names(PyObject **table, PyObject *names, int room)
{
	PyObject *key, *value;
	Py_ssize_t at = 0;

	while (PyDict_Next(names, &at, &key, &value)) {
		long number = PyLong_AsLong(key);

		if (number < 0 || number >= room) {
			if (!PyErr_Occurred())
				PyErr_Format(PyExc_ValueError, "no place for number %ld", number);
			return -1;
		}
		Py_XSETREF(table[number], Py_NewRef(value));
	}
	return 0;
}

static void decoder_dealloc(struct decoder *self)
{
	PyTypeObject *type = Py_TYPE((PyObject *)self);
	int i;

	for (i = 0; i < KINDS_MAX; i++)
		plan_free(self->plans[i]);
	for (i = 0; i < 256; i++) {
		Py_XDECREF(self->hooks[i]);
		Py_XDECREF(self->abis[i]);
	}
	Py_XDECREF(self->record);
	Py_XDECREF(self->tail);
	Py_XDECREF(self->error);
	Py_XDECREF(self->reasons);
	type->tp_free(self);
	Py_DECREF(type);
}

static PyObject *decoder_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
	PyObject *record, *tail, *error, *reasons, *hooks, *abis, *plans, *key, *value;
	struct decoder *self;
	unsigned int header, task;
	Py_ssize_t at = 0;

	if (!PyArg_ParseTuple(args, "O!OOOO!O!IIO!", &PyType_Type, &record, &tail, &error, &reasons, &PyDict_Type,
			      &hooks, &PyDict_Type, &abis, &header, &task, &PyDict_Type, &plans))
		return NULL;
	if (!PyType_IsSubtype((PyTypeObject *)record, &PyTuple_Type) || header != sizeof(struct record_header) ||
	    task > 4096) {
		PyErr_SetString(PyExc_ValueError, "records are tuples, and their header is that of bpf/events.h");
		return NULL;
	}
	self = (struct decoder *)type->tp_alloc(type, 0);
	if (!self)
		return NULL;
	self->record = Py_NewRef(record);
	self->tail = Py_NewRef(tail);
	self->error = Py_NewRef(error);
	self->reasons = Py_NewRef(reasons);
	self->header = header;
	self->task = task;
	if (fill_names(self->hooks, hooks, 256) || fill_names(self->abis, abis, 256))
		goto fail;
	while (PyDict_Next(plans, &at, &key, &value)) {
		long kind = PyLong_AsLong(key);

		if (kind < 0 || kind >= KINDS_MAX) {
			PyErr_Format(PyExc_ValueError, "no place for kind %R", key);
			goto fail;
		}
		self->plans[kind] = plan_new(value);
		if (!self->plans[kind])
			goto fail;
	}
	return (PyObject *)self;
fail:
	Py_DECREF(self);
	return NULL;
}

static PyMethodDef decoder_methods[] = {
	{ "batch", (PyCFunction)batch_new, METH_O, "(bytes) -> Batch" },
	{ "one", (PyCFunction)decoder_one, METH_O, "(bytes) -> the record that these bytes are" },
	{ 0 },
};

static PyType_Slot decoder_slots[] = {
	{ Py_tp_doc,
	  "Decoder(record, tail, error, reasons, hooks, abis, header, task, plans): "
	  "classes; enum value -> text; sizes in bytes; kind -> (name, class, size, fields, extra)." },
	{ Py_tp_new, decoder_new },
	{ Py_tp_dealloc, decoder_dealloc },
	{ Py_tp_methods, decoder_methods },
	{ 0 },
};

static PyType_Spec decoder_spec = {
	.name = "ringward.sensor._native.Decoder",
	.basicsize = sizeof(struct decoder),
	.flags = Py_TPFLAGS_DEFAULT,
	.slots = decoder_slots,
};

int decode_register(PyObject *module)
{
	DecoderType = PyType_FromSpec(&decoder_spec);
	return DecoderType && !PyModule_AddObjectRef(module, "Decoder", DecoderType) ? batch_register(module) : -1;
}
