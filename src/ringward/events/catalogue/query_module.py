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
    """A call to query_module(2), which Linux has not had since 2.6.

    Until 2.4 it told about modules and their symbols, what /proc/modules, /proc/kallsyms and
    /sys/module tell today. The number (178 on x86-64, 167 for 32-bit callers) has had no
    function behind it since 2.6: the kernel answers ENOSYS. Newer architectures have no number
    for it.

    The raw entry and exit of system calls see every attempt all the same. Modern kmod does not
    make this call.
    """

    group: ClassVar[str] = "modules"
    hooks = _syscall.dead_ladder("query_module")
    gives = _syscall.GIVES
    extra = _syscall.EXTRA
    use_case = "Notice a program that was written for another age, or a hostile one that probes for calls."
    issues = (
        "Nothing in the kernel reads the arguments, so there is no kernel copy of `name` to compare with: another "
        "thread can change the memory after it was read.\n\n"
        "`name` may rightly be NULL, which stood for the kernel itself; it is then null with that reason."
        "\n\n" + _syscall.STOPPED_LIMITS
    )
    related = ("create_module", "get_kernel_syms")

    name: Annotated[
        str | None,
        RacyText(
            "const char *",
            "Name of the module that is asked about; NULL stood for the kernel.",
            U,
            TOCTOU,
            OPT,
            members=("name", "name_exit"),
        ),
    ]
    which: Annotated[
        str,
        Convert(
            "int",
            "What is asked for: QM_MODULES (1), QM_DEPS (2), QM_REFS (3), QM_SYMBOLS (4), QM_INFO (5), or a number.",
            K,
            members=("which",),
            function=_which,
        ),
    ]
    buf: Annotated[str, Hex("void *", "Where the answer was to be written.", U)]
    bufsize: Annotated[int, Spec("size_t", "Room there, bytes.")]
    ret: Annotated[str, Hex("size_t *", "Where the size of the answer was to be written.", U)]
