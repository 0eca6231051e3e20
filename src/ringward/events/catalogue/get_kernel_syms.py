"""The event `get_kernel_syms`."""

from __future__ import annotations

from typing import Annotated, ClassVar

from ringward.events.args import Args
from ringward.events.catalogue import _syscall
from ringward.events.fields import Hex


class GetKernelSyms(Args, frozen=True):
    """A call to get_kernel_syms(2), which Linux has not had since 2.6."""

    group: ClassVar[str] = "modules"
    hooks = (_syscall.raw("get_kernel_syms"),)
    extra = _syscall.EXTRA
    use_case = ""
    issues = ""
    related = ("create_module", "query_module")

    table: Annotated[str, Hex("struct kernel_sym *", "Where the symbols were to be written.")]
