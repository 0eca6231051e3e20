"""The event `events_limited`."""

from __future__ import annotations

from typing import Annotated, ClassVar

from ringward.events.args import Args
from ringward.events.fields import Spec
from ringward.events.hooks import Hook


class EventsLimited(Args, frozen=True):
    """Events that a rate limit or a sample has left out, as it was asked for.

    `ringward watch --rate read=1000 --sample write=1/100` has the kernel part decide which calls are
    told, before it makes a record of them; likewise of requests of io_uring. All other events are
    needed whole, for ancestry and for the steps of a load, and are left out where they would be shown.
    What is left out is counted, and this event says how many of which event there were since the last
    one. It is no loss, and does not change the exit status.
    """

    group: ClassVar[str] = "stream"
    record: ClassVar[bool] = False
    hooks = (Hook("left_out", "sensor", "What a limit does not let pass is counted, by the kernel part or behind it."),)
    use_case = "Reckon with what is not in a stream that was thinned on purpose."
    issues = (
        "The counts are read once a second: they are told after the events around them.\n\n"
        "What the kernel part cannot decide (globs, executables, containers) is judged behind its limits: of the calls "
        "and requests that it leaves out, some would not have been shown anyway."
    )
    related = ("events_lost", "syscall", "io_uring")

    count: Annotated[int, Spec("u64", "How many.")]
    subject_event: Annotated[str, Spec("const char *", "Of which event.")]
    limit: Annotated[str, Spec("const char *", "What was told of it: one of so many, at most so many a second.")]

    def subject(self) -> str:
        """Return the event and the count."""
        return f"{self.subject_event}: {self.count}"
