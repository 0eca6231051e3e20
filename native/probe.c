// SPDX-License-Identifier: Apache-2.0
/* Questions to the kernel: what a program did, whether a kind of program is allowed, calls that prove a hook. */
#include <errno.h>
#include <string.h>
#include <linux/perf_event.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "native.h"

static PyObject *program_info(PyObject *module, PyObject *args)
{
	struct bpf_prog_info info = {};
	__u32 size = sizeof(info);
	int fd;

	if (!PyArg_ParseTuple(args, "i", &fd))
		return NULL;
	log_clear();
	if (bpf_obj_get_info_by_fd(fd, &info, &size))
		return raise_bpf(errno, "read about a program");
	return Py_BuildValue("{sIsssIsKsKsK}", "id", info.id, "name", info.name, "type", info.type,
			     "run_cnt", info.run_cnt, "run_time_ns", info.run_time_ns,
			     "recursion_misses", info.recursion_misses);
}

static PyObject *program_run(PyObject *module, PyObject *args)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts);
	Py_buffer ctx;
	int fd, err;

	if (!PyArg_ParseTuple(args, "iw*", &fd, &ctx))
		return NULL;
	opts.ctx_in = ctx.buf;
	opts.ctx_size_in = ctx.len;
	log_clear();
	Py_BEGIN_ALLOW_THREADS
	err = bpf_prog_test_run_opts(fd, &opts);
	Py_END_ALLOW_THREADS
	PyBuffer_Release(&ctx);
	if (err)
		return raise_bpf(err, "run a program");
	return PyLong_FromUnsignedLong(opts.retval);
}

/* Load "return 0" as a program of the given type; the kernel's answer is the probe. */
static PyObject *probe_program(PyObject *module, PyObject *args)
{
	struct bpf_insn insns[] = {
		{ .code = 0xb7 },	/* r0 = 0 */
		{ .code = 0x95 },	/* exit */
	};
	LIBBPF_OPTS(bpf_prog_load_opts, opts);
	int type, attach, btf_id, fd;

	if (!PyArg_ParseTuple(args, "iii", &type, &attach, &btf_id))
		return NULL;
	opts.expected_attach_type = attach;
	opts.attach_btf_id = btf_id;
	fd = bpf_prog_load(type, "ringward_probe", "GPL", insns, 2, &opts);
	if (fd < 0)
		return PyLong_FromLong(-errno);
	close(fd);
	return PyLong_FromLong(0);
}

/*
 * Load a program of raw instructions (struct bpf_insn each) and keep it. What the
 * verifier printed comes back with the answer: it is the kernel's own reason.
 */
static PyObject *probe_load(PyObject *module, PyObject *args)
{
	static char log[64 * 1024];
	LIBBPF_OPTS(bpf_prog_load_opts, opts);
	int type, attach, btf_id, fd;
	const char *insns;
	Py_ssize_t size;

	if (!PyArg_ParseTuple(args, "iiiy#", &type, &attach, &btf_id, &insns, &size))
		return NULL;
	if (size % sizeof(struct bpf_insn)) {
		PyErr_SetString(PyExc_ValueError, "an instruction has 8 bytes");
		return NULL;
	}
	opts.expected_attach_type = attach;
	opts.attach_btf_id = btf_id;
	fd = bpf_prog_load(type, "ringward_probe", "GPL", (const struct bpf_insn *)insns,
			   size / sizeof(struct bpf_insn), &opts);
	if (fd >= 0)
		return Py_BuildValue("(is)", fd, "");
	fd = -errno;
	log[0] = 0;
	opts.log_buf = log;
	opts.log_size = sizeof(log);
	opts.log_level = 1;
	/* Asked again: a log that is too long must not hide the first answer. */
	close(bpf_prog_load(type, "ringward_probe", "GPL", (const struct bpf_insn *)insns,
			    size / sizeof(struct bpf_insn), &opts));
	return Py_BuildValue("(iN)", fd, PyUnicode_DecodeUTF8(log, strnlen(log, sizeof(log)), "replace"));
}

/* Attach a program whose hook is named by its BTF id: tp_btf, fentry, fexit, LSM. */
static PyObject *probe_attach(PyObject *module, PyObject *args)
{
	int prog, fd;

	if (!PyArg_ParseTuple(args, "i", &prog))
		return NULL;
	fd = bpf_raw_tracepoint_open(NULL, prog);
	return PyLong_FromLong(fd < 0 ? -errno : fd);
}

