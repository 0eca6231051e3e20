// SPDX-License-Identifier: GPL-2.0
/*
 * What the module of "Linux Kernel Module ABC" does, on today's kernels: it leads one system call to a function of its
 * own, says so, calls through, and puts everything back when it is unloaded.
 *
 * by_table=1   puts the function into sys_call_table. Since commit 1e3ad78334a6 ("x86/syscall: Don't force use of
 *              indirect calls for system calls") (in v6.9 and in the stable kernels of its time) no call is
 *              dispatched by the table any more: the function is there and is never called.
 * by_ftrace=1  has ftrace lead the callers of the handler itself to the function, whichever way they came.
 */
#include <linux/delay.h>
#include <linux/ftrace.h>
#include <linux/kprobes.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>
#include <asm/ibt.h>
#include <asm/syscall.h>
#include <asm/unistd.h>

struct intercepted {
	const char *name;
	const char *argument;
	unsigned int nr;	/* in the table, of 64-bit callers */
	bool is_path;
	bool returns;
};

/* None that can be inside for long: unloading waits for them. */
static const struct intercepted calls[] = {
	{ "exit", "error_code", __NR_exit },
	{ "exit_group", "error_code", __NR_exit_group },
	{ "unlink", "pathname", __NR_unlink, .is_path = true, .returns = true },
};

static bool by_table;
module_param(by_table, bool, 0444);
MODULE_PARM_DESC(by_table, "replace the entry of the table");

static bool by_ftrace;
module_param(by_ftrace, bool, 0444);
MODULE_PARM_DESC(by_ftrace, "lead the callers of the handlers elsewhere");

static char *call = "exit";
module_param(call, charp, 0444);
MODULE_PARM_DESC(call, "exit (default), exit_group or unlink");

static int pid;
module_param(pid, int, 0444);
MODULE_PARM_DESC(pid, "count calls of this process and its children alone (default 0: of all)");

static const struct intercepted *wanted;
static unsigned long (*lookup)(const char *name);
static sys_call_ptr_t *table;
static sys_call_ptr_t handler, handler_ia32;
static atomic_long_t seen_table, seen, seen_ia32, failed;
static atomic_t inside;

static bool is_of_pid(void)
{
	bool found;

	rcu_read_lock();
	found = !pid || task_tgid_nr(current) == pid || task_tgid_nr(rcu_dereference(current->real_parent)) == pid;
	rcu_read_unlock();
	return found;
}

static void say(unsigned long argument)
{
	char text[64] = "?";

	if (!wanted->is_path) {
		pr_info_ratelimited("HEY! sys_%s called with %s=%d\n", wanted->name, wanted->argument, (int)argument);
		return;
	}
	if (strncpy_from_user(text, (const char __user *)argument, sizeof(text) - 1) < 0)
		text[0] = '?';
	text[sizeof(text) - 1] = 0;
	pr_info_ratelimited("HEY! sys_%s called with %s=%s\n", wanted->name, wanted->argument, text);
}

static long call_through(sys_call_ptr_t original, const struct pt_regs *regs, unsigned long argument,
			 atomic_long_t *count)
{
	bool counted = is_of_pid();
	long result;

	/* What does not come back is not waited for: rw_syscall_undo() lets it leave this text. */
	if (wanted->returns)
		atomic_inc(&inside);
	if (counted) {
		atomic_long_inc(count);
		say(argument);
	}
	result = original(regs);
	/* No tail call: lead() is to find the return address in this module. */
	barrier();
	if (counted && result < 0)
		atomic_long_inc(&failed);
	if (wanted->returns)
		atomic_dec(&inside);
	return result;
}

static long fake_entry(const struct pt_regs *regs)
{
	return call_through(handler, regs, regs->di, &seen_table);
}

static long fake_x64(const struct pt_regs *regs)
{
	return call_through(handler, regs, regs->di, &seen);
}

static long fake_ia32(const struct pt_regs *regs)
{
	return call_through(handler_ia32, regs, (u32)regs->bx, &seen_ia32);
}

/* In front of either handler: go on in the function, unless it is the function that calls. */
static void notrace lead(unsigned long ip, unsigned long parent_ip, struct ftrace_ops *ops, struct ftrace_regs *fregs)
{
	struct pt_regs *regs = ftrace_get_regs(fregs);

	if (!within_module(parent_ip, THIS_MODULE))
		regs->ip = (unsigned long)(ip - (unsigned long)handler < 16 ? fake_x64 : fake_ia32);
}

static struct ftrace_ops ops = {
	.func = lead,
	.flags = FTRACE_OPS_FL_SAVE_REGS | FTRACE_OPS_FL_IPMODIFY,
};

/*
 * kallsyms_lookup_name() is exported no more, since commit 0bd476e6c671 ("kallsyms: unexport
 * kallsyms_lookup_name() and kallsyms_on_each_symbol()") (in v5.7): a probe finds it.
 */
