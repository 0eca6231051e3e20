"""The event `module_load`."""

from __future__ import annotations

from typing import Annotated, ClassVar

from ringward.events.args import Args
from ringward.events.catalogue._uevent import UEVENT
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
    """A module is in the kernel and linked; its init has not run yet.

    The kernel has accepted the image, resolved its symbols, set its parameters and made it
    visible in /sys/module. The event has the kernel's own record of it. It comes in the thread
    of the call that loads the module, before do_init_module(), and so before the module could
    hide itself from lists.

    Not seen: modules that are built in, and loads that fail earlier; those have the attempt and
    its result, and where the kernel got as far as a copy of the image, a `module_digest`.
    """

    group: ClassVar[str] = "modules"
    hooks = (
        Hook(
            "module:module_load",
            "tp_btf",
            "The kernel's struct module, complete, before its init runs.",
            "module",
            ("tp_btf_module_load",),
        ),
        UEVENT,
    )
    extra = frozenset({"attempt"})
    use_case = (
        "Keep the list of what was loaded: name, version, srcversion and taint as the kernel has them, next to the "
        "digest and the call. Watch for taint E (unsigned), O (out of tree) and F (forced)."
    )
    issues = (
        "`name` is what the image says of itself. It need not be the file's name.\n\n"
        "Code of the module can have run before this event: functions that the module registers for setting its "
        "parameters are called while the parameters are parsed.\n\n"
        "`version` and `srcversion` are there only where the module was built with them; both are claims of the "
        "image.\n\n"
        "`taints` is the module's own mask at this moment; its init can add to it. Kernels without CONFIG_MODULE_SIG "
        "never set E.\n\n"
        "`uses` has at most 64 names, and only modules whose symbols this one refers to. What modprobe loads for soft "
        "dependencies is not among them.\n\n"
        "`size` counts the init sections too, as /proc/modules does while a module loads; they are freed after init. "
        "`base` is that of the text, and readable by whoever can read this event."
    )
    related = ("finit_module", "init_module", "do_init_module", "module_free")

    name: Annotated[str | None, Text("char[]", "Name of the module, as its image gives it.")]
    version: Annotated[str | None, Text("const char *", "MODULE_VERSION, where it has one.", K, OPT)]
    srcversion: Annotated[str | None, Text("const char *", "Checksum of its sources, where it has one.", K, OPT)]
    taints: Annotated[
        tuple[str, ...] | None,
        Convert(
            "unsigned long",
            "Why it taints the kernel, by letter: O out of tree, E unsigned, P proprietary, F forced.",
            K,
            members=("taints",),
            function=_taints,
        ),
    ]
    base: Annotated[str | None, Hex("void *", "Where its text is.")]
    size: Annotated[int | None, Spec("unsigned int", "Memory that it takes, init sections included, bytes.")]
    uses: Annotated[tuple[str, ...] | None, Texts("struct list_head", "Modules whose symbols it uses, at most 64.")]
