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
    """The kernel asks user space for a module."""

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
    extra = frozenset({"request", "result", "pad"})
    use_case = ""
    issues = ""
    related = ("usermodehelper", "finit_module", "init_module")

    alias: Annotated[str | None, Text("const char *", "What is asked for: a name or an alias.")]
    wait: Annotated[
        bool | None,
        Convert("bool", "Whether the requester waits.", K, OPT, members=("wait",), function=_wait),
    ]
    call_site: Annotated[
        str | None,
        Convert(
            "unsigned long",
            "Address in the kernel that asked.",
            K,
            OPT,
            members=("call_site",),
            function=_call_site,
        ),
    ]

    def subject(self) -> str:
        """Return the alias."""
        return self.alias or ""
