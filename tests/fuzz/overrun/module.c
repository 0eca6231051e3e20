// SPDX-License-Identifier: Apache-2.0
/* A native module that reads one byte too many of what begins with 'o', and adds past INT_MAX for what begins with 'a'. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <limits.h>

static PyObject *sum(PyObject *self, PyObject *data)
{
	Py_ssize_t i, size = PyBytes_GET_SIZE(data);
	char *copy = malloc(size + 1);
	volatile int answer = 0;

	memcpy(copy, PyBytes_AS_STRING(data), size + 1);
	if (copy[0] == 'a')
		answer = INT_MAX;
	for (i = 0; i < size + 1 + (copy[0] == 'o'); i++)
		answer += copy[i];
	free(copy);
	return PyLong_FromLong(answer);
}

static PyMethodDef methods[] = {
	{ "sum", sum, METH_O, "sum(data) -> the sum of its bytes, wrong." },
	{ NULL }
};

static struct PyModuleDef definition = {
	PyModuleDef_HEAD_INIT,
	.m_name = "overrun_native",
	.m_size = -1,
	.m_methods = methods,
};

PyMODINIT_FUNC PyInit_overrun_native(void)
{
	return PyModule_Create(&definition);
}
