"""The event `module_request`."""

from __future__ import annotations

from typing import Annotated, ClassVar

from ringward.events.args import Args
from ringward.events.fields import OPT, Convert, K, Tail, Text
from ringward.events.hooks import Hook, Ladder

_OBJECT = "request"

VERDICT: Ladder = (
    Hook(
        "security_kernel_module_request",
        "fentry",
        "Requests that a security module refuses: they never reach the tracepoint.",
        _OBJECT,
        ("fexit_module_request",),
    ),
    Hook(
        "security_kernel_module_request",
        "kprobe",
        "Requests that a security module refuses: they never reach the tracepoint.",
        _OBJECT,
        ("kprobe_module_request", "kretprobe_module_request"),
    ),
)
HELPER: Ladder = (
    Hook(
        "call_usermodehelper_exec, call_usermodehelper_exec_async",
        "fentry",
        "Joins the request to the process that the kernel starts for it, by the address of struct subprocess_info.",
        _OBJECT,
        ("fentry_helper_called", "fentry_helper_started"),
    ),
    Hook(
        "call_usermodehelper_exec, call_usermodehelper_exec_async",
        "kprobe",
        "Joins the request to the process that the kernel starts for it, by the address of struct subprocess_info.",
        _OBJECT,
        ("kprobe_helper_called", "kprobe_helper_started"),
    ),
)


def _wait(tail: Tail, value: int) -> bool | None:
    if value >= 0:
        return bool(value)
    tail.missing("wait", "the request was refused before the kernel reached its tracepoint")
    return None


def _call_site(tail: Tail, value: int) -> str | None:
    if value:
        return hex(value)
    tail.missing("call_site", "the request was refused before the kernel reached its tracepoint")
    return None


class ModuleRequest(Args, frozen=True):
    """The kernel asks user space for a module.

    Something was used that a module could provide: a socket of a protocol family, a file
    system, a device node, a cipher. The kernel asks for it by name or alias, and starts the
    program of the sysctl kernel.modprobe with it. The event happens in the task whose action
    led to the request, with the place in the kernel that asked.

    A request is not a load. modprobe may find nothing, or refuse; what it does load follows as
    events of its own, with this request as the origin in their `load`.

    A request that a security module refuses never reaches the tracepoint. It is seen at
    security_kernel_module_request, and the event has the refusal as its result.
    """

    group: ClassVar[str] = "modules"
    hooks = (
        Hook(
            "module:module_request",
            "tp_btf",
            "Alias, call site, and whether the requester waits.",
            _OBJECT,
            ("tp_btf_module_request",),
        ),
    )
    aids = (VERDICT, HELPER)
    gives = frozenset({"result"})
    extra = frozenset({"request", "result", "pad"})
    use_case = (
        "Learn why a module was loaded: which process asked, for what, from where in the kernel. Learn which modules "
        "an unprivileged user can have loaded, and who does."
    )
    issues = (
        "Not seen: requests that the kernel drops before the tracepoint without a refusal. It does so when "
        "kernel.modprobe is empty, when the alias is longer than 55 bytes, and when 50 requests have been running for "
        "five seconds (kernel/module/kmod.c: __request_module).\n\n"
        "A request that is refused has neither `wait` nor `call_site`: only the tracepoint knows them. Without the "
        "hook of the verdict, refused requests are not seen at all.\n\n"
        "`call_site` is an address of this boot; kernels place themselves anew at each.\n\n"
        "Many requests name aliases that nothing provides. For ciphers the requester is often a thread of the kernel "
        "(cryptomgr_probe), with user 0, and not the process that began it.\n\n"
        "The parent of the modprobe that is started is a kworker, so that ancestry alone says nothing. Request and "
        "process are joined by the address of struct subprocess_info, which lives from the one to the other; without "
        "both of these hooks the origin of the load is unknown, and said to be."
    )
    related = ("usermodehelper", "finit_module", "init_module")

    alias: Annotated[
        str | None,
        Text("const char *", "What is asked for, a name or an alias: net-pf-5, fs-msdos, char-major-10-130."),
    ]
    wait: Annotated[
        bool | None,
        Convert(
            "bool",
            "Whether the requester waits until modprobe has ended (request_module(), request_module_nowait()).",
            K,
            OPT,
            members=("wait",),
            function=_wait,
        ),
    ]
    call_site: Annotated[
        str | None,
        Convert(
            "unsigned long",
            "Address in the kernel from which the request was made.",
            K,
            OPT,
            members=("call_site",),
            function=_call_site,
        ),
    ]

    def subject(self) -> str:
        """Return the alias."""
        return self.alias or ""
