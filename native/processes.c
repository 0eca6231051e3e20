// SPDX-License-Identifier: Apache-2.0
/*
 * The table of processes: the plain cases of what ringward.sensor.process_table does to it. Whatever is not
 * plain (something unknown, unread, or a path that is to be explained) changes nothing here, and is done there.
 */
#include "calls.h"

void table_set(const struct table *t, PyObject *known, int member, PyObject *value)
{
	Py_XSETREF(*at(known, t->in_known[member]), Py_NewRef(value));
}

PyObject *table_get(const struct table *t, PyObject *known, int member)
{
	return *at(known, t->in_known[member]);
}

PyObject *table_find(const struct table *t, PyObject *key)
{
	PyObject *known = PyDict_GetItemWithError(t->known, key);

	return known && Py_TYPE(known) == (PyTypeObject *)t->known_type ? known : NULL;
}

static int faulty(void)
{
	return PyErr_Occurred() ? -1 : 0;
}

/*
 * What programs that come again and again share: the very object that the last one had, if it is equal. Else each of
 * thousands that have ended would keep its own, and none of them would be in a cache when it goes.
 */
static int is_last(struct table *t, int member, PyObject *value)
{
	PyObject **last = &t->last[member];
	int same = *last ? PyObject_RichCompareBool(*last, value, Py_EQ) : 0;

	if (same)
		return same;
	if (member == CGROUP) {
		PyObject *container = PyObject_CallOneArg(t->container, value);

		if (!container)
			return -1;
		Py_XSETREF(t->last_container, container);
	}
	Py_XSETREF(*last, Py_NewRef(value));
	return 0;
}

/* 1: `namespaces` is that of the record; 0: the process has left one. */
static int namespaces_are_last(struct table *t, const struct record *r, __u32 task, const __u32 *offsets)
{
	static const char *const names[] = { "mnt", "pid", "net", "user" };
	__u32 numbers[4];
	PyObject *dict;
	int i;

	for (i = 0; i < 4; i++) {
		numbers[i] = u32_at(r, task + offsets[TASK_MNT_NS + i]);
		if (!numbers[i])
			return 0;
	}
	if (t->namespaces && !memcmp(numbers, t->numbers, sizeof(numbers)))
		return 1;
	dict = PyDict_New();
	for (i = 0; dict && i < 4; i++) {
		PyObject *number = PyLong_FromUnsignedLong(numbers[i]);

		if (!number || PyDict_SetItemString(dict, names[i], number))
			Py_CLEAR(dict);
		Py_XDECREF(number);
	}
	if (!dict)
		return -1;
	Py_XSETREF(t->namespaces, dict);
	memcpy(t->numbers, numbers, sizeof(numbers));
	return 1;
}

static PyObject *number_or_none(__u32 number)
{
	return number == 0xffffffff ? Py_NewRef(Py_None) : PyLong_FromUnsignedLong(number);
}

/* ProcessTable._build() of a process of which all is known: a new reference. */
static PyObject *build(struct calls *self, const struct record *r, PyObject *known, PyObject *comm, PyObject *line)
{
	const struct programs *p = &self->programs;
	const struct table *t = &p->table;
	__u32 task = self->decoder->header;
	PyObject *v[PROCESS_MEMBERS] = {}, *process = NULL;
	__u64 start = u64_at(r, task + p->at[TASK_START_TIME]);
	const struct name *name = name_of(self, u32_at(r, task + p->at[TASK_PID]), start);
	int i, n = 0;

	v[n++] = name ? Py_NewRef(name->id) : NULL;
	v[n++] = PyLong_FromUnsignedLong(u32_at(r, task + p->at[TASK_PID]));
	v[n++] = PyLong_FromUnsignedLong(u32_at(r, task + p->at[TASK_TID]));
	v[n++] = PyLong_FromUnsignedLongLong(start);
	v[n++] = PyLong_FromUnsignedLong(u32_at(r, task + p->at[TASK_PPID]));
	name = name_of(self, u32_at(r, task + p->at[TASK_PPID]), u64_at(r, task + p->at[TASK_PARENT_START_TIME]));
	v[n++] = name ? Py_NewRef(name->id) : NULL;
	for (i = TASK_UID; i <= TASK_EGID; i++)
		v[n++] = PyLong_FromUnsignedLong(u32_at(r, task + p->at[i]));
	v[n++] = number_or_none(u32_at(r, task + p->at[TASK_LOGINUID]));
	v[n++] = number_or_none(u32_at(r, task + p->at[TASK_SESSIONID]));
	v[n++] = Py_NewRef(comm);
	for (i = EXE; i <= CGROUP; i++)
		v[n++] = Py_NewRef(table_get(t, known, i));
	v[n++] = Py_NewRef(t->last_container);
	v[n++] = Py_NewRef(t->namespaces);
	v[n++] = Py_NewRef(line);
	v[n++] = Py_NewRef(Py_False);
	v[n++] = PyDict_New();
	for (i = 0; i < n && v[i]; i++)
		;
	if (i == n)
		process = PyObject_Vectorcall(t->process, v, n, NULL);
	for (i = 0; i < n; i++)
		Py_XDECREF(v[i]);
	return process;
}

