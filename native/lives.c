// SPDX-License-Identifier: Apache-2.0
/*
 * The same program, started again and again by the same process, where all that is wanted of it is its lines: no
 * event is made of these, and the table of processes is told when somebody looks into it. Then it is told just what
 * it would have learned; until then nothing in it changes, and what a line says of others stays true.
 */
#include "calls.h"

static struct life *life_of(struct calls *self, const struct record *r, enum life_state state)
{
	__u32 task = self->decoder->header, pid = u32_at(r, task + self->programs.at[TASK_PID]);
	struct life *life = life_place(self, pid);
	__u64 start = u64_at(r, task + self->programs.at[TASK_START_TIME]);

	return life->state == state && life->pid == pid && ticks_of(self, life->start_time) == ticks_of(self, start) ? life :
														       NULL;
}

/* Room for so many bytes more. */
static char *room(struct lives *l, size_t need)
{
	if (!l->out) {
		/* As much as the last time, and a little more. */
		l->out = PyBytes_FromStringAndSize(NULL, l->used + l->used / 8 + 2 * need);
		l->used = l->lines = 0;
	} else if (PyBytes_GET_SIZE(l->out) - l->used < need) {
		_PyBytes_Resize(&l->out, 2 * PyBytes_GET_SIZE(l->out) + need);
	}
	return l->out ? PyBytes_AS_STRING(l->out) + l->used : NULL;
}

/* The lines of events. */
static PyObject *encoded(const struct lives *l, PyObject *events)
{
	PyObject *text = PyObject_CallOneArg(l->encode, events);

	if (text && !PyBytes_Check(text)) {
		PyErr_SetString(PyExc_TypeError, "lines are bytes");
		Py_CLEAR(text);
	}
	return text;
}

/* Events that were made before a line are lines before it. */
static int put_events(struct lives *l, PyObject *events)
{
	Py_ssize_t count = PyList_GET_SIZE(events), size;
	PyObject *text;
	char *out;

	if (!count)
		return 0;
	text = encoded(l, events);
	size = text ? PyBytes_GET_SIZE(text) : 0;
	out = text ? room(l, size) : NULL;
	if (out) {
		memcpy(out, PyBytes_AS_STRING(text), size);
		l->used += size;
		l->lines += count;
	}
	Py_XDECREF(text);
	return out ? PyList_SetSlice(events, 0, count, NULL) : -1;
}

static int put_line(struct calls *self, const struct line *line, const struct record *r, PyObject *events)
{
	struct lives *l = &self->lives;
	Py_ssize_t len;
	char *out;

	if (put_events(l, events))
		return -1;
	out = room(l, line_room(line));
	len = out ? line_write(self, line, r, out) : -1;
	if (len < 0)
		return -1;
	l->used += len;
	l->lines++;
	return 1;
}

int lives_give(struct lives *l)
{
	PyObject *item;
	int err;

	if (!l->out)
		return 0;
	if (_PyBytes_Resize(&l->out, l->used))
		return -1;
	item = Py_BuildValue("(NI)", l->out, l->lines);
	l->out = NULL;
	err = item ? PyList_Append(l->ready, item) : -1;
	Py_XDECREF(item);
	return err;
}

/* The conditions of table_fork(), and nothing of what is inherited is told. */
static int forks(struct calls *self, const struct record *r)
{
	const struct programs *p = &self->programs;
	const struct table *t = &p->table;
	struct lives *l = &self->lives;
	__u32 task = self->decoder->header, pid = u32_at(r, p->child_pid);
	__u64 start = u64_at(r, p->child_start_time);
	struct life *life = life_place(self, pid);
	PyObject *known, *child;
	int there;

	if (u32_at(r, task + p->at[TASK_PID]) != l->parent_pid ||
	    ticks_of(self, u64_at(r, task + p->at[TASK_START_TIME])) != l->parent_ticks || life->state != LIFE_NONE ||
	    lives_alive(self) >= t->most_alive)
		return 0;
	known = table_find(t, l->parent);
	if (!known || table_get(t, known, ENDED) != Py_False || table_get(t, known, REQUEST) != t->zero)
		return PyErr_Occurred() ? -1 : 0;
	there = PyDict_Contains(t->dead, l->parent);
	if (!there) {
		child = life_key(pid, ticks_of(self, start));
		there = child ? PyDict_Contains(t->known, child) : -1;
		Py_XDECREF(child);
	}
	if (there)
		return there < 0 ? -1 : 0;
	*life = (struct life){ LIFE_FORKED, pid, pid, start, l->steps++ };
	l->opened++;
	return 1;
}

static int starts(struct calls *self, const struct record *r, PyObject *out)
{
	struct lives *l = &self->lives;
	const struct table *t = &self->programs.table;
	struct life *life = life_of(self, r, LIFE_FORKED);
	int same;

	if (!life || !line_matches(self, &l->start, r) || PyDict_GET_SIZE(t->contexts) + l->started >= t->most_contexts)
		return 0;
	same = table_is_as_before(self, r, l->args, l->parent, l->ancestors);
	if (same > 0)
		same = put_line(self, &l->start, r, out);
	if (same <= 0)
		return same;
	life->state = LIFE_STARTED;
	life->tid = u32_at(r, self->decoder->header + self->programs.at[TASK_TID]);
	life->start_time = u64_at(r, self->decoder->header + self->programs.at[TASK_START_TIME]);
	life->order = l->steps++;
	l->started++;
	return 1;
}

