"""The peer: bpftrace with scripts that print the same events."""

from __future__ import annotations

READY = "bpftrace-is-ready"
# The name is read at entry, the result at exit, as Ringward does it.
CALLS = """
tracepoint:raw_syscalls:sys_enter /args->id == 174/ {
  @name[tid] = str(uptr(args->args[0])); @code[tid] = args->args[1]; @len[tid] = args->args[2];
  @mode[tid] = args->args[3]; @flags[tid] = args->args[4];
}
tracepoint:raw_syscalls:sys_exit /args->id == 174/ {
  printf("%llu %d %d %d %s create_module name=%s code=%llx len=%llu mode=%llu flags=%llu = %lld\\n",
    nsecs, pid, tid, uid, comm, @name[tid], @code[tid], @len[tid], @mode[tid], @flags[tid], args->ret);
}
"""
PROGRAMS = """
tracepoint:sched:sched_process_fork {
  printf("%llu %d %d %d %s fork %d\\n", nsecs, pid, tid, uid, comm, args->child_pid);
}
tracepoint:sched:sched_process_exec {
  printf("%llu %d %d %d %s exec %s\\n", nsecs, pid, tid, uid, comm, str(args->filename));
}
tracepoint:sched:sched_process_exit {
  printf("%llu %d %d %d %s exit\\n", nsecs, pid, tid, uid, comm);
}
"""


def command(path: str, script: str) -> tuple[str, ...]:
    """Return the command that prints the events of a script, and first READY."""
    return path, "-q", "-e", f'BEGIN {{ printf("{READY}\\n"); }}{script}'
