"""The event `usermodehelper`."""

from __future__ import annotations

from typing import Annotated, ClassVar

from ringward.events.args import Args
from ringward.events.catalogue.module_request import HELPER
from ringward.events.fields import Text


class Usermodehelper(Args, frozen=True):
    """The kernel starts a program for a module request.

    Seen in the new process, before it becomes modprobe: this is the step that joins a request
    to the process that acts on it. Programs that the kernel starts for other reasons (core
    dumps, cgroup release, key requests) are not reported.
    """

    group: ClassVar[str] = "modules"
    default: ClassVar[bool] = False
    hooks = HELPER
    extra = frozenset({"request", "pad"})
    use_case = (
        "See that a request led to a process, and which: what that process loads was asked for by the requester. "
        "Shown only when asked for by name, as the origin of each load already says it."
    )
    issues = (
        "Not seen: the end of the helper. `process_exit` has its status, unless the helper never became a program: "
        "where kernel.modprobe names a file that cannot be run, there is neither a `process_exec` nor a "
        "`process_exit`.\n\n"
        "The path is the kernel's own string. A kernel with CONFIG_STATIC_USERMODEHELPER starts one fixed program, "
        "whatever kernel.modprobe says.\n\n"
        "The hooks are a pair, and both must fire: the first one is in the requester, the second in the new task. A "
        "request whose requester was not seen has no helper event."
    )
    related = ("module_request", "process_exec")

    path: Annotated[str | None, Text("const char *", "Program that will run: kernel.modprobe.")]

    def subject(self) -> str:
        """Return the program."""
        return self.path or ""