/* Attach a program to the entry of a kernel function by the PMU of kprobes. */
static PyObject *probe_kprobe(PyObject *module, PyObject *args)
{
	struct perf_event_attr attr = { .size = sizeof(attr) };
	const char *function;
	int prog, fd, err;

	if (!PyArg_ParseTuple(args, "iIs", &prog, &attr.type, &function))
		return NULL;
	attr.kprobe_func = (unsigned long)function;
	fd = syscall(__NR_perf_event_open, &attr, -1, 0, -1, PERF_FLAG_FD_CLOEXEC);
	if (fd < 0)
		return PyLong_FromLong(-errno);
	if (ioctl(fd, PERF_EVENT_IOC_SET_BPF, prog) || ioctl(fd, PERF_EVENT_IOC_ENABLE, 0)) {
		err = -errno;
		close(fd);
		return PyLong_FromLong(err);
	}
	return PyLong_FromLong(fd);
}

static PyObject *probe_ring(PyObject *module, PyObject *args)
{
	unsigned int size;
	int fd;

	if (!PyArg_ParseTuple(args, "I", &size))
		return NULL;
	fd = bpf_map_create(BPF_MAP_TYPE_RINGBUF, "ringward_probe", 0, 0, size, NULL);
	if (fd < 0)
		return PyLong_FromLong(-errno);
	close(fd);
	return PyLong_FromLong(0);
}

static PyObject *btf_id(PyObject *module, PyObject *args)
{
	const char *name;
	int attach, id;

	if (!PyArg_ParseTuple(args, "si", &name, &attach))
		return NULL;
	log_clear();
	Py_BEGIN_ALLOW_THREADS
	id = libbpf_find_vmlinux_btf_id(name, attach);
	Py_END_ALLOW_THREADS
	return PyLong_FromLong(id);
}

static PyObject *count_runs(PyObject *module, PyObject *unused)
{
	int fd = bpf_enable_stats(BPF_STATS_RUN_TIME);

	return PyLong_FromLong(fd < 0 ? -errno : fd);
}

/* A system call by number with up to five plain arguments; result, or negative errno. */
static PyObject *raw_syscall(PyObject *module, PyObject *args)
{
	unsigned long a[5] = {};
	long nr, result;

	if (!PyArg_ParseTuple(args, "l|kkkkk", &nr, &a[0], &a[1], &a[2], &a[3], &a[4]))
		return NULL;
	Py_BEGIN_ALLOW_THREADS
	result = syscall(nr, a[0], a[1], a[2], a[3], a[4]);
	if (result == -1)
		result = -errno;
	Py_END_ALLOW_THREADS
	return PyLong_FromLong(result);
}

PyMethodDef probe_methods[] = {
	{ "program_info", program_info, METH_VARARGS, "(fd) -> dict" },
	{ "program_run", program_run, METH_VARARGS, "(fd, context) -> return value; the context is written to" },
	{ "probe_program", probe_program, METH_VARARGS, "(type, attach type, BTF id) -> 0 or negative errno" },
	{ "probe_load", probe_load, METH_VARARGS, "(type, attach type, BTF id, instructions) -> (fd or negative errno, what the verifier printed); the caller closes the fd" },
	{ "probe_attach", probe_attach, METH_VARARGS, "(program fd) -> fd or negative errno; closing it detaches" },
	{ "probe_kprobe", probe_kprobe, METH_VARARGS, "(program fd, type of the kprobe PMU, function) -> fd or negative errno; closing it detaches" },
	{ "probe_ring", probe_ring, METH_VARARGS, "(bytes) -> 0 or negative errno: whether a ring buffer of that size can be made" },
	{ "btf_id", btf_id, METH_VARARGS, "(name, attach type) -> id in the kernel's BTF of what a program of that attach type hooks, or negative errno" },
	{ "count_runs", count_runs, METH_NOARGS, "() -> fd or negative errno: while it is open the kernel counts run_cnt of program_info" },
	{ "raw_syscall", raw_syscall, METH_VARARGS, "(number, ...) -> result or negative errno" },
	{ 0 },
};
