// SPDX-License-Identifier: Apache-2.0
/* Questions to the kernel: what a program did, whether a kind of program is allowed, calls that prove a hook. */
#include <errno.h>
#include <string.h>
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
	{ "raw_syscall", raw_syscall, METH_VARARGS, "(number, ...) -> result or negative errno" },
	{ 0 },
};
