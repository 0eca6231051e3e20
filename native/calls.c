// SPDX-License-Identifier: Apache-2.0
/*
 * The plain life of a module call that belongs to no load: entered, returned, told; and of a program.
 * One of these costs a fraction of what it costs in Python; ringward.sensor.join does the
 * same for every record that is given back here, and a test compares the two.
 */
#include "calls.h"
#include <structmember.h>

static PyObject *CallsType;

/* 1: it is told (or not asked for); 0: it belongs to a load, and is Python's; -1: an exception. */
static int call_returned(struct calls *self, struct kind *kind, struct record *r, PyObject *out)
{
	PyObject *args, *name, *event;
	int belongs = 0, err;

	if (!kind->wanted)
		return 1;
	args = record_args(kind->plan, r);
	if (!args) {
		record_clear(r);
		return -1;
	}
	name = kind->name >= 0 ? r->values[kind->name] : NULL;
	if (name && name != Py_None)
		belongs = PyDict_Contains(self->loaded, name);
	if (belongs) {
		Py_DECREF(args);
		record_clear(r);
		return belongs < 0 ? -1 : 0;
	}
	event = make_event(self, kind, r, args, NULL);
	Py_DECREF(args);
	record_clear(r);
	err = event ? PyList_Append(out, event) : -1;
	Py_XDECREF(event);
	return err ? -1 : 1;
}

static int call_entered(struct calls *self, struct record *r, PyObject *id)
{
	PyObject *bytes = PyBytes_FromStringAndSize((const char *)r->data, r->len);
	int err = bytes ? PyDict_SetItem(self->pending, id, bytes) : -1;

	Py_XDECREF(bytes);
	return err ? -1 : 1;
}

/* 1: it is done with; 0: it is for Python; -1: an exception. */
static int call_take(struct calls *self, struct record *r, PyObject *out)
{
	struct kind *kind = &self->kinds[record_header(r)->kind];
	PyObject *id;
	__u32 state;
	int done = 0;

	if (u32_at(r, self->flags) & self->canary || record_header(r)->time >= TIME_MAX)
		return 0;
	if (kind->role != IS_CALL)
		return program_take(self, kind, r, out);
	if (!kind->taken)
		return 0;
	state = u32_at(r, self->state);
	if (state != self->is_entered && (state != self->is_returned || !kind->plan))
		return 0;
	if (u64_at(r, self->entered) >= TIME_MAX)
		return 0;
	id = PyLong_FromUnsignedLongLong(u64_at(r, self->id));
	if (!id)
		return -1;
	if (state == self->is_entered) {
		done = call_entered(self, r, id);
	} else {
		done = call_returned(self, kind, r, out);
		if (done > 0 && PyDict_DelItem(self->pending, id)) {
			if (PyErr_ExceptionMatches(PyExc_KeyError))
				PyErr_Clear();	/* the record of its entry was lost */
			else
				done = -1;
		}
	}
	Py_DECREF(id);
	return done;
}

static PyObject *calls_take(struct calls *self, PyObject *args)
{
	struct batch *batch;
	long long offset;
	PyObject *out;
	struct record r;
	int step, found = 1, lines = 0;

	if (!PyArg_ParseTuple(args, "O!LO!|p", BatchType, &batch, &offset, &PyList_Type, &out, &lines))
		return NULL;
	if (offset != self->offset)
		self->prefix[0] = 0;
	self->offset = offset;
	if (batch->decoder != self->decoder) {
		PyErr_SetString(PyExc_ValueError, "a batch of another decoder");
		return NULL;
	}
	/* Between two calls of this the table of processes has changed. */
	forget_contexts(self);
	while ((step = batch_step(batch, &r)) > 0) {
		found = lines ? lives_take(self, &r, out) : 0;
		if (!found)
			found = lives_settle_for(self, &r) ? -1 : call_take(self, &r, out);
		if (found <= 0)
			break;
	}
	if (step < 0 || found < 0 || lives_give(&self->lives))
		return NULL;
	if (step)
		return record_whole(&r);
	Py_RETURN_NONE;
}

static PyObject *calls_settle(struct calls *self, PyObject *unused)
{
	if (lives_settle(self))
		return NULL;
	Py_RETURN_NONE;
}

static void calls_dealloc(struct calls *self)
{
	PyTypeObject *type = Py_TYPE((PyObject *)self);
	int i;

	if (self->weak)
		PyObject_ClearWeakRefs((PyObject *)self);
	lives_clear(&self->lives);
	forget_contexts(self);
	for (i = 0; i < KINDS_MAX; i++) {
		plan_free(self->kinds[i].plan);
		Py_XDECREF(self->kinds[i].tags);
		last_clear(&self->kinds[i].last);
	}
	for (i = 0; i < NAMES; i++)
		name_clear(&self->names_of[i]);
	for (i = 0; i < ERRORS; i++)
		Py_XDECREF(self->errors[i]);
	Py_XDECREF(self->decoder);
	Py_XDECREF(self->event);
	Py_XDECREF(self->host);
	Py_XDECREF(self->pending);
	Py_XDECREF(self->loaded);
	Py_XDECREF(self->context);
	Py_XDECREF(self->names);
	Py_XDECREF(self->names_all);
	programs_clear(&self->programs);
	type->tp_free(self);
	Py_DECREF(type);
}