/* Take the oldest entry out of an OrderedDict that has more than `most`: (key, value), a new reference. */
static PyObject *oldest(PyObject *dict, Py_ssize_t most, int *err)
{
	static PyObject *popitem;
	PyObject *item = NULL;

	*err = 0;
	if (PyDict_GET_SIZE(dict) <= most)
		return NULL;
	if (popitem || (popitem = PyUnicode_InternFromString("popitem")))
		item = PyObject_CallMethodOneArg(dict, popitem, Py_False);
	if (item && !PyTuple_Check(item))
		Py_CLEAR(item);
	*err = item ? 0 : -1;
	return item;
}

static int remember(struct table *t, PyObject *known, PyObject *task, PyObject *process)
{
	PyObject *item;
	int err;

	if (PyODict_SetItem(t->contexts, task, process) || PyList_Append(table_get(t, known, OF_CONTEXTS), task))
		return -1;
	while ((item = oldest(t->contexts, t->most_contexts, &err)))
		Py_DECREF(item);
	return err;
}

/* ProcessTable.context() of a task that is not remembered, with the last namespaces and container: a new reference. */
static PyObject *context(struct calls *self, const struct record *r, PyObject *known, PyObject *parent, PyObject *comm,
			 PyObject *task)
{
	struct table *t = &self->programs.table;
	PyObject *line = PyDict_GetItemWithError(t->lines, parent), *process = NULL;

	Py_INCREF(known);
	line = line || PyErr_Occurred() ? Py_XNewRef(line) : PyObject_CallOneArg(t->ancestors, parent);
	if (line)
		process = build(self, r, known, comm, line);
	if (process && remember(t, known, task, process))
		Py_CLEAR(process);
	Py_XDECREF(line);
	Py_DECREF(known);
	return process;
}

int table_fork(struct calls *self, PyObject *parent, PyObject *child)
{
	struct table *t = &self->programs.table;
	PyObject *known = table_find(t, parent), *one;
	int there, err;

	if (!known)
		return faulty();
	there = PyDict_Contains(t->known, child);
	if (there)
		return there < 0 ? -1 : 0;
	/* Beyond it, who has gone without a word is looked for now and then. */
	if (!self->lives.settling && lives_alive(self) >= t->most_alive)
		return 0;
	one = PyObject_Vectorcall(t->known_type,
				  (PyObject *[]){ child, table_get(t, known, KEY), table_get(t, known, KNOWN_COMM), table_get(t, known, EXE),
						  table_get(t, known, ARGUMENTS), table_get(t, known, CWD), table_get(t, known, CGROUP),
						  table_get(t, known, REQUEST), table_get(t, known, KNOWN_UNREAD) },
				  9, NULL);
	err = one ? PyDict_SetItem(t->known, child, one) : -1;
	Py_XDECREF(one);
	return err ? -1 : 1;
}

/* Whether all of it was read. */
static bool is_whole(const struct table *t, PyObject *args, PyObject *cgroup)
{
	PyObject *exe = *at(args, t->in_args[ARGS_EXE]);

	return Py_TYPE(exe) == (PyTypeObject *)t->file_type && PyUnicode_Check(*at(exe, t->in_file[FILE_PATH])) &&
	       PyUnicode_Check(*at(args, t->in_args[ARGS_INTERPRETER])) && PyUnicode_Check(cgroup) &&
	       PyUnicode_Check(*at(args, t->in_args[ARGS_PATH])) && PyUnicode_Check(*at(args, t->in_args[ARGS_CWD])) &&
	       *at(args, t->in_args[ARGS_ARGS]) != Py_None;
}

int table_forget(struct table *t, PyObject *known)
{
	PyObject *list = table_get(t, known, OF_CONTEXTS);
	Py_ssize_t i;
	int there = 0;

	for (i = 0; i < PyList_GET_SIZE(list) && there >= 0; i++) {
		there = PyDict_Contains(t->contexts, PyList_GET_ITEM(list, i));
		if (there > 0 && PyODict_DelItem(t->contexts, PyList_GET_ITEM(list, i)))
			there = -1;
	}
	return there < 0 ? -1 : PyList_SetSlice(list, 0, PyList_GET_SIZE(list), NULL);
}

/* ProcessTable._forget(): it goes on as another program, and its descendants are told of that one. */
static int forget_all(struct table *t, PyObject *known)
{
	if (table_forget(t, known))
		return -1;
	if (table_get(t, known, ANCESTOR) == Py_None)
		return 0;
	table_set(t, known, ANCESTOR, Py_None);
	PyDict_Clear(t->lines);
	return 0;
}

