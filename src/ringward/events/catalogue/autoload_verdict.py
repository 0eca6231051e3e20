"""The event `autoload_verdict`."""

from __future__ import annotations

from typing import Annotated

from ringward.events.catalogue import _verdict
from ringward.events.fields import Text

_OBJECT = "guard_autoload"
_PURPOSE = "Decides before the kernel starts modprobe."


class AutoloadVerdict(_verdict.Verdict, frozen=True):
    """The guard has judged a request of the kernel for a module.

    Something was used that a module could provide, and the kernel asks for it by name or alias, in
    the task whose action led to it. A request that is refused ends there, with EPERM for the kernel's
    code that asked: modprobe is not started, and whoever used what is missing gets the same error as
    without the module.

    Threads of the kernel are a class of their own: a rule for users does not hold for them, although
    they run as user 0. The requests for templates and drivers of a cipher come from them.
    """

    hooks = (
        _verdict.hook("kernel_module_request", "lsm", _PURPOSE, _OBJECT, ("lsm_judge_request",)),
        _verdict.hook("kernel_module_request", "fmod_ret", _PURPOSE, _OBJECT, ("fmod_ret_judge_request",)),
    )
    extra = frozenset({"pad"})
    use_case = (
        "Find out which aliases this machine asks for, and for whom, before the rest is closed. See which unprivileged "
        "user made the kernel ask for a protocol, file system or cipher that nothing here uses."
    )
    issues = (
        "A request is judged, not what modprobe would load for it: an alias can stand for any module that the "
        "configuration names.\n\n" + _verdict.LIMITS
    )
    related = ("module_request", "module_verdict")

    alias: Annotated[str | None, Text("char *", "What is asked for, a name or an alias.")]

    def subject(self) -> str:
        """Return the verdict and the alias."""
        return f"{self.outcome()}: {self.alias or '?'}"
