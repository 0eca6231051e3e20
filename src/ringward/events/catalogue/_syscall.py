"""What the six module system calls have in common: their hooks."""

from __future__ import annotations

from ringward.events.hooks import Hook, Ladder

OBJECT = "module_syscall"
EXTRA = frozenset(
    {"attempt.id", "attempt.entered", "attempt.result", "attempt.state", "attempt.nr", "pad"},
)
GIVES = frozenset({"abi", "result", "duration"})
_NO_CALL = "an attempt that does not reach the call: seccomp or ptrace stops it, or it is x32 where that is off"

STOPPED_LIMITS = (
    "An attempt that seccomp or a tracer stops before the call is seen at its exit alone: `duration` is null, and"
    " strings are read only then. Where seccomp answers with a signal, SIGSYS, the kernel puts the number of the call"
    " where the result would stand, so that `result` is that number. Where seccomp ends one thread of several"
    " (SECCOMP_RET_KILL_THREAD) there is no exit, and nothing is seen."
)
"""What the raw hook sees of an attempt that never reaches the call; part of each page's issues."""


def raw(call: str) -> Hook:
    """Return the hook that every call has, dead ones included."""
    return Hook(
        "sys_enter, sys_exit",
        "tp_btf",
        f"Arguments of `{call}` at entry, its result at exit, for 64-bit, 32-bit and x32 callers;"
        " at exit alone, an attempt that seccomp or ptrace stopped before entry.",
        OBJECT,
        ("tp_btf_sys_enter", "tp_btf_sys_exit"),
        every_call=2,
    )


def dead_ladder(call: str) -> Ladder:
    """Return all hooks of a call that the kernel has no function for (a probe on sys_ni_syscall() never fires)."""
    return (
        raw(call),
        Hook(
            "sys_exit",
            "tp_btf",
            f"Arguments and result of `{call}` at its exit, for 64-bit, 32-bit and x32 callers: the registers are"
            " still those of the entry. For the guard, as each system call of the machine passes here.",
            OBJECT,
            ("tp_btf_sys_exit",),
            "the duration; what a thread has written over the name before the call came back",
            every_call=1,
        ),
    )


def ladder(call: str) -> Ladder:
    """Return all hooks of a call that the kernel has a function for."""
    return (
        raw(call),
        Hook(
            f"__x64_sys_{call}, __ia32_sys_{call}",
            "fentry",
            "Arguments at the function's entry, result at its return, for each kind of caller.",
            OBJECT,
            (f"fentry_x64_{call}", f"fexit_x64_{call}", f"fentry_ia32_{call}", f"fexit_ia32_{call}"),
            _NO_CALL,
        ),
        Hook(
            f"__x64_sys_{call}, __ia32_sys_{call}",
            "kprobe",
            "As fentry, where the kernel has no BPF trampolines.",
            OBJECT,
            (f"kprobe_x64_{call}", f"kretprobe_x64_{call}", f"kprobe_ia32_{call}", f"kretprobe_ia32_{call}"),
            f"{_NO_CALL}; the result where more calls are under way at once than a return probe has places for",
        ),
        Hook(
            f"syscalls:sys_enter_{call}, syscalls:sys_exit_{call}",
            "tracepoint",
            "Arguments at entry, result at exit, of 64-bit callers.",
            OBJECT,
            (f"tracepoint_enter_{call}", f"tracepoint_exit_{call}"),
            f"{_NO_CALL}; 32-bit and x32 callers (arch_trace_is_compat_syscall())",
            every_call=2,
        ),
    )


PARAMS_COPY: Ladder = (
    Hook(
        "strndup_user",
        "fentry",
        "The kernel's own copy of the parameters, before it is parsed: another thread cannot change it.",
        "copies",
        ("fexit_strndup_user",),
    ),
    Hook(
        "strndup_user",
        "kprobe",
        "The kernel's own copy of the parameters, before it is parsed: another thread cannot change it.",
        "copies",
        ("kretprobe_strndup_user",),
    ),
)
FILE_COPY: Ladder = (
    Hook(
        "security_kernel_read_file",
        "fentry",
        "The file that the kernel reads from, whatever the descriptor has become.",
        "copies",
        ("fentry_kernel_read_file",),
    ),
    Hook(
        "security_kernel_read_file",
        "kprobe",
        "The file that the kernel reads from, whatever the descriptor has become.",
        "copies",
        ("kprobe_kernel_read_file",),
    ),
)
NAME_COPY: Ladder = (
    Hook(
        "find_module",
        "fentry",
        "The kernel's own copy of the name; the module's reference count and holders.",
        "copies",
        ("fexit_find_module",),
    ),
    Hook(
        "find_module",
        "kprobe",
        "The kernel's own copy of the name; the module's reference count and holders.",
        "copies",
        ("kprobe_find_module", "kretprobe_find_module"),
    ),
)
