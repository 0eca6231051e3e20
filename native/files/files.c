// SPDX-License-Identifier: Apache-2.0
/*
 * ringward.trust._files: what is in a directory, and how its files begin. Without the interpreter's lock for a whole
 * directory, so that other threads hash meanwhile.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/stat.h>
#include <unistd.h>

#define HEAD 8
#define OPEN_FILE (O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY)
#define OPEN_FOLDER (O_RDONLY | O_DIRECTORY | O_CLOEXEC)

/* ringward.trust.look.identity() */
struct identity {
	uint64_t dev, ino;
	int64_t size, mtime, ctime;
};

struct entry {
	char *name;
	struct identity same;
	mode_t mode;
	int error;
};

struct folder {
	struct entry *entries;
	size_t count, room;
};

static int64_t nanoseconds(struct timespec t)
{
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void look(int fd, struct entry *e)
{
	struct stat st;

	if (fstatat(fd, e->name, &st, AT_SYMLINK_NOFOLLOW)) {
		e->error = errno;
		return;
	}
	e->mode = st.st_mode;
	e->same = (struct identity){
		st.st_dev, st.st_ino, st.st_size, nanoseconds(st.st_mtim), nanoseconds(st.st_ctim)
	};
}

/* Returns 0 or errno. */
static int add(struct folder *f, const char *name)
{
	struct entry *more;

	if (f->count == f->room) {
		more = realloc(f->entries, (f->room + 64) * 2 * sizeof(*more));
		if (!more)
			return ENOMEM;
		f->entries = more;
		f->room = (f->room + 64) * 2;
	}
	f->entries[f->count] = (struct entry){ .name = strdup(name) };
	return f->entries[f->count].name ? f->count++, 0 : ENOMEM;
}

/* All names first: the directory may be changed meanwhile. Returns 0 or errno. */
static int scan_folder(const char *path, struct folder *f)
{
	int fd = open(path, OPEN_FOLDER), error = 0;
	struct dirent *one;
	size_t i;
	DIR *dir;

	dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir) {
		error = errno;
		if (fd >= 0)
			close(fd);
		return error;
	}
	while (!error) {
		errno = 0;
		one = readdir(dir);
		if (!one) {
			error = errno;
			break;
		}
		if (strcmp(one->d_name, ".") && strcmp(one->d_name, ".."))
			error = add(f, one->d_name);
	}
	for (i = 0; !error && i < f->count; i++)
		look(fd, f->entries + i);
	closedir(dir);
	return error;
}

/* Returns -1 with an exception. */
static int put(PyObject *list, PyObject *item)
{
	int failed = item ? PyList_Append(list, item) : -1;

	Py_XDECREF(item);
	return failed;
}

static int sort(const struct entry *e, PyObject *folders, PyObject *files, PyObject *faults)
{
	if (e->error == ENOENT)
		return 0;
	if (e->error)
		return put(faults, Py_BuildValue("O&i", PyUnicode_DecodeFSDefault, e->name, e->error));
	if (S_ISDIR(e->mode))
		return put(folders, Py_BuildValue("O&KK", PyUnicode_DecodeFSDefault, e->name,
						  (unsigned long long)e->same.dev, (unsigned long long)e->same.ino));
	if (!S_ISREG(e->mode))
		return 0;
	return put(files, Py_BuildValue("O&y#LL", PyUnicode_DecodeFSDefault, e->name, (char *)&e->same,
					(Py_ssize_t)sizeof(e->same), (long long)e->same.size, (long long)e->same.ctime));
}

static PyObject *scan(PyObject *self, PyObject *given)
{
	PyObject *path, *answer = NULL, *folders = PyList_New(0), *files = PyList_New(0), *faults = PyList_New(0);
	struct folder f = { 0 };
	int error, failed;
	size_t i;

	if (!folders || !files || !faults || !PyUnicode_FSConverter(given, &path))
		goto out;
	Py_BEGIN_ALLOW_THREADS
	error = scan_folder(PyBytes_AS_STRING(path), &f);
	Py_END_ALLOW_THREADS
	Py_DECREF(path);
	if (error) {
		errno = error;
		PyErr_SetFromErrnoWithFilenameObject(PyExc_OSError, given);
		goto out;
	}
	for (i = 0, failed = 0; !failed && i < f.count; i++)
		failed = sort(f.entries + i, folders, files, faults);
	if (!failed)
		answer = PyTuple_Pack(3, folders, files, faults);
out:
	for (i = 0; i < f.count; i++)
		free(f.entries[i].name);
	free(f.entries);
	Py_XDECREF(folders);
	Py_XDECREF(files);
	Py_XDECREF(faults);
	return answer;
}

struct head {
	const char *name;
	ssize_t size;	/* bytes that were read; -1: error */
	int error;
	char bytes[HEAD];
};

static void read_head(int folder, struct head *h)
{
	int fd = openat(folder, h->name, OPEN_FILE);

	h->size = fd < 0 ? -1 : pread(fd, h->bytes, HEAD, 0);
	h->error = errno;
	if (fd >= 0)
		close(fd);
}

static PyObject *as_list(const struct head *all, Py_ssize_t count)
{
	PyObject *answer = PyList_New(count), *one;
	Py_ssize_t i;

	for (i = 0; answer && i < count; i++) {
		one = all[i].size < 0 ? PyLong_FromLong(all[i].error) :
					PyBytes_FromStringAndSize(all[i].bytes, all[i].size);
		if (one)
			PyList_SET_ITEM(answer, i, one);
		else
			Py_CLEAR(answer);
	}
	return answer;
}

static PyObject *heads(PyObject *self, PyObject *args)
{
	PyObject *path, *names, *owned, *one, *answer = NULL;
	Py_ssize_t i, count;
	struct head *all;
	int folder;

	if (!PyArg_ParseTuple(args, "O&O!", PyUnicode_FSConverter, &path, &PyList_Type, &names))
		return NULL;
	count = PyList_GET_SIZE(names);
	owned = PyList_New(count);
	all = PyMem_New(struct head, count ? count : 1);
	if (!owned || !all) {
		PyErr_NoMemory();
		goto out;
	}
	for (i = 0; i < count; i++) {
		if (!PyUnicode_FSConverter(PyList_GET_ITEM(names, i), &one))
			goto out;
		PyList_SET_ITEM(owned, i, one);
		all[i].name = PyBytes_AS_STRING(one);
	}
	Py_BEGIN_ALLOW_THREADS
	folder = open(PyBytes_AS_STRING(path), OPEN_FOLDER);
	if (folder >= 0) {
		for (i = 0; i < count; i++)
			read_head(folder, all + i);
		close(folder);
	}
	Py_END_ALLOW_THREADS
	answer = folder < 0 ? PyErr_SetFromErrnoWithFilename(PyExc_OSError, PyBytes_AS_STRING(path)) : as_list(all, count);
out:
	PyMem_Free(all);
	Py_XDECREF(owned);
	Py_DECREF(path);
	return answer;
}

static PyMethodDef methods[] = {
	{ "scan", scan, METH_O,
	  "scan(path) -> directories (name, device, inode), regular files (name, identity, size, ctime), faults (name, errno)." },
	{ "heads", heads, METH_VARARGS, "heads(path, names) -> the first 8 bytes of each file of a directory, or errno." },
	{ NULL }
};

static struct PyModuleDef definition = {
	PyModuleDef_HEAD_INIT,
	.m_name = "_files",
	.m_doc = "What is in a directory, and how its files begin.",
	.m_size = -1,
	.m_methods = methods,
};

PyMODINIT_FUNC PyInit__files(void)
{
	return PyModule_Create(&definition);
}
