// SPDX-License-Identifier: Apache-2.0
/* ringward.kmod._xz: plain xz files, unpacked at once. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include "xz.h"

static PyObject *unpack(const struct xz *xz)
{
	PyObject *out = PyBytes_FromStringAndSize(NULL, xz->size);
	struct lzma2 *state = PyMem_RawMalloc(lzma2_size);
	bool ok = false;

	if (out && state) {
		Py_BEGIN_ALLOW_THREADS
		ok = xz_decode(xz, state, (uint8_t *)PyBytes_AS_STRING(out));
		Py_END_ALLOW_THREADS
	} else if (out) {
		PyErr_NoMemory();
	}
	PyMem_RawFree(state);
	if (ok)
		return out;
	Py_XDECREF(out);
	if (PyErr_Occurred())
		return NULL;
	Py_RETURN_NONE;
}

static PyObject *decompress(PyObject *self, PyObject *args)
{
	PyObject *answer = NULL;
	Py_ssize_t limit;
	Py_buffer data;
	struct xz xz;

	if (!PyArg_ParseTuple(args, "y*n", &data, &limit))
		return NULL;
	if (xz_open(&xz, data.buf, data.len) && limit >= 0 && xz.size <= (uint64_t)limit)
		answer = unpack(&xz);
	else
		answer = Py_NewRef(Py_None);
	PyBuffer_Release(&data);
	return answer;
}

static PyMethodDef functions[] = {
	{ "decompress", decompress, METH_VARARGS,
	  "(data, limit in bytes) -> bytes; None: not a plain and undamaged xz file of at most that size. Without the lock of the interpreter." },
	{ 0 },
};

static struct PyModuleDef definition = {
	PyModuleDef_HEAD_INIT,
	.m_name = "ringward.kmod._xz",
	.m_doc = "Plain xz files, unpacked at once.",
	.m_size = -1,
	.m_methods = functions,
};

PyMODINIT_FUNC PyInit__xz(void)
{
	crc32_start();
	return PyModule_Create(&definition);
}
