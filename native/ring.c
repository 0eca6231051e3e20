// SPDX-License-Identifier: Apache-2.0
/*
 * The ring buffer, mapped once and drained in batches: one bytes object for as
 * many records as there are. Layout: kernel/bpf/ringbuf.c, struct bpf_ringbuf_hdr.
 * The data is mapped once, not twice as the kernel allows: records are copied out in
 * any case, and each mapping counts as memory of the process.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "native.h"

struct ring {
	PyObject_HEAD
	int fd;			/* owned by the caller */
	size_t page, size;
	unsigned long *consumer;
	unsigned long *producer;
	char *data;
};

PyObject *RingType;

static void ring_unmap(struct ring *self)
{
	if (self->consumer)
		munmap(self->consumer, self->page);
	if (self->producer)
		munmap(self->producer, self->page + self->size);
	self->consumer = self->producer = NULL;
}

static PyObject *ring_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
	allocfunc alloc = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
	struct bpf_map_info info = {};
	__u32 info_size = sizeof(info);
	struct ring *self;
	void *map;
	int fd;

	if (!PyArg_ParseTuple(args, "i", &fd))
		return NULL;
	log_clear();
	if (bpf_obj_get_info_by_fd(fd, &info, &info_size))
		return raise_bpf(errno, "read the ring buffer's shape");
	self = (struct ring *)alloc(type, 0);
	if (!self)
		return NULL;
	self->fd = fd;
	self->page = sysconf(_SC_PAGESIZE);
	self->size = info.max_entries;
	map = mmap(NULL, self->page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		goto fail;
	self->consumer = map;
	map = mmap(NULL, self->page + self->size, PROT_READ, MAP_SHARED, fd, self->page);
	if (map == MAP_FAILED)
		goto fail;
	self->producer = map;
	self->data = (char *)map + self->page;
	return (PyObject *)self;
fail:
	raise_bpf(errno, "map the ring buffer");
	Py_DECREF(self);
	return NULL;
}

static void ring_dealloc(struct ring *self)
{
	PyTypeObject *type = Py_TYPE((PyObject *)self);

	ring_unmap(self);
	((freefunc)PyType_GetSlot(type, Py_tp_free))(self);
	Py_DECREF(type);
}

/* Copy `n` bytes from where the ring is at `at`; they may go on at its beginning. */
static void ring_copy(struct ring *self, char *out, unsigned long at, size_t n)
{
	size_t start = at & (self->size - 1), first = self->size - start;

	if (first > n)
		first = n;
	memcpy(out, self->data + start, first);
	memcpy(out + first, self->data, n - first);
}

/*
 * Up to `limit` bytes of whole records, each with its 8-byte header made over:
 * u32 length, u32 zero, then the record padded to 8 bytes. Empty: nothing to read.
 */
static PyObject *ring_drain(struct ring *self, PyObject *args)
{
	unsigned long consumer, producer, end;
	Py_ssize_t limit;
	size_t total = 0;
	PyObject *result;
	char *out;

	if (!PyArg_ParseTuple(args, "n", &limit))
		return NULL;
	if (!self->consumer) {
		PyErr_SetString(PyExc_ValueError, "the ring buffer is closed");
		return NULL;
	}
	consumer = *self->consumer;
	producer = __atomic_load_n(self->producer, __ATOMIC_ACQUIRE);
	for (end = consumer; end < producer;) {
		__u32 *header = (__u32 *)(self->data + (end & (self->size - 1)));
		__u32 len = __atomic_load_n(header, __ATOMIC_ACQUIRE);
		size_t step;

		if (len & BPF_RINGBUF_BUSY_BIT)
			break;
		step = ((len & ~BPF_RINGBUF_DISCARD_BIT) + 8 + 7) & ~7ul;
		if (total && total + step > (size_t)limit)
			break;
		if (!(len & BPF_RINGBUF_DISCARD_BIT))
			total += step;
		end += step;
	}
	result = PyBytes_FromStringAndSize(NULL, total);
	if (!result)
		return NULL;
	out = PyBytes_AsString(result);
	while (consumer < end) {
		char *record = self->data + (consumer & (self->size - 1));
		__u32 len = *(__u32 *)record;
		size_t step = ((len & ~BPF_RINGBUF_DISCARD_BIT) + 8 + 7) & ~7ul;

		if (!(len & BPF_RINGBUF_DISCARD_BIT)) {
			ring_copy(self, out, consumer, step);
			((__u32 *)out)[1] = 0;
			out += step;
		}
		consumer += step;
	}
	__atomic_store_n(self->consumer, consumer, __ATOMIC_RELEASE);
	return result;
}

static PyObject *ring_pending(struct ring *self, PyObject *unused)
{
	if (!self->consumer)
		return PyLong_FromLong(0);
	return PyLong_FromUnsignedLong(__atomic_load_n(self->producer, __ATOMIC_ACQUIRE) - *self->consumer);
}

static PyObject *ring_fileno(struct ring *self, PyObject *unused)
{
	return PyLong_FromLong(self->fd);
}

static PyObject *ring_close(struct ring *self, PyObject *unused)
{
	ring_unmap(self);
	Py_RETURN_NONE;
}

static PyMethodDef ring_methods[] = {
	{ "drain", (PyCFunction)ring_drain, METH_VARARGS, "(limit) -> bytes: u32 length, u32 zero, record padded to 8; ..." },
	{ "pending", (PyCFunction)ring_pending, METH_NOARGS, "Bytes that wait." },
	{ "fileno", (PyCFunction)ring_fileno, METH_NOARGS, "Readable when the kernel asked for a wake-up." },
	{ "close", (PyCFunction)ring_close, METH_NOARGS, "Unmap." },
	{ 0 },
};

static PyType_Slot ring_slots[] = {
	{ Py_tp_doc, "Ring(fd): the consumer of a BPF_MAP_TYPE_RINGBUF." },
	{ Py_tp_new, ring_new },
	{ Py_tp_dealloc, ring_dealloc },
	{ Py_tp_methods, ring_methods },
	{ 0 },
};

static PyType_Spec ring_spec = {
	.name = "ringward.sensor._native.Ring",
	.basicsize = sizeof(struct ring),
	.flags = Py_TPFLAGS_DEFAULT,
	.slots = ring_slots,
};

int ring_register(PyObject *module)
{
	RingType = PyType_FromSpec(&ring_spec);
	return RingType ? PyModule_AddObjectRef(module, "Ring", RingType) : -1;
}
