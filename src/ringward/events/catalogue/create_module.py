"""The event `create_module`."""

from __future__ import annotations

from typing import Annotated, ClassVar

from ringward.events.args import Args
from ringward.events.catalogue import _syscall
from ringward.events.fields import OPT, TOCTOU, Flags, Hex, Joined, K, RacyText, Spec, U


class CreateModule(Args, frozen=True):
    """A call to create_module(2), which Linux has not had since 2.6.

    Until 2.4 `create_module(const char *name, size_t size)` reserved kernel memory for a
    module, which init_module(2) then filled. The number (174 on x86-64, 127 for 32-bit callers)
    has had no function behind it since 2.6: the kernel answers ENOSYS. Newer architectures,
    arm64 among them, have no number for it.

    The raw entry and exit of system calls see every attempt all the same, with its arguments
    and its result. An attempt today is a sign of a very old program, or of one that tries what
    it finds.

    The arguments have the five names of the document that Ringward was made from, in the order
    of the registers. Two were ever real: `name`, and the size, which was the second argument
    and stands here as `code`.
    """

    group: ClassVar[str] = "modules"
    hooks = _syscall.dead_ladder("create_module")
    gives = _syscall.GIVES
    extra = _syscall.EXTRA
    use_case = (
        "Notice a program that was written for another age, or a hostile one that probes for calls: nothing on a "
        "healthy machine makes this one."
    )
    issues = (
        "Nothing in the kernel reads the arguments, so there is no kernel copy of `name` to compare with: another "
        "thread can change the memory after it was read. `code`, `len`, `mode` and `flags` are whatever the registers "
        "held.\n\n"
        "The document that this page follows says more that is wrong: the call never took code, and never compiled or "
        "started anything; `sys_init_module`, which it names as the hook, belongs to another call and never saw this "
        "one; and no kernel with BPF has the call, so that there is nothing to validate or to subvert."
        "\n\n" + _syscall.STOPPED_LIMITS
    )
    related = ("init_module", "query_module", "get_kernel_syms", "delete_module")

    name: Annotated[
        str | None,
        RacyText("const char *", "Name of the module to be made.", U, TOCTOU, OPT, members=("name", "name_exit")),
    ]
    name_ptr: Annotated[
        str, Hex("const char *", "Where the name stands in the caller's memory: the first register.", U)
    ]
    code: Annotated[
        str, Hex("void *", "The second register: the size in the real call, a pointer to the code in the document.", U)
    ]
    len: Annotated[
        int,
        Spec(
            "unsigned long",
            "The third register, never an argument of the real call; in the document the size of the code.",
            K,
        ),
    ]
    mode: Annotated[
        int,
        Spec(
            "mode_t", "The fourth register, never an argument of the real call; in the document access privileges.", K
        ),
    ]
    flags: Annotated[
        tuple[str, ...],
        Flags("int", "The fifth register, never an argument of the real call; bits as one number.", K, names={}),
    ]
    name_is_loaded: Annotated[
        bool | None, Joined("bool", "Whether a module of this name is in the kernel at the time.", K, OPT)
    ]
