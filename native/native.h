// SPDX-License-Identifier: Apache-2.0
#pragma once
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

/* What libbpf printed since the last call that failed; belongs to the thread that holds the GIL. */
void log_clear(void);
const char *log_text(void);

/* Raises ringward.sensor._native.BpfError(errno, what, log). */
PyObject *raise_bpf(int err, const char *what);

extern PyObject *ObjectType, *LinkType, *RingType;
int object_register(PyObject *module);
int link_register(PyObject *module);
int ring_register(PyObject *module);
int decode_register(PyObject *module);
int calls_register(PyObject *module);
PyObject *link_wrap(struct bpf_link *link);

extern PyMethodDef map_methods[], probe_methods[], pin_methods[], hold_methods[];
