// SPDX-License-Identifier: Apache-2.0
/* An attached program. Closing its last descriptor detaches it: nothing is pinned. */
#include <errno.h>
#include <string.h>
#include "native.h"

struct link_object {
	PyObject_HEAD
	struct bpf_link *link;
};

PyObject *LinkType;

PyObject *link_wrap(struct bpf_link *link)
{
	allocfunc alloc = (allocfunc)PyType_GetSlot((PyTypeObject *)LinkType, Py_tp_alloc);
	struct link_object *self = (struct link_object *)alloc((PyTypeObject *)LinkType, 0);

	if (!self) {
		bpf_link__destroy(link);
		return NULL;
	}
	self->link = link;
	return (PyObject *)self;
}

static PyObject *link_close(struct link_object *self, PyObject *unused)
{
	struct bpf_link *link = self->link;

	self->link = NULL;
	Py_BEGIN_ALLOW_THREADS
	bpf_link__destroy(link);
	Py_END_ALLOW_THREADS
	Py_RETURN_NONE;
}

static void link_dealloc(struct link_object *self)
{
	PyTypeObject *type = Py_TYPE((PyObject *)self);

	bpf_link__destroy(self->link);
	((freefunc)PyType_GetSlot(type, Py_tp_free))(self);
	Py_DECREF(type);
}

static PyObject *link_fileno(struct link_object *self, PyObject *unused)
{
	if (!self->link) {
		PyErr_SetString(PyExc_ValueError, "the link is closed");
		return NULL;
	}
	return PyLong_FromLong(bpf_link__fd(self->link));
}

/*
 * The part of struct bpf_link_info (include/uapi/linux/bpf.h) that tells of a probe; since commit
 * 3acf8ace6823 ("bpf: Add missed value to kprobe perf link info") (in v6.7).
 */
struct probe_link_info {
	__u32 type, id, prog_id, pad;
	__u32 perf_type, pad2;
	__u64 func_name;
	__u32 name_len, offset;
	__u64 addr, missed;
};

/* How often a kprobe or kretprobe was reached and not run; None when the kernel does not say. */
static PyObject *link_missed(struct link_object *self, PyObject *unused)
{
	struct probe_link_info info = {};
	__u32 size = sizeof(info);

	if (!self->link) {
		PyErr_SetString(PyExc_ValueError, "the link is closed");
		return NULL;
	}
	/* BPF_PERF_EVENT_KPROBE is 3, BPF_PERF_EVENT_KRETPROBE is 4. */
	if (bpf_obj_get_info_by_fd(bpf_link__fd(self->link), &info, &size) || size < sizeof(info) ||
	    (info.perf_type != 3 && info.perf_type != 4))
		Py_RETURN_NONE;
	return PyLong_FromUnsignedLongLong(info.missed);
}

static PyMethodDef link_methods[] = {
	{ "close", (PyCFunction)link_close, METH_NOARGS, "Detach." },
	{ "missed", (PyCFunction)link_missed, METH_NOARGS, "How often a probe was reached and not run; None when the kernel does not say." },
	{ "fileno", (PyCFunction)link_fileno, METH_NOARGS, "Of the link, or of the perf event of a kprobe or tracepoint." },
	{ 0 },
};

static PyType_Slot link_slots[] = {
	{ Py_tp_doc, "An attached program." },
	{ Py_tp_dealloc, link_dealloc },
	{ Py_tp_methods, link_methods },
	{ 0 },
};

static PyType_Spec link_spec = {
	.name = "ringward.sensor._native.Link",
	.basicsize = sizeof(struct link_object),
	.flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
	.slots = link_slots,
};

int link_register(PyObject *module)
{
	LinkType = PyType_FromSpec(&link_spec);
	return LinkType ? PyModule_AddObjectRef(module, "Link", LinkType) : -1;
}
