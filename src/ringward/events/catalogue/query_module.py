"""The event `query_module`."""

from __future__ import annotations

from typing import Annotated, ClassVar

from ringward.events.args import Args
from ringward.events.catalogue import _syscall
from ringward.events.fields import OPT, TOCTOU, Convert, Hex, K, RacyText, Spec, Tail, U

# include/linux/module.h of Linux 2.4: QM_*
WHICH = {0: "0", 1: "QM_MODULES", 2: "QM_DEPS", 3: "QM_REFS", 4: "QM_SYMBOLS", 5: "QM_INFO"}


def _which(_tail: Tail, value: int) -> str:
    return WHICH.get(value, str(value))


class QueryModule(Args, frozen=True):
    """A call to query_module(2), which Linux has not had since 2.6."""

    group: ClassVar[str] = "modules"
    hooks = (_syscall.raw("query_module"),)
    extra = _syscall.EXTRA
    use_case = ""
    issues = ""
    related = ("create_module", "get_kernel_syms")

    name: Annotated[
        str | None,
        RacyText(
            "const char *",
            "Name of the module; NULL: the kernel.",
            U,
            TOCTOU,
            OPT,
            members=("name", "name_exit"),
        ),
    ]
    which: Annotated[str, Convert("int", "What is asked for.", K, members=("which",), function=_which)]
    buf: Annotated[str, Hex("void *", "Where the answer was to be written.")]
    bufsize: Annotated[int, Spec("size_t", "Room there, bytes.")]
    ret: Annotated[str, Hex("size_t *", "Where the size of the answer was to be written.")]
