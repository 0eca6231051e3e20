"""The event `delete_module`."""

from __future__ import annotations

from typing import Annotated, ClassVar

from ringward.events.args import Args
from ringward.events.catalogue import _syscall
from ringward.events.fields import OPT, TOCTOU, Convert, Flags, K, RacyText, Tail, Texts, U

# include/uapi/asm-generic/fcntl.h
FLAGS = {0x800: "O_NONBLOCK", 0x200: "O_TRUNC"}


def _refcount(tail: Tail, value: int, reason: int) -> int | None:
    if not reason:
        return value
    tail.missing("refcount", reason)
    return None


class DeleteModule(Args, frozen=True):
    """A call to delete_module(2): unload a module."""

    group: ClassVar[str] = "modules"
    hooks = _syscall.ladder("delete_module")
    aids = (_syscall.NAME_COPY,)
    extra = _syscall.EXTRA
    use_case = ""
    issues = ""
    related = ("module_free", "finit_module", "init_module")

    name: Annotated[
        str | None,
        RacyText(
            "const char *",
            "Name of the module.",
            U,
            TOCTOU,
            OPT,
            members=("name", "name_kernel", "name_exit"),
        ),
    ]
    flags: Annotated[tuple[str, ...], Flags("unsigned int", "O_TRUNC forces the removal.", names=FLAGS)]
    refcount: Annotated[
        int | None,
        Convert(
            "atomic_t",
            "References on the module when the kernel looked it up.",
            K,
            OPT,
            members=("refcount", "refcount_unread"),
            function=_refcount,
        ),
    ]
    holders: Annotated[
        tuple[str, ...] | None,
        Texts("struct list_head", "Modules that use it, when the kernel looked it up.", K, OPT),
    ]
