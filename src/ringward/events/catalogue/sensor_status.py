"""The event `sensor_status`."""

from __future__ import annotations

from typing import Annotated, ClassVar

from ringward.events.args import Args
from ringward.events.fields import K, Spec
from ringward.events.hooks import Hook


class SensorStatus(Args, frozen=True):
    """What the sensor sees, how, and what it lost.

    At the start there is one for each event that was asked for: `attached`, with the hook that
    was chosen, or `missing`, with the reason as the kernel gave it; `missing` also tells of a
    hook that would have added to one of them (``event: function``), and of what the sensor needs
    for its own use (who descends from whom, what a load was asked for). While it runs there is one when a hook
    goes `deaf` and when it is `heard` again, and of a guard's hook that is `unproved`: nothing here makes it decide.

    That a hook is attached does not show that it runs: a sysctl can silence ftrace or kprobes,
    and a BPF LSM program attaches even where `bpf` is not an active security module. Ringward
    therefore makes calls of its own that each hook must see, marked so that they are not shown,
    and reports the hook whose record does not come.
    """

    group: ClassVar[str] = "stream"
    record: ClassVar[bool] = False
    hooks = (Hook("canary", "sensor", "Ringward makes each hook fire and looks whether the record comes."),)
    use_case = (
        "Know what a quiet stream means: nothing happened, or nothing was heard. Keep with a recording how each event "
        "was seen."
    )
    issues = (
        "Only hooks that can be fired without effect have a canary. Those of system calls, program start and program "
        "end have one every half minute; those of digest and request every ten minutes: the ones leave a line in the "
        "kernel's log where it knows no signatures, the others start modprobe. Linking, starting and freeing a module "
        "is not tried for the sake of it: a load that succeeds without its digest, link or init step is what shows "
        "those hooks to be deaf. Hooks that only add to an event have no proof of either kind. A guard that protects "
        "itself makes its own decide every five seconds.\n\n"
        "A canary that is not heard is reported after two seconds. Until the next one a hook can be deaf without a "
        "word.\n\n"
        "Whoever can switch hooks off can also end Ringward. This event is for mistakes and for clumsy attackers."
    )
    related = ("events_lost",)

    state: Annotated[str, Spec("const char *", "attached, missing, deaf, heard (again), unproved or ended.")]
    subject_event: Annotated[
        str | None, Spec("const char *", "The event that it is about.", K, none="the whole sensor")
    ]
    attached: Annotated[str | None, Spec("const char *", "Kind of attachment.", K, none="it is not attached")]
    where: Annotated[str | None, Spec("const char *", "Kernel function or tracepoint.", K, none="it is not attached")]
    reason: Annotated[str | None, Spec("const char *", "Why, as the kernel gave it.", K, none="nothing is wrong")]

    def subject(self) -> str:
        """Return event and state."""
        return f"{self.subject_event or 'sensor'} {self.state}"
