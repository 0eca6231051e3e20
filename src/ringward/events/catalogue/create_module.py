"""The event `create_module`."""

from __future__ import annotations

from typing import Annotated, ClassVar

from ringward.events.args import Args
from ringward.events.catalogue import _syscall
from ringward.events.fields import OPT, TOCTOU, Flags, Hex, K, RacyText, Spec, U


class CreateModule(Args, frozen=True):
    """A call to create_module(2), which Linux has not had since 2.6.

    Until 2.4 the call reserved kernel memory for a module: `create_module(const char *name,
    size_t size)`. Its number, 174 on x86-64 and 127 for 32-bit callers, answers ENOSYS today;
    newer architectures have no number for it. An attempt is a sign of a very old program, or of
    one that tries what it finds.

    The five names are those of the documents that Ringward was made from. Two were ever
    real: `name`, and the size, which was the second argument and stands here as `code`.
    """

    group: ClassVar[str] = "modules"
    hooks = (_syscall.raw("create_module"),)
    extra = _syscall.EXTRA
    use_case = (
        "Notice a program that was written for another age, or a hostile one that probes for calls:"
        " nothing on a healthy machine makes this one."
    )
    issues = (
        "Nothing validates the arguments: the kernel has no function behind the number, so that only the raw"
        " entry sees it. `name` is read from user memory and can change; no kernel copy exists to compare it with."
    )
    related = ("init_module", "query_module", "get_kernel_syms", "delete_module")

    name: Annotated[
        str | None,
        RacyText("const char *", "Name of the module.", U, TOCTOU, OPT, members=("name", "name_exit")),
    ]
    name_ptr: Annotated[str, Hex("const char *", "Where the name stands, as the first register gave it.")]
    code: Annotated[str, Hex("void *", "The second register: once the size, in the documents the code.")]
    len: Annotated[int, Spec("unsigned long", "The third register: in the documents the size of the code.", K)]
    mode: Annotated[int, Spec("mode_t", "The fourth register, never an argument of the real call.", K)]
    flags: Annotated[
        tuple[str, ...], Flags("int", "The fifth register, never an argument of the real call.", K, names={})
    ]
