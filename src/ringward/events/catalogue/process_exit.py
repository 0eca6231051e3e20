"""The event `process_exit`."""

from __future__ import annotations

from typing import Annotated, ClassVar

from ringward.events.args import Args
from ringward.events.fields import K, Spec, Truth
from ringward.events.hooks import Hook


class ProcessExit(Args, frozen=True):
    """A process ends: its last thread goes.

    The event has the status that the parent will read with wait(2): the exit code, or the
    signal that ended it and whether a core was dumped. Threads that end while others go on are
    not reported, nor are threads of the kernel, nor what the kernel has started and could not
    make a program of (its exec failed).
    """

    group: ClassVar[str] = "programs"
    hooks = (
        Hook(
            "sched:sched_process_exit",
            "tp_btf",
            "The exit code of the thread group, when its last thread goes.",
            "process",
            ("tp_btf_exit",),
        ),
    )
    extra = frozenset({"pad"})
    use_case = "See how a modprobe, or a program that made a module call, ended. See programs that crash."
    issues = (
        "`code` has 8 bits, as wait(2) gives it. What a program passed to exit(2) beyond these is lost to everyone.\n\n"
        "Threads that end at the very same moment can both look like the last one (the kernel counts them down some "
        "steps before the tracepoint), so that one process is reported twice; `process.id` is the same in both.\n\n"
        "The cause of a signal is not in the event: who sent it, or which fault it stands for."
    )
    related = ("process_exec", "process_fork")

    code: Annotated[int, Spec("int", "What it passed to exit(2), low 8 bits; 0 when a signal ended it.")]
    signal: Annotated[int, Spec("int", "The signal that ended it; 0: none.")]
    core_dumped: Annotated[bool, Truth("bool", "A core was dumped.", K)]

    def subject(self) -> str:
        """Return how it ended."""
        return f"signal {self.signal}" if self.signal else f"status {self.code}"
