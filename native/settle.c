// SPDX-License-Identifier: Apache-2.0
/* What native/lives.c has not told the table of processes, in the way in which it would have learned it. */
#include "calls.h"

PyObject *life_key(__u32 pid, __u64 ticks)
{
	PyObject *number = PyLong_FromUnsignedLong(pid), *start = PyLong_FromUnsignedLongLong(ticks);
	PyObject *key = number && start ? PyTuple_Pack(2, number, start) : NULL;

	Py_XDECREF(number);
	Py_XDECREF(start);
	return key;
}

/* What fork, exec and end of one do to the table, of which it is in no more than the last. */
static int settle_ended(struct calls *self, const struct ended *ended)
{
	struct table *t = &self->programs.table;
	PyObject *key = life_key(ended->pid, ended->ticks), *known;
	int err = -1, done = key ? table_fork(self, self->lives.parent, key) : -1;

	if (done > 0 && (known = table_find(t, key))) {
		for (int i = KNOWN_COMM; i <= CGROUP; i++)
			table_set(t, known, i, self->lives.said[i - KNOWN_COMM]);
		table_set(t, known, KNOWN_UNREAD, Py_None);
		err = table_bury(t, key, known);
	} else if (!done) {
		err = 0;	/* there is one of this name: it has been told of twice */
	}
	Py_XDECREF(key);
	return err;
}

/* Whether nobody descends, in what was told, from the process that goes from the table as one more ends. */
int lives_may_end(struct calls *self)
{
	const struct table *t = &self->programs.table;
	struct lives *l = &self->lives;
	Py_ssize_t dead = PyDict_GET_SIZE(t->dead), go = (Py_ssize_t)l->ended_count + 1 + dead - t->most_dead;
	PyObject *key, *known;
	int may;

	/* Beyond those, it is one of these here. */
	if (go <= 0 || go > dead)
		return (size_t)l->ended_count < l->ended_room || !l->ended[l->ended_count % l->ended_room].key;
	if (!l->dead && !(l->dead = PyObject_GetIter(t->dead)))
		return -1;
	key = PyIter_Next(l->dead);
	if (!key)
		return PyErr_Occurred() ? -1 : 0;
	known = table_find(t, key);
	may = !known || table_get(t, known, ANCESTOR) == Py_None;
	Py_DECREF(key);
	return PyErr_Occurred() ? -1 : may;
}

Py_ssize_t lives_alive(const struct calls *self)
{
	const struct table *t = &self->programs.table;

	return PyDict_GET_SIZE(t->known) - PyDict_GET_SIZE(t->dead) + self->lives.opened - (Py_ssize_t)self->lives.others;
}

struct life *life_place(struct calls *self, __u32 pid)
{
	return &self->lives.open[pid % OPEN_LIVES];
}

/* The record of a start, as that of the line with the numbers of this process. */
static int settle_start(struct calls *self, const struct life *life)
{
	struct lives *l = &self->lives;
	PyObject *lines = self->programs.table.lines, *now;
	const __u32 *at = self->programs.at;
	unsigned char *bytes = PyMem_Malloc(l->start.len), *task;
	struct record r = { .decoder = self->decoder, .data = bytes, .len = l->start.len };
	PyObject *process = NULL;
	bool plain;

	if (!bytes) {
		PyErr_NoMemory();
		return -1;
	}
	memcpy(bytes, l->start.record, l->start.len);
	task = bytes + self->decoder->header;
	memcpy(task + at[TASK_PID], &life->pid, sizeof(life->pid));
	memcpy(task + at[TASK_TID], &life->tid, sizeof(life->tid));
	memcpy(task + at[TASK_START_TIME], &life->start_time, sizeof(life->start_time));
	/* Its ancestors are those that its line told of; since then one of them may have changed. */
	now = Py_XNewRef(PyDict_GetItemWithError(lines, l->parent));
	if (!PyErr_Occurred() && !PyDict_SetItem(lines, l->parent, l->ancestors))
		process = program_started(self, &r, l->args, &plain);
	/* Unless all of them were forgotten meanwhile. */
	if (process && PyDict_GetItemWithError(lines, l->parent) == l->ancestors && now != l->ancestors &&
	    (now ? PyDict_SetItem(lines, l->parent, now) : PyDict_DelItem(lines, l->parent)))
		Py_CLEAR(process);
	Py_XDECREF(now);
	record_clear(&r);
	PyMem_Free(bytes);
	if (!process)
		return -1;
	Py_XSETREF(l->process, process);
	return 0;
}

