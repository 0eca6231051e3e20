// SPDX-License-Identifier: Apache-2.0
/* ringward.sensor._native: libbpf for Python, no more than sensor and guard need. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "native.h"

#define LOG_MAX (64 * 1024)

static char log_buffer[LOG_MAX];
static size_t log_used;
static PyObject *BpfError;

/* Keeps the end of what was printed: the verifier's verdict is its last lines. */
static int log_print(enum libbpf_print_level level, const char *format, va_list args)
{
	va_list again;
	char *text;
	size_t keep;
	int n;

	if (level == LIBBPF_DEBUG)
		return 0;
	va_copy(again, args);
	n = vsnprintf(NULL, 0, format, again);
	va_end(again);
	text = n > 0 ? malloc(n + 1) : NULL;
	if (!text)
		return 0;
	vsnprintf(text, n + 1, format, args);
	keep = (size_t)n < LOG_MAX ? (size_t)n : LOG_MAX - 1;
	if (log_used + keep >= LOG_MAX) {
		size_t old = LOG_MAX - 1 - keep < log_used ? LOG_MAX - 1 - keep : log_used;

		memmove(log_buffer, log_buffer + log_used - old, old);
		log_used = old;
	}
	memcpy(log_buffer + log_used, text + n - keep, keep);
	log_used += keep;
	log_buffer[log_used] = 0;
	free(text);
	return n;
}

void log_clear(void)
{
	log_used = 0;
	log_buffer[0] = 0;
}

const char *log_text(void)
{
	return log_buffer;
}

PyObject *raise_bpf(int err, const char *what)
{
	PyObject *args;

	if (err < 0)
		err = -err;
	args = Py_BuildValue("(issN)", err, strerror(err), what,
			     PyUnicode_DecodeUTF8(log_buffer, log_used, "replace"));
	if (args) {
		PyErr_SetObject(BpfError, args);
		Py_DECREF(args);
	}
	return NULL;
}

static struct PyModuleDef definition = {
	PyModuleDef_HEAD_INIT,
	.m_name = "ringward.sensor._native",
	.m_doc = "libbpf: objects, links, maps and the ring buffer.",
	.m_size = -1,
};

PyMODINIT_FUNC PyInit__native(void)
{
	PyObject *module = PyModule_Create(&definition);

	if (!module)
		return NULL;
	libbpf_set_strict_mode(LIBBPF_STRICT_ALL);
	libbpf_set_print(log_print);
	BpfError = PyErr_NewExceptionWithDoc(
		"ringward.sensor._native.BpfError",
		"args: (errno, strerror, what was attempted, what libbpf and the verifier printed).",
		NULL, NULL);
	if (!BpfError || PyModule_AddObjectRef(module, "BpfError", BpfError) ||
	    PyModule_AddStringConstant(module, "LIBBPF_VERSION", libbpf_version_string()) ||
	    PyModule_AddFunctions(module, map_methods) ||
	    PyModule_AddFunctions(module, probe_methods) ||
	    PyModule_AddFunctions(module, pin_methods) ||
	    PyModule_AddFunctions(module, hold_methods) ||
	    object_register(module) || link_register(module) || ring_register(module) ||
	    decode_register(module) || calls_register(module)) {
		Py_DECREF(module);
		return NULL;
	}
	return module;
}
