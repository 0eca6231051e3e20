"""The event `process_fork`."""

from __future__ import annotations

from typing import Annotated, ClassVar

from ringward.events.args import Args
from ringward.events.fields import Spec
from ringward.events.hooks import Hook


class ProcessFork(Args, frozen=True):
    """A process makes another; new threads are not reported.

    The event is the parent's, with the number and start time of the child, which has not run
    yet. It comes for fork(2), vfork(2), clone(2) and clone3(2), and for threads that the kernel
    makes for itself, whose parent is kthreadd; the end of these is not reported.

    It is shown when asked for by name, and recorded otherwise only to know who descends from
    whom.
    """

    group: ClassVar[str] = "programs"
    default: ClassVar[bool] = False
    hooks = (
        Hook(
            "sched:sched_process_fork",
            "tp_btf",
            "The parent, and the new process before it runs.",
            "process",
            ("tp_btf_fork",),
        ),
    )
    extra = frozenset({"pad"})
    use_case = "Ancestry: a process that lives too short for /proc still has a parent."
    issues = (
        "There are many of them; a build makes thousands a second.\n\n"
        "The child has its parent's name and program until it execs. A process that never execs has no "
        "`process_exec`.\n\n"
        "The parent is the one that called. A process whose parent ends gets another, and no event says so."
    )
    related = ("process_exec", "process_exit")

    child_pid: Annotated[int, Spec("pid_t", "The new process, in the initial pid namespace.")]
    child_start_time: Annotated[int, Spec("u64", "Start of the new process, nanoseconds since boot.")]

    def subject(self) -> str:
        """Return the child."""
        return f"child {self.child_pid}"