static int ends(struct calls *self, const struct record *r, PyObject *out)
{
	struct lives *l = &self->lives;
	const struct table *t = &self->programs.table;
	struct life *life = life_of(self, r, LIFE_STARTED);
	int may;

	if (!life || !l->end.text || !line_matches(self, &l->end, r))
		return 0;
	for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(t->busy); i++)
		if (PyObject_Size(PyTuple_GET_ITEM(t->busy, i)))
			return PyErr_Occurred() ? -1 : 0;
	may = lives_may_end(self);
	if (may > 0)
		may = put_line(self, &l->end, r, out);
	if (may <= 0)
		return may;
	l->ended[l->ended_count++ % t->most_dead] = (struct ended){ life->pid, ticks_of(self, life->start_time), NULL };
	life->state = LIFE_NONE;
	l->opened--;
	l->started--;
	return 1;
}

int lives_take(struct calls *self, struct record *r, PyObject *out)
{
	const struct kind *kind = &self->kinds[record_header(r)->kind];

	if (!self->lives.start.text || kind->role == IS_CALL || u32_at(r, self->flags) & self->canary ||
	    record_header(r)->time >= TIME_MAX)
		return 0;
	if (kind->role == IS_FORK)
		return kind->wanted ? 0 : forks(self, r);
	return kind->role == IS_EXEC ? starts(self, r, out) : ends(self, r, out);
}

static void forget_program(struct lives *l)
{
	line_forget(&l->start);
	line_forget(&l->end);
	Py_CLEAR(l->parent);
	Py_CLEAR(l->ancestors);
	Py_CLEAR(l->process);
	Py_CLEAR(l->args);
	for (size_t i = 0; i < sizeof(l->said) / sizeof(*l->said); i++)
		Py_CLEAR(l->said[i]);
}

static int learn_line(struct calls *self, struct line *line, const struct record *r, PyObject *event)
{
	PyObject *list, *text;
	int err;

	if (line_keep(line, r))
		return -1;
	list = PyList_New(1);
	if (!list)
		return -1;
	PyList_SET_ITEM(list, 0, Py_NewRef(event));
	text = encoded(&self->lives, list);
	err = text ? line_learn(self, line, text) : -1;
	Py_DECREF(list);
	Py_XDECREF(text);
	return err;
}

static int learn_start(struct calls *self, struct record *r, PyObject *args, PyObject *process, PyObject *event)
{
	struct programs *p = &self->programs;
	struct lives *l = &self->lives;
	__u32 task = self->decoder->header;
	PyObject *ancestors;

	if (l->start.text && line_matches(self, &l->start, r)) {
		ancestors = PyDict_GetItemWithError(p->table.lines, l->parent);
		if (ancestors && ancestors == l->ancestors) {
			Py_XSETREF(l->process, Py_NewRef(process));
			return 0;
		}
		if (PyErr_Occurred())
			return -1;
	} else if (!l->next.record || !line_matches(self, &l->next, r)) {
		return line_keep(&l->next, r);
	}
	/* It is the second of its kind at least. What the table is to learn yet is of the kind before. */
	if (lives_settle(self))
		return -1;
	forget_program(l);
	l->parent_pid = u32_at(r, task + p->at[TASK_PPID]);
	l->parent_ticks = ticks_of(self, u64_at(r, task + p->at[TASK_PARENT_START_TIME]));
	l->parent = life_key(l->parent_pid, l->parent_ticks);
	ancestors = l->parent ? PyDict_GetItemWithError(p->table.lines, l->parent) : NULL;
	if (!ancestors)
		return PyErr_Occurred() ? -1 : 0;
	l->process = Py_NewRef(process);
	l->ancestors = Py_NewRef(ancestors);
	l->args = Py_NewRef(args);
	for (int i = KNOWN_COMM; i <= CGROUP; i++)
		l->said[i - KNOWN_COMM] = Py_NewRef(p->table.last[i]);
	return learn_line(self, &l->start, r, event);
}

int lives_learn(struct calls *self, struct kind *kind, struct record *r, PyObject *args, PyObject *process,
		PyObject *event)
{
	struct lives *l = &self->lives;

	if (!l->encode || r->tail)
		return 0;
	if (kind->role == IS_EXEC)
		return learn_start(self, r, args, process, event);
	/* Of this very start, and so of the same program with the same ancestors. */
	if (!l->start.text || process != l->process || (l->end.text && line_matches(self, &l->end, r)))
		return 0;
	return learn_line(self, &l->end, r, event);
}

int lives_parse(struct calls *self, PyObject *spec)
{
	struct lives *l = &self->lives;
	PyObject *encode, *ready;

	if (spec == Py_None)
		return 0;
	if (!is_tuple(spec) || !PyArg_ParseTuple(spec, "OO!", &encode, &PyList_Type, &ready))
		return -1;
	if (!self->programs.forked || self->programs.table.most_dead < 1) {
		PyErr_SetString(PyExc_ValueError, "lines are made of programs");
		return -1;
	}
	l->ended = PyMem_Calloc(self->programs.table.most_dead, sizeof(*l->ended));
	if (!l->ended) {
		PyErr_NoMemory();
		return -1;
	}
	l->ended_room = self->programs.table.most_dead;
	l->encode = Py_NewRef(encode);
	l->ready = Py_NewRef(ready);
	return 0;
}

void lives_clear(struct lives *l)
{
	forget_program(l);
	line_clear(&l->start);
	line_clear(&l->end);
	line_clear(&l->next);
	Py_CLEAR(l->encode);
	Py_CLEAR(l->ready);
	Py_CLEAR(l->dead);
	Py_CLEAR(l->out);
	while (l->ended_room)
		Py_CLEAR(l->ended[--l->ended_room].key);
	PyMem_Free(l->ended);
	l->ended = NULL;
}