/* (wanted, plan | None, number of the name's field or -1, tags) */
static int kind_parse(struct kind *kind, struct decoder *decoder, PyObject *spec)
{
	PyObject *plan, *tags;
	int wanted;

	if (!is_tuple(spec) || !PyArg_ParseTuple(spec, "pOiO", &wanted, &plan, &kind->name, &tags))
		return -1;
	kind->taken = true;
	kind->wanted = wanted;
	kind->tags = Py_NewRef(tags);
	if (plan == Py_None)
		return 0;
	kind->plan = plan_new(plan);
	if (!kind->plan)
		return -1;
	if (kind->name >= kind->plan->fields) {
		PyErr_Format(PyExc_ValueError, "%U has no field %d", kind->plan->name, kind->name);
		return -1;
	}
	return 0;
}

static int kinds_parse(struct calls *self, PyObject *kinds)
{
	PyObject *key, *value;
	Py_ssize_t at = 0;
	__u32 last = self->id;

	if (self->entered > last)
		last = self->entered;
	if (self->result > last)
		last = self->result;
	if (self->state > last)
		last = self->state;
	if (self->flags > last)
		last = self->flags;
	while (PyDict_Next(kinds, &at, &key, &value)) {
		long kind = PyLong_AsLong(key);
		struct plan *plan = kind >= 0 && kind < KINDS_MAX ? self->decoder->plans[kind] : NULL;

		/* Every record was found to be as long as the decoder's plan; so is what is read of it here. */
		if (!plan || last > plan->size - 8 || plan->size < 8) {
			PyErr_Format(PyExc_ValueError, "kind %ld has no place for a call", kind);
			return -1;
		}
		if (kind_parse(&self->kinds[kind], self->decoder, value))
			return -1;
		if (self->kinds[kind].plan && self->kinds[kind].plan->size != plan->size) {
			PyErr_Format(PyExc_ValueError, "%U has two sizes", plan->name);
			return -1;
		}
	}
	return 0;
}

static PyObject *calls_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
	PyObject *decoder, *event, *kinds, *host, *pending, *loaded, *context, *errors, *programs, *lines, *key, *value;
	struct calls o = {}, *self;
	Py_ssize_t at = 0;

	if (!PyArg_ParseTuple(args, "O!OO!(IIIII)(III)UO!O!OO!OO", DecoderType, &decoder, &event, &PyDict_Type, &kinds,
			      &o.id, &o.entered, &o.result, &o.state, &o.flags, &o.is_entered, &o.is_returned, &o.canary,
			      &host, &PyDict_Type, &pending, &PyDict_Type, &loaded, &context, &PyDict_Type, &errors,
			      &programs, &lines))
		return NULL;
	if (((struct decoder *)decoder)->task > TASK_MAX) {
		PyErr_Format(PyExc_ValueError, "a task has at most %d bytes", TASK_MAX);
		return NULL;
	}
	if (!PyDict_CheckExact(pending)) {
		PyErr_SetString(PyExc_TypeError, "pending calls are kept in a plain dict");
		return NULL;
	}
	self = (struct calls *)type->tp_alloc(type, 0);
	if (!self)
		return NULL;
	memcpy(&self->id, &o.id, offsetof(struct calls, kinds) - offsetof(struct calls, id));
	self->decoder = (struct decoder *)Py_NewRef(decoder);
	self->event = Py_NewRef(event);
	self->host = Py_NewRef(host);
	self->pending = Py_NewRef(pending);
	self->loaded = Py_NewRef(loaded);
	self->context = Py_NewRef(context);
	self->names_all = event_names();
	self->names = self->names_all ? PyTuple_GetSlice(self->names_all, 0, PyTuple_GET_SIZE(self->names_all) - 1) : NULL;
	while (PyDict_Next(errors, &at, &key, &value)) {
		long number = PyLong_AsLong(key);

		if (number > 0 && number < ERRORS)
			Py_XSETREF(self->errors[number], Py_NewRef(value));
	}
	if (PyErr_Occurred() || kinds_parse(self, kinds) || programs_parse(self, programs) ||
	    lives_parse(self, lines)) {
		Py_DECREF(self);
		return NULL;
	}
	return (PyObject *)self;
}

static PyMethodDef calls_methods[] = {
	{ "take", (PyCFunction)calls_take, METH_VARARGS,
	  "(batch, clock offset in ns, list, whether lines may be made) -> the next record that is not a plain call, None at "
	  "the end; the events of plain calls before it are appended to the list; lines come before what is in it then" },
	{ "settle", (PyCFunction)calls_settle, METH_NOARGS, "Let the table of processes learn what it does not know yet." },
	{ 0 },
};

static PyMemberDef calls_members[] = {
	{ "__weaklistoffset__", T_PYSSIZET, offsetof(struct calls, weak), READONLY },
	{ 0 },
};

static PyType_Slot calls_slots[] = {
	{ Py_tp_doc,
	  "Calls(decoder, event, kinds, (id, entered, result, state, flags), (entered, returned, canary), host, pending, "
	  "loaded, context, errors, programs, lines): the event's class; kind -> (wanted, plan, name, tags); offsets in bytes; values; "
	  "the machine; {attempt: record}; {module: load}; task -> Process; errno -> name; see ringward.sensor.programs; "
	  "([event] -> its line, [(lines, how many)]) | None." },
	{ Py_tp_new, calls_new },
	{ Py_tp_dealloc, calls_dealloc },
	{ Py_tp_methods, calls_methods },
	{ Py_tp_members, calls_members },
	{ 0 },
};

static PyType_Spec calls_spec = {
	.name = "ringward.sensor._native.Calls",
	.basicsize = sizeof(struct calls),
	.flags = Py_TPFLAGS_DEFAULT,
	.slots = calls_slots,
};

int calls_register(PyObject *module)
{
	CallsType = PyType_FromSpec(&calls_spec);
	return CallsType ? PyModule_AddObjectRef(module, "Calls", CallsType) : -1;
}
