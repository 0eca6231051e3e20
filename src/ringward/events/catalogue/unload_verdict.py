"""The event `unload_verdict`."""

from __future__ import annotations

from typing import Annotated

from ringward.events.catalogue import _verdict
from ringward.events.catalogue.delete_module import FLAGS
from ringward.events.fields import OPT, TOCTOU, Flags, Text, U

_OBJECT = "guard_unload"


class UnloadVerdict(_verdict.Verdict, frozen=True):
    """The guard has judged a removal of a module.

    It is judged where the kernel asks whether the caller has CAP_SYS_MODULE, before it has copied the
    name: by the caller and by the flags, which are in registers. A removal that is refused fails with
    EPERM. A call without the privilege is not judged; the kernel refuses it.

    Modules that a rule protects by name are held by a reference besides, so that a name which another
    thread changes removes none of them: such a call fails with EWOULDBLOCK. The flag that would remove
    a module in use, O_TRUNC, is refused here.
    """

    hooks = (
        _verdict.hook(
            "capable",
            "lsm",
            "Decides where the kernel asks for the privilege, by the caller and the flags.",
            _OBJECT,
            ("lsm_judge_removal",),
        ),
    )
    extra = frozenset({"attempt"})
    use_case = (
        "Keep modules that watch or protect the machine where they are, and learn who wants them gone. See every "
        "removal that is forced."
    )
    issues = (
        "`name` is user memory that another thread can change before the kernel copies it; `delete_module` has the "
        "kernel's copy. What keeps a module is the reference that the guard holds on it.\n\n"
        "Without BPF LSM there is no such hook; the references are held all the same, and a forced removal is not "
        "refused.\n\n" + _verdict.LIMITS
    )
    related = ("delete_module", "module_free")

    name: Annotated[str | None, Text("const char *", "Name of the module, from user memory.", U, TOCTOU, OPT)]
    flags: Annotated[tuple[str, ...], Flags("unsigned int", "How to unload it.", names=FLAGS)]

    def subject(self) -> str:
        """Return the verdict and the module's name."""
        forced = " O_TRUNC" if "O_TRUNC" in self.flags else ""
        return f"{self.outcome()}: {self.name or '?'}{forced}"
