"""The event `usermodehelper`."""

from __future__ import annotations

from typing import Annotated, ClassVar

from ringward.events.args import Args
from ringward.events.catalogue.module_request import HELPER
from ringward.events.fields import Text


class Usermodehelper(Args, frozen=True):
    """The kernel starts a program for a module request; in the new process, before its exec."""

    group: ClassVar[str] = "modules"
    default: ClassVar[bool] = False
    hooks = HELPER
    extra = frozenset({"request", "pad"})
    use_case = ""
    issues = ""
    related = ("module_request", "process_exec")

    path: Annotated[str | None, Text("const char *", "Program that will run: kernel.modprobe.")]

    def subject(self) -> str:
        """Return the program."""
        return self.path or ""
