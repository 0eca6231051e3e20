// SPDX-License-Identifier: Apache-2.0
/*
 * The plain life of a program: forked, started, ended. What is known of it is kept by
 * ringward.sensor.programs, which gives back whatever is not plain; ringward.sensor.join does that.
 */
#include "calls.h"

/* A new reference. */
static PyObject *key_of(struct calls *self, __u32 pid, __u64 start_time)
{
	const struct name *name = name_of(self, pid, start_time);

	return name ? Py_NewRef(name->key) : NULL;
}

static PyObject *task_key(struct calls *self, const struct record *r)
{
	__u32 task = self->decoder->header;

	return key_of(self, u32_at(r, task + self->programs.at[TASK_PID]), u64_at(r, task + self->programs.at[TASK_START_TIME]));
}

static PyObject *task_bytes(struct calls *self, const struct record *r)
{
	return PyBytes_FromStringAndSize((const char *)r->data + self->decoder->header, self->decoder->task);
}

static int forked(struct calls *self, struct record *r)
{
	const struct programs *p = &self->programs;
	PyObject *parent = task_key(self, r), *child = NULL, *done = NULL;
	int taken = -1;

	if (parent)
		child = key_of(self, u32_at(r, p->child_pid), u64_at(r, p->child_start_time));
	if (child)
		taken = table_fork(self, parent, child);
	if (!taken)
		done = PyObject_Vectorcall(p->forked, (PyObject *[]){ parent, child }, 2, NULL);
	if (!taken)
		taken = done ? PyObject_IsTrue(done) : -1;
	Py_XDECREF(parent);
	Py_XDECREF(child);
	Py_XDECREF(done);
	return taken;
}

PyObject *program_started(struct calls *self, struct record *r, PyObject *args, bool *plain)
{
	const struct programs *p = &self->programs;
	__u32 task = self->decoder->header, loc = u32_at(r, p->cgroup_path);
	PyObject *v[6] = {}, *process = NULL;
	int i, done;

	*plain = false;
	v[0] = task_key(self, r);
	v[1] = key_of(self, u32_at(r, task + p->at[TASK_PPID]), u64_at(r, task + p->at[TASK_PARENT_START_TIME]));
	v[2] = comm_text((const char *)r->data + task + p->at[TASK_COMM_], COMM);
	v[3] = loc >> 16 ? path_text(r, loc) : Py_NewRef(Py_None);
	v[4] = task_bytes(self, r);
	v[5] = Py_NewRef(args);
	for (i = 0; i < 6 && v[i]; i++)
		;
	done = i == 6 ? table_exec(self, r, v, &process) : -1;
	if (!done)
		process = PyObject_Vectorcall(p->started, v, 6, NULL);
	*plain = done > 0;
	/* Whoever was remembered under this task's bytes ran another program. */
	forget_contexts(self);
	for (i = 0; i < 6; i++)
		Py_XDECREF(v[i]);
	return process;
}

static PyObject *ended(struct calls *self, struct record *r)
{
	PyObject *key = task_key(self, r), *task = task_bytes(self, r), *process = NULL;

	if (key && task && !table_end(self, r, key, task, &process))
		process = PyObject_Vectorcall(self->programs.ended, (PyObject *[]){ key, task }, 2, NULL);
	Py_XDECREF(key);
	Py_XDECREF(task);
	return process;
}

/* 1: it is told (or not asked for); -1: an exception. `plain`: another like it can be told without asking anybody. */
static int tell(struct calls *self, struct kind *kind, struct record *r, PyObject *args, PyObject *process, bool plain,
		PyObject *out)
{
	PyObject *event;
	int err;

	if (!kind->wanted)
		return 1;
	event = make_event(self, kind, r, args, process);
	err = event ? PyList_Append(out, event) : -1;
	if (!err && plain)
		err = lives_learn(self, kind, r, args, process, event);
	Py_XDECREF(event);
	return err ? -1 : 1;
}

int program_take(struct calls *self, struct kind *kind, struct record *r, PyObject *out)
{
	PyObject *args, *process;
	bool plain = true;
	int done = -1;

	if (kind->role == IS_FORK)
		return kind->wanted ? 0 : forked(self, r);
	args = program_args(&kind->last, r);
	process = !args ? NULL : kind->role == IS_EXEC ? program_started(self, r, args, &plain) : ended(self, r);
	if (process)
		done = process == Py_None ? 0 : tell(self, kind, r, args, process, plain, out);
	Py_XDECREF(args);
	Py_XDECREF(process);
	record_clear(r);
	return done;
}

