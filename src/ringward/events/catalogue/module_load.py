"""The event `module_load`."""

from __future__ import annotations

from typing import Annotated, ClassVar

from ringward.events.args import Args
from ringward.events.fields import OPT, Convert, Hex, K, Spec, Tail, Text, Texts
from ringward.events.hooks import Hook

# kernel/panic.c: taint_flags[], Documentation/admin-guide/tainted-kernels.rst
_TAINTS = "PFSRMBUDAWCIOELKXTNJ"


def taint_letters(mask: int) -> tuple[str, ...]:
    """Return the letters of a taint mask; unknown bits together as one hexadecimal number."""
    found = tuple(letter for bit, letter in enumerate(_TAINTS) if mask >> bit & 1)
    rest = mask >> len(_TAINTS) << len(_TAINTS)
    return (*found, hex(rest)) if rest else found


def _taints(_tail: Tail, mask: int) -> tuple[str, ...]:
    return taint_letters(mask)


class ModuleLoad(Args, frozen=True):
    """A module is in the kernel and linked; its init has not run yet."""

    group: ClassVar[str] = "modules"
    hooks = (
        Hook(
            "module:module_load",
            "tp_btf",
            "The kernel's struct module, complete, before its init runs.",
            "module",
            ("tp_btf_module_load",),
        ),
    )
    extra = frozenset({"attempt"})
    use_case = ""
    issues = ""
    related = ("finit_module", "init_module", "do_init_module", "module_free")

    name: Annotated[str | None, Text("char[]", "Name of the module.")]
    version: Annotated[str | None, Text("const char *", "MODULE_VERSION, where it has one.", K, OPT)]
    srcversion: Annotated[str | None, Text("const char *", "Checksum of its sources, where it has one.", K, OPT)]
    taints: Annotated[
        tuple[str, ...],
        Convert(
            "unsigned long",
            "Why it taints the kernel, by letter: O out of tree, E unsigned, P proprietary, F forced.",
            K,
            members=("taints",),
            function=_taints,
        ),
    ]
    base: Annotated[str, Hex("void *", "Where its text is.")]
    size: Annotated[int, Spec("unsigned int", "Memory that it takes, init sections included, bytes.")]
    uses: Annotated[tuple[str, ...] | None, Texts("struct list_head", "Modules whose symbols it uses.")]
