"""Kernel symbols whose import is worth a look: with them a module can change or watch what is not its own.

None of them is proof of anything. Tracers, debuggers, hypervisors and security modules use them, too, and what
they do can mostly be had in other ways. Names are those of Linux 4.19 to 6.12; a name that current kernels do not
export is what an older or an out-of-tree module asks for.
"""

from __future__ import annotations

LOOKUP = "symbol lookup"
MEMORY = "code and page tables"
PROBES = "probes and hooks"
CREDENTIALS = "credentials"
PROGRAMS = "programs and files"
PROCESSES = "memory of processes"
REGISTERS = "processor registers"
INPUT = "keyboard and network"

GROUPS = {
    LOOKUP: "finds what is not exported: any function or variable of the kernel",
    MEMORY: "makes kernel memory writable or executable, or patches code",
    PROBES: "runs its code where other kernel code runs, or replaces that code",
    CREDENTIALS: "changes who a process is",
    PROGRAMS: "starts programs as root, reads and writes files from inside the kernel",
    PROCESSES: "reads and writes memory of processes",
    REGISTERS: "writes control or model specific registers, such as the one with write protection",
    INPUT: "sees key presses or packets before anybody else",
}
"""What each group of symbols is good for."""

_SYMBOLS = {
    # kallsyms_lookup_name and kallsyms_on_each_symbol: not exported since 5.7 (commit 0bd476e6c671).
    LOOKUP: "kallsyms_lookup_name kallsyms_on_each_symbol module_kallsyms_lookup_name "
    "module_kallsyms_on_each_symbol __symbol_get symbol_get find_symbol sys_call_table",
    # set_memory_rw, _ro, _x and _nx: not exported on x86 since 5.1; execmem_alloc came for module_alloc in 6.10.
    MEMORY: "set_memory_rw set_memory_ro set_memory_x set_memory_nx set_memory_rox set_pages_rw set_pages_ro "
    "set_pages_x set_pages_nx set_direct_map_default_noflush text_poke text_poke_bp text_poke_kgdb "
    "aarch64_insn_patch_text patch_text module_alloc execmem_alloc vmalloc_exec __vmalloc_node_range "
    "lookup_address lookup_address_in_pgd apply_to_page_range apply_to_existing_page_range vmap_pfn init_mm "
    "swapper_pg_dir copy_to_kernel_nofault probe_kernel_write stop_machine",
    PROBES: "register_kprobe register_kprobes register_kretprobe register_kretprobes enable_kprobe enable_kretprobe "
    "register_jprobe register_fprobe register_fprobe_ips register_fprobe_syms uprobe_register register_uprobe "
    "uprobe_register_refctr register_ftrace_function register_ftrace_direct ftrace_set_filter ftrace_set_filter_ip "
    "ftrace_set_filter_ips ftrace_set_global_filter ftrace_set_notrace register_ftrace_graph "
    "tracepoint_probe_register tracepoint_probe_register_prio tracepoint_probe_register_prio_may_exist "
    "for_each_kernel_tracepoint register_tracepoint_module_notifier klp_enable_patch klp_register_patch "
    "register_wide_hw_breakpoint register_user_hw_breakpoint perf_event_create_kernel_counter "
    "register_die_notifier register_module_notifier security_add_hooks register_security bpf_prog_get_type_path",
    CREDENTIALS: "commit_creds prepare_kernel_cred prepare_creds override_creds init_cred set_security_override "
    "set_create_files_as",
    PROGRAMS: "call_usermodehelper call_usermodehelper_exec call_usermodehelper_setup kernel_execve filp_open "
    "file_open_name kernel_read kernel_write __kernel_write kernel_read_file kernel_read_file_from_path "
    "kernel_read_file_from_path_initns vfs_read vfs_write __register_binfmt",
    PROCESSES: "access_process_vm __access_process_vm get_task_mm get_user_pages_remote pin_user_pages_remote "
    "find_task_by_vpid find_task_by_pid_ns init_task",
    REGISTERS: "native_write_cr0 native_write_cr4 write_cr0 wrmsr_on_cpu wrmsr_on_cpus wrmsrl_on_cpu "
    "wrmsr_safe_on_cpu wrmsrl_safe_on_cpu wrmsr_safe_regs_on_cpu",
    INPUT: "input_register_handler register_keyboard_notifier register_vt_notifier nf_register_net_hook "
    "nf_register_net_hooks nf_register_hook nf_register_hooks dev_add_pack netdev_rx_handler_register",
}
SENSITIVE = {symbol: group for group, symbols in _SYMBOLS.items() for symbol in symbols.split()}
"""Symbol -> group."""


def sensitive(symbols: list[str]) -> list[tuple[str, str]]:
    """Return symbol and group of those that are worth a look, in their order."""
    return [(symbol, SENSITIVE[symbol]) for symbol in symbols if symbol in SENSITIVE]
