"""The event `module_free`."""

from __future__ import annotations

from typing import Annotated, ClassVar

from ringward.events.args import Args
from ringward.events.fields import OPT, Hex, K, Text
from ringward.events.hooks import Hook


class ModuleFree(Args, frozen=True):
    """A module leaves the kernel: unloaded, or its load failed late."""

    group: ClassVar[str] = "modules"
    hooks = (
        Hook(
            "module:module_free",
            "tp_btf",
            "The kernel's struct module, before its memory goes.",
            "module",
            ("tp_btf_module_free",),
        ),
    )
    extra = frozenset({"attempt", "pad"})
    use_case = ""
    issues = ""
    related = ("delete_module", "do_init_module")

    name: Annotated[str | None, Text("char[]", "Name of the module.")]
    version: Annotated[str | None, Text("const char *", "MODULE_VERSION, where it has one.", K, OPT)]
    srcversion: Annotated[str | None, Text("const char *", "Checksum of its sources, where it has one.", K, OPT)]
    base: Annotated[str, Hex("void *", "Where its text was.")]
