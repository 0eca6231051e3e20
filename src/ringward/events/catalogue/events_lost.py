"""The event `events_lost`."""

from __future__ import annotations

from typing import Annotated, ClassVar

from ringward.events.args import Args
from ringward.events.fields import OPT, K, Spec
from ringward.events.hooks import Hook

_NO_NUMBER = "what was lost took no number"
NOT_COUNTED = {"count": "nobody has counted them"}
"""`unread` of one that says so."""


class EventsLost(Args, frozen=True):
    """Events that happened and are not in the stream.

    Every record takes a number before it is written, one sequence for each CPU, and the kernel
    part counts each record that found no room. A gap in the numbers that this count confirms is
    a loss, and this event says how many, on which CPU, and between which numbers. A stream
    without this event is complete as far as its hooks saw. Where nobody has counted, `count` is
    null: of uevents that overran their socket and left no number, and of a limit that the kernel
    part has no count of.

    Not seen: what no hook saw. A hook that went deaf is told by `sensor_status`.
    """

    group: ClassVar[str] = "stream"
    record: ClassVar[bool] = False
    hooks = (Hook("counters", "sensor", "The kernel part counts what found no room; user space finds the gap."),)
    use_case = "Know whether a recording is complete before concluding anything from what is not in it."
    issues = (
        "A gap in `seq` alone is no loss: a program that is preempted can write its record after a later one, and "
        "records that Ringward reads without showing them (forks for ancestry, its own canaries) take numbers too.\n\n"
        "Which of the numbers between `first_seq` and `last_seq` are the lost ones is not known when others between "
        "them arrived late.\n\n"
        "The counts are read once a second: a loss is told after the events around it. The kind of event that was "
        "lost is not known.\n\n"
        "Program events leave the last eighth of the ring to all others, so that a flood of programs does not push out "
        "what is told of modules. A flood of module calls can.\n\n"
        "A module call that found no place among those under way (256 at once) keeps its entry and its result, and "
        "loses what is read in between; that is told here as well, without sequence numbers."
    )
    related = ("sensor_status",)

    count: Annotated[int | None, Spec("u64", "How many.", K, OPT)]
    lost_on: Annotated[int | None, Spec("u32", "On which CPU.", K, none="the kernel's count is not of one CPU")]
    first_seq: Annotated[int | None, Spec("u64", "First sequence number missing.", K, none=_NO_NUMBER)]
    last_seq: Annotated[int | None, Spec("u64", "Last sequence number missing.", K, none=_NO_NUMBER)]
    reason: Annotated[str, Spec("const char *", "Why: the ring was full, the kernel skipped a run.")]

    def subject(self) -> str:
        """Return the count and the reason."""
        return f"{'an unknown number' if self.count is None else self.count}: {self.reason}"
