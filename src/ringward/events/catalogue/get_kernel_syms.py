"""The event `get_kernel_syms`."""

from __future__ import annotations

from typing import Annotated, ClassVar

from ringward.events.args import Args
from ringward.events.catalogue import _syscall
from ringward.events.fields import Hex, U


class GetKernelSyms(Args, frozen=True):
    """A call to get_kernel_syms(2), which Linux has not had since 2.6.

    Until 2.4 it copied the symbols that kernel and modules export to the caller. The number
    (177 on x86-64, 130 for 32-bit callers) has had no function behind it since 2.6: the kernel
    answers ENOSYS. Newer architectures have no number for it.

    The raw entry and exit of system calls see every attempt all the same. Modern kmod does not
    make this call.
    """

    group: ClassVar[str] = "modules"
    hooks = _syscall.dead_ladder("get_kernel_syms")
    gives = _syscall.GIVES
    extra = _syscall.EXTRA
    use_case = "Notice a program that was written for another age, or a hostile one that looks for kernel addresses."
    issues = (
        "There is one argument, an address: the kernel writes nothing there, and Ringward does not read there."
        "\n\n" + _syscall.STOPPED_LIMITS
    )
    related = ("create_module", "query_module")

    table: Annotated[
        str, Hex("struct kernel_sym *", "Where the symbols were to be written; NULL asked for their number.", U)
    ]
