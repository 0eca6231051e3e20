// SPDX-License-Identifier: Apache-2.0
/* ringward.kmod._elf: what a kernel module says of itself, needs and exports. */
#include <elf.h>
#include <string.h>
#include "read.h"

static PyObject *kmod_error;

static PyObject *raise(const struct fault *fault, PyObject *path)
{
	PyObject *error;

	if (fault->error) {
		errno = fault->error;
		return PyErr_SetFromErrnoWithFilenameObject(PyExc_OSError, path);
	}
	error = PyObject_CallFunction(kmod_error, "OsK", path, fault->why, (unsigned long long)fault->offset);
	if (error) {
		PyErr_SetObject(kmod_error, error);
		Py_DECREF(error);
	}
	return NULL;
}

static PyObject *read_source(struct source *source, reader reader, PyObject *path)
{
	struct fault fault = { 0 };
	PyObject *answer = NULL;
	struct elf elf;

	if (elf_open(&elf, source, &fault)) {
		answer = reader(&elf);
		elf_close(&elf);
	}
	source_close(source);
	if (fault.why && !PyErr_Occurred())
		return raise(&fault, path);
	return answer;
}

static PyObject *read_image(PyObject *args, reader reader)
{
	struct source source = { .fd = -1 };
	PyObject *path, *answer;
	Py_buffer image;

	if (!PyArg_ParseTuple(args, "y*U", &image, &path))
		return NULL;
	source.data = image.buf;
	source.size = image.len;
	answer = read_source(&source, reader, path);
	PyBuffer_Release(&image);
	return answer;
}

#define OF_IMAGE(name) \
	static PyObject *image_##name(PyObject *self, PyObject *args) \
	{ \
		return read_image(args, read_##name); \
	}

OF_IMAGE(sections)
OF_IMAGE(symbols)
OF_IMAGE(modinfo)
OF_IMAGE(versions)
OF_IMAGE(table)
OF_IMAGE(scan)
OF_IMAGE(info)

static PyObject *read_file(PyObject *args, reader reader)
{
	struct fault fault = { 0 };
	struct source source;
	struct span start;
	unsigned long long limit;
	PyObject *path, *encoded;
	bool ok;

	if (!PyArg_ParseTuple(args, "UK", &path, &limit) || !PyUnicode_FSConverter(path, &encoded))
		return NULL;
	Py_BEGIN_ALLOW_THREADS
	ok = source_open(&source, PyBytes_AS_STRING(encoded), limit, &fault);
	Py_END_ALLOW_THREADS
	Py_DECREF(encoded);
	if (ok && source.size >= SELFMAG && source_get(&source, 0, SELFMAG, "", &start, &fault) && memcmp(start.at, ELFMAG, SELFMAG)) {
		source_close(&source);
		Py_RETURN_NONE;
	}
	if (ok && !fault.why)
		return read_source(&source, reader, path);
	source_close(&source);
	return raise(&fault, path);
}

static PyObject *file_scan(PyObject *self, PyObject *args)
{
	return read_file(args, read_scan);
}

static PyObject *file_info(PyObject *self, PyObject *args)
{
	return read_file(args, read_info);
}

static PyMethodDef functions[] = {
	{ "sections", image_sections, METH_VARARGS,
	  "(image, path) -> (bits, big endian, type, machine, [(name, type, flags, address, offset, size, link, info, entry size)])" },
	{ "symbols", image_symbols, METH_VARARGS, "(image, path) -> (exports, their CRCs, wants, their CRCs: uint32_t each, their flags)" },
	{ "modinfo", image_modinfo, METH_VARARGS, "(image, path) -> the strings of .modinfo" },
	{ "versions", image_versions, METH_VARARGS, "(image, path) -> [(symbol, CRC)] of __versions" },
	{ "table", image_table, METH_VARARGS, "(image, path) -> [(name, value, size, info, section)] of the symbol table" },
	{ "scan", image_scan, METH_VARARGS, "(image, path) -> (modinfo, symbols)" },
	{ "info", image_info, METH_VARARGS,
	  "(image, path) -> (strings of .modinfo | None, .note.gnu.build-id | None, big endian, what is appended | None, bytes of the image)" },
	{ "info_file", file_info, METH_VARARGS, "(path, limit in bytes) -> the same, or None when it is no ELF file; reads only what it needs" },
	{ "scan_file", file_scan, METH_VARARGS, "(path, limit in bytes) -> (modinfo, symbols), or None when it is no ELF file; reads only what it needs" },
	{ 0 },
};

static struct PyModuleDef definition = {
	PyModuleDef_HEAD_INIT,
	.m_name = "ringward.kmod._elf",
	.m_doc = "What a kernel module says of itself, needs and exports.",
	.m_size = -1,
	.m_methods = functions,
};

PyMODINIT_FUNC PyInit__elf(void)
{
	PyObject *errors = PyImport_ImportModule("ringward.kmod.errors");

	if (!errors)
		return NULL;
	kmod_error = PyObject_GetAttrString(errors, "KmodError");
	Py_DECREF(errors);
	return kmod_error ? PyModule_Create(&definition) : NULL;
}
