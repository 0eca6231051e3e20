"""The record `syscall`, of which the event of every system call is made."""

from __future__ import annotations

import struct
from typing import Annotated, ClassVar

from ringward.events.args import Args
from ringward.events.fields import Convert, Spec, Tail, U
from ringward.events.hooks import Hook


def _hex(_tail: Tail, raw: bytes) -> tuple[str, ...]:
    return tuple(hex(value) for value in struct.unpack("<6Q", raw))


class Syscall(Args, frozen=True):
    """Any system call: its event has the call's own name and arguments.

    Ask for it by that name: `ringward watch openat`. The table of calls says which arguments it
    has and of which types; they are read at entry and, where the call writes them, at exit. One
    event tells the whole call, with result and duration, when it returns. A call that takes long is
    shown without a result after a second, and once more when it returns. What is written here is
    the record that all of them are made of.
    """

    group: ClassVar[str] = "calls"
    default: ClassVar[bool] = False
    hooks = (
        Hook(
            "sys_enter, sys_exit, sched_process_exec, sched_process_exit",
            "tp_btf",
            "Arguments at entry, result at exit, for 64-bit, 32-bit and x32 callers; a call that starts another "
            "program is told when that begins; what is kept of a thread goes with it.",
            "syscall",
            ("call_sys_enter", "call_sys_exit", "call_execs", "call_thread_end"),
            every_call=2,
        ),
    )
    gives = frozenset({"abi", "result", "duration"})
    extra = frozenset({"entered", "result", "state", "reads", "cwd", "late"})
    use_case = "See each call of one kind, or of one process: with which arguments, which result, and how long it took."
    issues = (
        "Arguments in user memory are read when the call begins, and again at its end where the page was not in "
        "memory: another thread can change them between that reading and the kernel's. Descriptors are looked up at "
        "entry.\n\n"
        "io_uring opens, removes, reads and writes without system calls: only io_uring_setup, io_uring_enter and "
        "io_uring_register are seen of it; its requests are the event io_uring.\n\n"
        "Calls that the vDSO answers (clock_gettime, gettimeofday, time, getcpu) do not enter the kernel, and are not "
        "seen.\n\n"
        "What seccomp or a tracer stops is seen at exit alone, and has no duration. Calls that do not return (exit, "
        "exit_group, rt_sigreturn) are told at entry and have no result."
    )
    related = ("io_uring", "process_exec", "process_exit")

    nr: Annotated[int, Spec("unsigned int", "Number of the call, without the x32 bit.", U)]
    args: Annotated[
        tuple[str, ...],
        Convert("unsigned long", "The six registers, in order.", U, members=("args",), function=_hex),
    ]
