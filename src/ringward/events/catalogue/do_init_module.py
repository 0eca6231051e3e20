"""The event `do_init_module`."""

from __future__ import annotations

from typing import Annotated, ClassVar

from ringward.events.args import Args
from ringward.events.fields import Text
from ringward.events.hooks import Hook


class DoInitModule(Args, frozen=True):
    """A module's own init function has run."""

    group: ClassVar[str] = "modules"
    hooks = (
        Hook(
            "do_init_module",
            "fentry",
            "The name at entry (a failed init frees the module), result and duration at return.",
            "module",
            ("fentry_do_init_module", "fexit_do_init_module"),
        ),
        Hook(
            "do_init_module",
            "kprobe",
            "The name at entry (a failed init frees the module), result and duration at return.",
            "module",
            ("kprobe_do_init_module", "kretprobe_do_init_module"),
        ),
    )
    extra = frozenset({"attempt", "duration", "result"})
    use_case = ""
    issues = ""
    related = ("module_load", "module_free")

    name: Annotated[str | None, Text("char[]", "Name of the module.")]
