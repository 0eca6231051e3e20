// SPDX-License-Identifier: Apache-2.0
/* What native/processes.c is given of ringward.sensor.process_table.ProcessTable, and where its structs have what. */
#include "calls.h"
#include <structmember.h>

static const char *const known_members[KNOWN_MEMBERS] = { "key", "comm", "exe", "args", "cwd", "cgroup", "request",
	"unread", "ended", "contexts", "ancestor" };
static const char *const args_members[ARGS_MEMBERS] = { "exe", "interpreter", "args", "cwd", "root", "path" };
static const char *const file_members[FILE_MEMBERS] = { "path", "inode", "deleted" };

/* Where an instance of a struct has a member: bytes; -1 with an exception. */
static Py_ssize_t offset_of(PyObject *type, const char *name)
{
	PyObject *member = PyObject_GetAttrString(type, name);
	Py_ssize_t offset = -1;

	if (!member)
		return -1;
	if (PyObject_TypeCheck(member, &PyMemberDescr_Type) &&
	    ((PyMemberDescrObject *)member)->d_member->type == T_OBJECT_EX)
		offset = ((PyMemberDescrObject *)member)->d_member->offset;
	else
		PyErr_Format(PyExc_TypeError, "%s is no member of a struct", name);
	Py_DECREF(member);
	return offset;
}

static int offsets_of(Py_ssize_t *offsets, PyObject *type, const char *const *names, int count)
{
	for (int i = 0; i < count; i++) {
		offsets[i] = offset_of(type, names[i]);
		if (offsets[i] < 0)
			return -1;
	}
	return 0;
}

int table_parse(struct table *t, PyObject *spec, PyObject *args_type)
{
	PyObject **kept[] = { &t->known, &t->dead, &t->contexts, &t->lines, &t->explained, &t->busy, &t->known_type,
			      &t->process, &t->file_type, &t->ancestors, &t->container };
	size_t i;
	int ok = PyArg_ParseTuple(spec, "O!O!O!O!O!O!O!O!O!OO(nnnn)", &PyDict_Type, &t->known, &PyODict_Type, &t->dead,
				  &PyODict_Type, &t->contexts, &PyDict_Type, &t->lines, &PyODict_Type, &t->explained,
				  &PyTuple_Type, &t->busy, &PyType_Type, &t->known_type, &PyType_Type, &t->process,
				  &PyType_Type, &t->file_type, &t->ancestors, &t->container, &t->most_alive,
				  &t->most_dead, &t->most_contexts, &t->most_of_one);

	for (i = 0; i < sizeof(kept) / sizeof(*kept); i++)
		*kept[i] = ok ? Py_NewRef(*kept[i]) : NULL;
	if (!ok || offsets_of(t->in_known, t->known_type, known_members, KNOWN_MEMBERS) ||
	    offsets_of(t->in_args, args_type, args_members, ARGS_MEMBERS) ||
	    offsets_of(t->in_file, t->file_type, file_members, FILE_MEMBERS))
		return -1;
	t->zero = PyLong_FromLong(0);
	return t->zero ? 0 : -1;
}

void table_clear(struct table *t)
{
	PyObject **kept[] = { &t->known, &t->dead, &t->contexts, &t->lines, &t->explained, &t->busy, &t->known_type,
			      &t->process, &t->file_type, &t->ancestors, &t->container, &t->zero, &t->last_container,
			      &t->namespaces };

	for (size_t i = 0; i < sizeof(kept) / sizeof(*kept); i++)
		Py_CLEAR(*kept[i]);
	for (size_t i = 0; i < KNOWN_MEMBERS; i++)
		Py_CLEAR(t->last[i]);
}
