"""The event `sensor_status`."""

from __future__ import annotations

from typing import Annotated, ClassVar

from ringward.events.args import Args
from ringward.events.fields import OPT, K, Spec
from ringward.events.hooks import Hook


class SensorStatus(Args, frozen=True):
    """What the sensor sees, how, and what it lost.

    At the start there is one for each event: `attached`, with the hook that was chosen, or
    `missing`, with the reason as the kernel gave it. While it runs there is one when a hook
    goes `deaf` and when it is `heard` again.

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
        "Only hooks that can be fired without effect have a canary: system calls, program start and end, and now and "
        "then a request and an image that the kernel refuses. Loading and freeing a module is not tried for the sake "
        "of it.\n\n"
        "A canary that is not heard is reported after two seconds, and canaries are half a minute apart: a hook can "
        "be deaf for that long before it is said.\n\n"
        "Whoever can switch hooks off can also end Ringward. This event is for mistakes and for clumsy attackers."
    )
    related = ("events_lost",)

    state: Annotated[str, Spec("const char *", "attached, missing, deaf, heard (again) or ended.")]
    subject_event: Annotated[str | None, Spec("const char *", "The event that it is about.", K, OPT)]
    attached: Annotated[str | None, Spec("const char *", "Kind of attachment.", K, OPT)]
    where: Annotated[str | None, Spec("const char *", "Kernel function or tracepoint.", K, OPT)]
    reason: Annotated[str | None, Spec("const char *", "Why, as the kernel gave it.", K, OPT)]

    def subject(self) -> str:
        """Return event and state."""
        return f"{self.subject_event or 'sensor'} {self.state}"
