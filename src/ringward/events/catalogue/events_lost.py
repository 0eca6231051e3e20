"""The event `events_lost`."""

from __future__ import annotations

from typing import Annotated, ClassVar

from ringward.events.args import Args
from ringward.events.fields import OPT, K, Spec
from ringward.events.hooks import Hook


class EventsLost(Args, frozen=True):
    """Events that happened and are not in the stream."""

    group: ClassVar[str] = "stream"
    record: ClassVar[bool] = False
    hooks = (Hook("counters", "sensor", "The kernel part counts what found no room; user space finds the gap."),)
    use_case = ""
    issues = ""
    related = ("sensor_status",)

    count: Annotated[int, Spec("u64", "How many.")]
    lost_on: Annotated[int | None, Spec("u32", "On which CPU; null when the kernel does not say.", K, OPT)]
    first_seq: Annotated[int | None, Spec("u64", "First sequence number missing.", K, OPT)]
    last_seq: Annotated[int | None, Spec("u64", "Last sequence number missing.", K, OPT)]
    reason: Annotated[str, Spec("const char *", "Why: the ring was full, the kernel skipped a run.")]

    def subject(self) -> str:
        """Return the count and the reason."""
        return f"{self.count}: {self.reason}"
