"""The event `process_fork`."""

from __future__ import annotations

from typing import Annotated, ClassVar

from ringward.events.args import Args
from ringward.events.fields import Spec
from ringward.events.hooks import Hook


class ProcessFork(Args, frozen=True):
    """A process makes another; new threads are not reported."""

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
    use_case = ""
    issues = ""
    related = ("process_exec", "process_exit")

    child_pid: Annotated[int, Spec("pid_t", "The new process, in the initial pid namespace.")]
    child_start_time: Annotated[int, Spec("u64", "Its start, nanoseconds since boot.")]

    def subject(self) -> str:
        """Return the child."""
        return f"child {self.child_pid}"
