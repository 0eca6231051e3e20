// SPDX-License-Identifier: Apache-2.0
/*
 * A reference on a loaded module: a program that does nothing, attached to one of its functions. As long as the
 * link lives the module's use count is not 0, and delete_module(2) refuses it under the lock that it takes after
 * it has copied the name.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>
#include <bpf/btf.h>
#include "native.h"

/* Descriptor of a module's BTF; negative errno. */
static int module_btf(const char *name)
{
	__u32 id = 0;

	while (!bpf_btf_get_next_id(id, &id)) {
		char found[64] = {};
		struct bpf_btf_info info = { .name = (__u64)(unsigned long)found, .name_len = sizeof(found) };
		__u32 size = sizeof(info);
		int fd = bpf_btf_get_fd_by_id(id);

		if (fd < 0)
			continue;
		if (!bpf_obj_get_info_by_fd(fd, &info, &size) && info.kernel_btf && !strcmp(found, name))
			return fd;
		close(fd);
	}
	return -ENOENT;
}

static int attach_to(int btf_fd, int type_id)
{
	struct bpf_insn insns[] = {
		{ .code = 0xb7 },	/* r0 = 0 */
		{ .code = 0x95 },	/* exit */
	};
	LIBBPF_OPTS(bpf_prog_load_opts, opts);
	int prog, link, err;

	opts.expected_attach_type = BPF_TRACE_FENTRY;
	opts.attach_btf_id = type_id;
	opts.attach_btf_obj_fd = btf_fd;
	prog = bpf_prog_load(BPF_PROG_TYPE_TRACING, "ringward_hold", "GPL", insns, 2, &opts);
	if (prog < 0)
		return -errno;
	link = bpf_raw_tracepoint_open(NULL, prog);
	err = -errno;
	close(prog);
	return link < 0 ? err : link;
}

/* To the first function of the module that can be traced; not all can. */
static int hold_any(const struct btf *btf, const struct btf *base, int btf_fd)
{
	__u32 id, last = btf__type_cnt(btf);
	int link = -ENOENT;

	for (id = btf__type_cnt(base); id < last; id++) {
		if (!btf_is_func(btf__type_by_id(btf, id)))
			continue;
		link = attach_to(btf_fd, id);
		if (link >= 0 || link == -EPERM)
			break;
	}
	return link;
}

static PyObject *module_hold(PyObject *module, PyObject *args)
{
	struct btf *base, *btf = NULL;
	const char *name;
	int fd, link;

	if (!PyArg_ParseTuple(args, "s", &name))
		return NULL;
	log_clear();
	base = btf__load_vmlinux_btf();
	if (libbpf_get_error(base))
		return raise_bpf(errno, "read the kernel's BTF");
	fd = module_btf(name);
	if (fd >= 0)
		btf = btf__load_module_btf(name, base);
	link = fd < 0 ? fd : libbpf_get_error(btf) ? -errno : hold_any(btf, base, fd);
	if (!libbpf_get_error(btf))
		btf__free(btf);
	btf__free(base);
	if (fd >= 0)
		close(fd);
	if (link < 0)
		return raise_bpf(link, "hold a module by one of its functions");
	return PyLong_FromLong(link);
}

PyMethodDef hold_methods[] = {
	{ "module_hold", module_hold, METH_VARARGS, "(module) -> link fd: the module cannot be removed until it is closed" },
	{ 0 },
};
