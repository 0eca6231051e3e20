// SPDX-License-Identifier: Apache-2.0
/* What ringward.sensor.exec_path says of the file of an exec without a look at the file system. */
#include "calls.h"

/* 1: the path is written from the working directory, and is the file's. */
static int is_below(PyObject *cwd, PyObject *asked, PyObject *path)
{
	Py_ssize_t folder_len, name_len, len;
	const char *folder = PyUnicode_AsUTF8AndSize(cwd, &folder_len), *name = PyUnicode_AsUTF8AndSize(asked, &name_len);
	const char *whole = PyUnicode_AsUTF8AndSize(path, &len);

	if (!folder || !name || !whole)
		return -1;
	if (name[0] == '/' || memchr(name, '\\', name_len))
		return 0;
	while (folder_len && folder[folder_len - 1] == '/')
		folder_len--;
	if (name[0] == '.' && name[1] == '/') {
		name += 2;
		name_len -= 2;
	}
	return len == folder_len + 1 + name_len && !memcmp(whole, folder, folder_len) && whole[folder_len] == '/' &&
	       !memcmp(whole + folder_len + 1, name, name_len);
}

/* 1: ExecPaths has followed the links of this path before, and they led to this file. */
static int is_remembered(const struct table *t, PyObject *args, PyObject *exe, PyObject *asked)
{
	PyObject *mnt = PyLong_FromUnsignedLong(t->numbers[0]), *key = NULL;
	int found = -1;

	if (mnt)
		key = PyTuple_Pack(6, mnt, *at(args, t->in_args[ARGS_ROOT]), asked,
				   PyUnicode_READ_CHAR(asked, 0) == '/' ? Py_None : *at(args, t->in_args[ARGS_CWD]),
				   *at(exe, t->in_file[FILE_PATH]), *at(exe, t->in_file[FILE_INODE]));
	if (key)
		found = PyDict_Contains(t->explained, key);
	Py_XDECREF(mnt);
	Py_XDECREF(key);
	return found;
}

int exec_path_is_explained(const struct table *t, PyObject *args)
{
	static const char descriptor[] = "/dev/fd/";
	PyObject *exe = *at(args, t->in_args[ARGS_EXE]), *asked = *at(args, t->in_args[ARGS_INTERPRETER]);
	PyObject *path = *at(exe, t->in_file[FILE_PATH]);
	const char *name;
	int below;

	if (!PyUnicode_Compare(path, asked) || *at(exe, t->in_file[FILE_DELETED]) == Py_True)
		return 1;
	name = PyUnicode_AsUTF8(asked);
	if (!name)
		return -1;
	if (!strncmp(name, descriptor, sizeof(descriptor) - 1))
		return 1;
	below = is_below(*at(args, t->in_args[ARGS_CWD]), asked, path);
	return below ? below : is_remembered(t, args, exe, asked);
}
