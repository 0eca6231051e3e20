"""The event `module_free`."""

from __future__ import annotations

from typing import Annotated, ClassVar

from ringward.events.args import Args
from ringward.events.catalogue._uevent import UEVENT
from ringward.events.fields import OPT, Hex, K, Text
from ringward.events.hooks import Hook


class ModuleFree(Args, frozen=True):
    """A module leaves the kernel: it was unloaded, or its init failed.

    The event comes in the thread of the call that ended it, delete_module(2) or the one that
    tried to load it, while the kernel's record still stands and before the memory goes. Every
    `module_load` ends with one, or lasts.

    Not seen: loads that fail before `module_load`; the kernel drops these without the
    tracepoint.
    """

    group: ClassVar[str] = "modules"
    hooks = (
        Hook(
            "module:module_free",
            "tp_btf",
            "The kernel's struct module, before its memory goes.",
            "module",
            ("tp_btf_module_free",),
        ),
        UEVENT,
    )
    extra = frozenset({"attempt", "pad"})
    use_case = (
        "See the end of a module's life and tell apart an unload that succeeded from a load whose init failed, by the "
        "event that stands before it in the same lifecycle."
    )
    issues = (
        "A module that takes itself off the kernel's lists to hide does not pass here: it has not left.\n\n"
        "Without eBPF the event is the kernel's uevent, which names the module and nothing else. A module whose init "
        "failed never had one."
    )
    related = ("delete_module", "do_init_module")

    name: Annotated[str | None, Text("char[]", "Name of the module, as its image gave it.")]
    version: Annotated[str | None, Text("const char *", "MODULE_VERSION, where it has one.", K, OPT)]
    srcversion: Annotated[str | None, Text("const char *", "Checksum of its sources, where it has one.", K, OPT)]
    base: Annotated[str | None, Hex("void *", "Where its text was.")]