static int kind_parse(struct calls *self, PyObject *key, PyObject *value, __u32 last)
{
	long number = PyLong_AsLong(key);
	struct plan *plan = number >= 0 && number < KINDS_MAX ? self->decoder->plans[number] : NULL;
	struct kind *kind;
	PyObject *tags;
	int wanted, role;

	if (PyErr_Occurred())
		return -1;
	if (!plan || plan->size < 8 || last > plan->size - 8) {
		PyErr_Format(PyExc_ValueError, "kind %ld has no place for a program", number);
		return -1;
	}
	kind = &self->kinds[number];
	if (!is_tuple(value) || !PyArg_ParseTuple(value, "ipO", &role, &wanted, &tags))
		return -1;
	if (kind->taken || kind->role || role < IS_FORK || role > IS_EXIT) {
		PyErr_Format(PyExc_ValueError, "kind %ld cannot be role %d", number, role);
		return -1;
	}
	kind->role = role;
	kind->wanted = wanted;
	kind->tags = Py_NewRef(tags);
	return 0;
}

static __u32 farthest(const __u32 *offsets, int count)
{
	__u32 last = 0;

	while (count-- > 0)
		if (offsets[count] > last)
			last = offsets[count];
	return last;
}

static int task_parse(struct programs *p, PyObject *offsets, __u32 size)
{
	Py_ssize_t i;

	if (PyTuple_GET_SIZE(offsets) != TASK_MEMBERS || size < COMM)
		goto bad;
	for (i = 0; i < TASK_MEMBERS; i++) {
		unsigned long offset = PyLong_AsUnsignedLong(PyTuple_GET_ITEM(offsets, i));

		if (PyErr_Occurred())
			return -1;
		if (offset > size - (i == TASK_COMM_ ? COMM : 8))
			goto bad;
		p->at[i] = offset;
	}
	return 0;
bad:
	PyErr_SetString(PyExc_ValueError, "a task has no such places");
	return -1;
}

int programs_parse(struct calls *self, PyObject *spec)
{
	PyObject *kinds, *task, *forked, *started, *ended, *table, *args = NULL, *key, *value;
	struct programs *p = &self->programs;
	__u32 own[IS_EXIT + 1] = {};
	Py_ssize_t at = 0;
	int role;

	if (spec == Py_None)
		return 0;
	if (!is_tuple(spec) ||
	    !PyArg_ParseTuple(spec, "O!O!(III)KOOOO!", &PyDict_Type, &kinds, &PyTuple_Type, &task, &p->child_pid,
			      &p->child_start_time, &p->cgroup_path, &p->tick, &forked, &started, &ended, &PyTuple_Type,
			      &table) ||
	    task_parse(p, task, self->decoder->task))
		return -1;
	if (!p->tick) {
		PyErr_SetString(PyExc_ValueError, "a tick takes time");
		return -1;
	}
	own[IS_FORK] = farthest((__u32[]){ p->child_pid, p->child_start_time }, 2);
	own[IS_EXEC] = p->cgroup_path;
	p->forked = Py_NewRef(forked);
	p->started = Py_NewRef(started);
	p->ended = Py_NewRef(ended);
	while (PyDict_Next(kinds, &at, &key, &value)) {
		role = is_tuple(value) && PyTuple_GET_SIZE(value) ? PyLong_AsLong(PyTuple_GET_ITEM(value, 0)) : 0;
		if (kind_parse(self, key, value, role >= 0 && role <= IS_EXIT ? own[role] : 0))
			return -1;
		if (role == IS_EXEC)
			args = self->decoder->plans[PyLong_AsLong(key)]->cls;
	}
	if (args)
		return table_parse(&p->table, table, args);
	PyErr_SetString(PyExc_ValueError, "programs that do not start");
	return -1;
}

void programs_clear(struct programs *programs)
{
	Py_CLEAR(programs->forked);
	Py_CLEAR(programs->started);
	Py_CLEAR(programs->ended);
	table_clear(&programs->table);
}