static int settle_open(struct calls *self, const struct life *life)
{
	PyObject *key = life_key(life->pid, ticks_of(self, life->start_time)), *done = NULL;
	int err = key ? table_fork(self, self->lives.parent, key) : -1;

	if (!err) {
		done = PyObject_Vectorcall(self->programs.forked, (PyObject *[]){ self->lives.parent, key }, 2, NULL);
		err = done ? 1 : -1;
	}
	if (err > 0)
		err = life->state == LIFE_STARTED ? settle_start(self, life) : 0;
	Py_XDECREF(done);
	Py_XDECREF(key);
	return err;
}

/* The one of `open` whose last step was the first. */
static struct life *first_open(struct lives *l)
{
	struct life *first = NULL;

	for (int i = 0; i < OPEN_LIVES; i++)
		if (l->open[i].state != LIFE_NONE && (!first || l->open[i].order < first->order))
			first = &l->open[i];
	return first;
}

static int settle_other(struct calls *self, PyObject *key)
{
	struct table *t = &self->programs.table;
	PyObject *known = table_find(t, key);

	return known ? table_bury(t, key, known) : PyErr_Occurred() ? -1 : 0;
}

static int settle_all_ended(struct calls *self)
{
	struct lives *l = &self->lives;
	size_t at = l->ended_count > l->ended_room ? l->ended_count - l->ended_room : 0;
	int err = 0;

	Py_CLEAR(l->dead);
	for (; at < l->ended_count; at++) {
		struct ended *ended = &l->ended[at % l->ended_room];

		if (!err)
			err = ended->key ? settle_other(self, ended->key) : settle_ended(self, ended);
		Py_CLEAR(ended->key);
	}
	l->ended_count = l->others = 0;
	return err;
}

int lives_bury(struct calls *self, PyObject *key, PyObject *known)
{
	struct table *t = &self->programs.table;
	struct lives *l = &self->lives;
	int may = l->ended_count ? lives_may_end(self) : 0, err;

	if (may <= 0) {
		err = may;
		if (!err && l->ended_count) {
			l->settling = true;
			err = settle_all_ended(self);
			l->settling = false;
		}
		return err ? err : table_bury(t, key, known);
	}
	table_set(t, known, ENDED, Py_True);
	if (table_forget(t, known))
		return -1;
	l->ended[l->ended_count++ % l->ended_room] = (struct ended){ .key = Py_NewRef(key) };
	l->others++;
	return 0;
}

int lives_settle(struct calls *self)
{
	struct lives *l = &self->lives;
	struct life *life;
	int err;

	if (l->settling || (!l->opened && !l->ended_count))
		return 0;
	/* What is asked of Python here looks into the table, too. */
	l->settling = true;
	err = settle_all_ended(self);
	while (l->opened) {
		life = first_open(l);
		if (!err)
			err = settle_open(self, life);
		life->state = LIFE_NONE;
		l->opened--;
	}
	l->started = 0;
	l->settling = false;
	return err;
}

static bool is_open(struct calls *self, __u32 pid)
{
	const struct life *life = life_place(self, pid);

	return life->state != LIFE_NONE && life->pid == pid;
}

int lives_settle_for(struct calls *self, const struct record *r)
{
	const struct programs *p = &self->programs;
	const struct table *t = &p->table;
	struct lives *l = &self->lives;
	enum role role = self->kinds[record_header(r)->kind].role;
	__u32 pid;

	/* Whoever is asked of other records looks into the table. */
	if (role == IS_CALL || (!l->opened && !l->ended_count))
		return 0;
	pid = u32_at(r, self->decoder->header + p->at[TASK_PID]);
	if (is_open(self, pid) || (role == IS_FORK && is_open(self, u32_at(r, p->child_pid))) ||
	    (role != IS_FORK && ((l->opened && pid == l->parent_pid) ||
				 PyDict_GET_SIZE(t->contexts) + l->started >= t->most_contexts)))
		return lives_settle(self);
	return 0;
}
