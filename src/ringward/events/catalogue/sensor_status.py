"""The event `sensor_status`."""

from __future__ import annotations

from typing import Annotated, ClassVar

from ringward.events.args import Args
from ringward.events.fields import OPT, K, Spec
from ringward.events.hooks import Hook


class SensorStatus(Args, frozen=True):
    """What the sensor sees, how, and what it lost."""

    group: ClassVar[str] = "stream"
    record: ClassVar[bool] = False
    hooks = (Hook("canary", "sensor", "Ringward makes each hook fire and looks whether the record comes."),)
    use_case = ""
    issues = ""
    related = ("events_lost",)

    state: Annotated[str, Spec("const char *", "attached, missing, deaf, heard (again) or ended.")]
    subject_event: Annotated[str | None, Spec("const char *", "The event that it is about.", K, OPT)]
    attached: Annotated[str | None, Spec("const char *", "Kind of attachment.", K, OPT)]
    where: Annotated[str | None, Spec("const char *", "Kernel function or tracepoint.", K, OPT)]
    reason: Annotated[str | None, Spec("const char *", "Why, as the kernel gave it.", K, OPT)]

    def subject(self) -> str:
        """Return event and state."""
        return f"{self.subject_event or 'sensor'} {self.state}"
