"""The event `process_exit`."""

from __future__ import annotations

from typing import Annotated, ClassVar

from ringward.events.args import Args
from ringward.events.fields import Convert, K, Spec
from ringward.events.hooks import Hook


class ProcessExit(Args, frozen=True):
    """A process ends: its last thread goes."""

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
    use_case = ""
    issues = ""
    related = ("process_exec", "process_fork")

    code: Annotated[int, Spec("int", "What it passed to exit(2), low 8 bits; 0 when a signal ended it.")]
    signal: Annotated[int, Spec("int", "The signal that ended it; 0: none.")]
    core_dumped: Annotated[
        bool,
        Convert(
            "bool",
            "A core was dumped.",
            K,
            members=("core_dumped",),
            function=lambda _tail, value: bool(value),
        ),
    ]

    def subject(self) -> str:
        """Return how it ended."""
        return f"signal {self.signal}" if self.signal else f"status {self.code}"