static int lookup_find(void)
{
	struct kprobe probe = { .symbol_name = "kallsyms_lookup_name" };
	u32 *address;
	int err = register_kprobe(&probe);

	if (err)
		return err;
	address = (u32 *)probe.addr;
	unregister_kprobe(&probe);
	/* A probe stands behind the instruction that marks where an indirect call may lead to. */
	lookup = (void *)(is_endbr(address[-1]) ? address - 1 : address);
	return 0;
}

static int symbols_find(void)
{
	char name[32];
	int err = lookup_find();

	if (err)
		return err;
	table = (void *)lookup("sys_call_table");
	snprintf(name, sizeof(name), "__x64_sys_%s", wanted->name);
	handler = (void *)lookup(name);
	snprintf(name, sizeof(name), "__ia32_sys_%s", wanted->name);
	handler_ia32 = (void *)lookup(name);
	return table && handler && handler_ia32 ? 0 : -ENOENT;
}

/* The table is read-only: it is written by another mapping of its page. */
static int table_set(sys_call_ptr_t entry)
{
	struct page *page = virt_to_page((unsigned long)&table[wanted->nr] & PAGE_MASK);
	void *alias = vmap(&page, 1, VM_MAP, PAGE_KERNEL);

	if (!alias)
		return -ENOMEM;
	WRITE_ONCE(*(sys_call_ptr_t *)(alias + offset_in_page(&table[wanted->nr])), entry);
	vunmap(alias);
	return READ_ONCE(table[wanted->nr]) == entry ? 0 : -EIO;
}

static int ftrace_set(void)
{
	int err = ftrace_set_filter_ip(&ops, (unsigned long)handler, 0, 0);

	if (!err)
		err = ftrace_set_filter_ip(&ops, (unsigned long)handler_ia32, 0, 0);
	if (!err)
		err = register_ftrace_function(&ops);
	if (err)
		ftrace_free_filter(&ops);
	return err;
}

static int count_get(char *buffer, const struct kernel_param *param)
{
	return sysfs_emit(buffer, "%ld\n", atomic_long_read(param->arg));
}

static const struct kernel_param_ops count_ops = { .get = count_get };
module_param_cb(seen_table, &count_ops, &seen_table, 0444);
MODULE_PARM_DESC(seen_table, "calls that came by the table");
module_param_cb(seen, &count_ops, &seen, 0444);
MODULE_PARM_DESC(seen, "calls by the way of 64-bit programs that came by ftrace");
module_param_cb(seen_ia32, &count_ops, &seen_ia32, 0444);
MODULE_PARM_DESC(seen_ia32, "calls by the ways of 32-bit programs that came by ftrace");
module_param_cb(failed, &count_ops, &failed, 0444);
MODULE_PARM_DESC(failed, "calls that came back with an error");

static int entry_get(char *buffer, const struct kernel_param *param)
{
	return table ? sysfs_emit(buffer, "%ps\n", READ_ONCE(table[wanted->nr])) : -EAGAIN;
}

static const struct kernel_param_ops entry_ops = { .get = entry_get };
module_param_cb(entry, &entry_ops, NULL, 0444);
MODULE_PARM_DESC(entry, "the function that the table has for the call");

static int dispatch_set(const char *value, const struct kernel_param *param)
{
	struct pt_regs regs = {};
	unsigned long argument;
	int err = kstrtoul(value, 0, &argument);

	if (err)
		return err;
	if (!table || !wanted->returns)
		return -EOPNOTSUPP;
	regs.di = argument;
	return READ_ONCE(table[wanted->nr])(&regs);
}

static const struct kernel_param_ops dispatch_ops = { .set = dispatch_set };
module_param_cb(dispatch, &dispatch_ops, NULL, 0200);
MODULE_PARM_DESC(dispatch, "make the call with this first argument by the table, as kernels did before v6.9");

static void rw_syscall_undo(void)
{
	if (by_ftrace) {
		unregister_ftrace_function(&ops);
		ftrace_free_filter(&ops);
	}
	if (by_table && table_set(handler))
		pr_err("sys_call_table could not be restored\n");
	/* Who is on the way in is counted before it can sleep; who is on the way out has no sleep before it. */
	synchronize_rcu_tasks();
	while (atomic_read(&inside))
		msleep(10);
	synchronize_rcu_tasks();
}

static int __init rw_syscall_init(void)
{
	unsigned int i;
	int err;

	for (i = 0; i < ARRAY_SIZE(calls) && !wanted; i++)
		if (!strcmp(calls[i].name, call))
			wanted = &calls[i];
	if (!wanted)
		return -EINVAL;
	err = symbols_find();
	if (!err && READ_ONCE(table[wanted->nr]) != handler)
		err = -EBUSY;
	if (!err && by_ftrace)
		err = ftrace_set();
	if (err || !by_table)
		return err;
	err = table_set(fake_entry);
	if (err)
		rw_syscall_undo();
	return err;
}

static void __exit rw_syscall_exit(void)
{
	rw_syscall_undo();
}

module_init(rw_syscall_init);
module_exit(rw_syscall_exit);

MODULE_DESCRIPTION("Ringward test module: intercepts a system call by the table or by ftrace");
MODULE_AUTHOR("The Ringward project");
MODULE_LICENSE("GPL");