int table_exec(struct calls *self, const struct record *r, PyObject *const *said, PyObject **process)
{
	struct programs *p = &self->programs;
	struct table *t = &p->table;
	PyObject *known = table_find(t, said[0]), *cgroup = said[3], *args = said[5];
	int there;

	if (!known || table_get(t, known, ENDED) != Py_False || table_get(t, known, REQUEST) != t->zero ||
	    !is_whole(t, args, cgroup) ||
	    u32_at(r, self->decoder->header + p->at[TASK_FLAGS]))
		return faulty();
	there = PyDict_Contains(t->dead, said[0]);
	if (there)
		return there < 0 ? -1 : 0;
	there = namespaces_are_last(t, r, self->decoder->header, p->at);
	if (there > 0)
		there = exec_path_is_explained(t, args);
	if (there <= 0)
		return there;
	if (is_last(t, KNOWN_COMM, said[2]) < 0 ||
	    is_last(t, EXE, *at(*at(args, t->in_args[ARGS_EXE]), t->in_file[FILE_PATH])) < 0 ||
	    is_last(t, ARGUMENTS, *at(args, t->in_args[ARGS_ARGS])) < 0 ||
	    is_last(t, CWD, *at(args, t->in_args[ARGS_CWD])) < 0 || is_last(t, CGROUP, cgroup) < 0 ||
	    forget_all(t, known))
		return -1;
	for (int i = KNOWN_COMM; i <= CGROUP; i++)
		table_set(t, known, i, t->last[i]);
	table_set(t, known, KNOWN_UNREAD, Py_None);
	*process = context(self, r, known, said[1], t->last[KNOWN_COMM], said[4]);
	return *process ? 1 : -1;
}

/* As table_end() of a process that has not been told of yet, as one that was forked and started nothing. */
static int describe(struct calls *self, const struct record *r, PyObject *known, PyObject *task, PyObject **process)
{
	struct table *t = &self->programs.table;
	__u32 at_task = self->decoder->header;
	const __u32 *offsets = self->programs.at;
	const struct name *parent;
	PyObject *comm;
	int there;

	for (int i = EXE; i <= CGROUP; i++)
		if (table_get(t, known, i) == Py_None)
			return 0;
	if (u32_at(r, at_task + offsets[TASK_FLAGS]) || PyList_GET_SIZE(table_get(t, known, OF_CONTEXTS)) >= t->most_of_one)
		return 0;
	there = namespaces_are_last(t, r, at_task, offsets);
	if (there <= 0)
		return there;
	if (is_last(t, CGROUP, table_get(t, known, CGROUP)) < 0)
		return -1;
	parent = name_of(self, u32_at(r, at_task + offsets[TASK_PPID]), u64_at(r, at_task + offsets[TASK_PARENT_START_TIME]));
	comm = comm_text((const char *)r->data + at_task + offsets[TASK_COMM_], COMM);
	if (parent && comm) {
		PyObject *key = Py_NewRef(parent->key);

		*process = context(self, r, known, key, comm, task);
		Py_DECREF(key);
	}
	Py_XDECREF(comm);
	return *process ? 1 : -1;
}

int table_bury(struct table *t, PyObject *key, PyObject *known)
{
	PyObject *item, *old;
	int err;

	table_set(t, known, ENDED, Py_True);
	if (table_forget(t, known) || PyODict_SetItem(t->dead, key, Py_None))
		return -1;
	while ((item = oldest(t->dead, t->most_dead, &err))) {
		old = table_find(t, PyTuple_GET_ITEM(item, 0));
		if (old && table_get(t, old, ANCESTOR) != Py_None)
			PyDict_Clear(t->lines);
		err = old ? table_forget(t, old) || PyDict_DelItem(t->known, PyTuple_GET_ITEM(item, 0)) : faulty();
		Py_DECREF(item);
		if (err)
			return -1;
	}
	return err;
}

int table_end(struct calls *self, const struct record *r, PyObject *key, PyObject *task, PyObject **process)
{
	struct table *t = &self->programs.table;
	PyObject *known = table_find(t, key);
	int there;

	if (!known || table_get(t, known, ENDED) != Py_False || table_get(t, known, REQUEST) != t->zero)
		return faulty();
	for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(t->busy); i++)
		if (PyObject_Size(PyTuple_GET_ITEM(t->busy, i)))
			return faulty();
	there = PyDict_Contains(t->dead, key);
	if (there)
		return there < 0 ? -1 : 0;
	*process = Py_XNewRef(PyDict_GetItemWithError(t->contexts, task));
	if (!*process && PyErr_Occurred())
		return -1;
	Py_INCREF(known);
	there = *process ? 1 : describe(self, r, known, task, process);
	if (there > 0 && lives_bury(self, key, known)) {
		Py_CLEAR(*process);
		there = -1;
	}
	Py_DECREF(known);
	return there;
}

int table_is_as_before(struct calls *self, const struct record *r, PyObject *args, PyObject *parent, PyObject *ancestors)
{
	struct table *t = &self->programs.table;
	int same = namespaces_are_last(t, r, self->decoder->header, self->programs.at);

	if (same > 0)
		same = exec_path_is_explained(t, args);
	if (same > 0 && PyDict_GetItemWithError(t->lines, parent) != ancestors)
		same = PyErr_Occurred() ? -1 : 0;
	return same;
}
