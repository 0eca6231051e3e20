"""The guard while its process runs: the sensor that reads the verdicts, and what follows from them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from ringward.events.catalogue.program_verdict import ProgramVerdict
from ringward.events.catalogue.sensor_status import SensorStatus
from ringward.events.context import Event
from ringward.events.filter import Filter
from ringward.events.registry import BY_NAME
from ringward.guard import dead_calls
from ringward.guard.holder import EVENTS, Holder
from ringward.guard.programs import Judge
from ringward.guard.together import Together
from ringward.sensor.clock import NS, Clock, now
from ringward.sensor.ebpf import own_event
from ringward.sensor.info import SensorError, SensorInfo, Totals
from ringward.sensor.origin import Cause
from ringward.sensor.sensor import Sensor

ASIDE = (
    *("init_module", "finit_module", "delete_module", "module_load", "module_request", "usermodehelper"),
    *dead_calls.EVENTS,
)
"""What the verdicts are joined with: the load that each belongs to, and what led to it; and what is judged here."""

AGAIN_NS = 5 * NS
"""How often hooks are made to decide."""
REFRESH_NS = NS
"""How often it is looked what is mounted."""
PROOF_NS = 10 * NS
"""How long the records of the first canary may take; an emulated machine needs seconds."""


class Session:
    """A sensor of verdicts, in the place of `ringward.sensor.sensor.Sensor`.

    Args:
        holder: of the kernel part; it has a policy. None: only programs are judged.
        shown: events that are passed on; those of the stream always are.
        heard: told of all events, shown or not, at each poll, also when there are none.
        only: what is wanted of what is shown.
        programs: judges starts of programs.

    """

    def __init__(
        self,
        holder: Holder | None,
        shown: Iterable[str],
        heard: Callable[[list[Event]], None],
        only: Filter | None = None,
        programs: Judge | None = None,
    ) -> None:
        self._holder = holder
        self._shown = frozenset(shown) | {name for name, cls in BY_NAME.items() if cls.group == "stream"}
        self._heard = heard
        self._early: list[Event] = []
        self._only = only or Filter()
        attached = holder.attachments if holder else {}
        self._keeps = "unload_verdict" in attached
        self._judged = frozenset(EVENTS.values()) & set(attached)
        self._programs = programs
        self._refreshed = now()
        names = [*sorted(self._judged), *(ASIDE if holder else ()), *(programs.events if programs else ())]
        parts = [part for part in (holder, programs and programs.elsewhere) if part]
        elsewhere = Together(*parts) if len(parts) > 1 else next(iter(parts), None)
        judge = self._judge if "module_verdict" in self._judged else None
        self._sensor = Sensor(names, elsewhere=elsewhere, on_demand=True, judge=judge)
        self.info: SensorInfo = self._sensor.open()
        self._clock = Clock()
        self._proved = 0
        self._attached = {**attached, **(programs.attachments if programs else {})}
        self._silent: dict[str, tuple[str, str]] = {}

    @property
    def told(self) -> frozenset[str]:
        """Names of the events that can come."""
        return frozenset(self.info.attached) | ({ProgramVerdict.event_name()} if self._programs else frozenset())

    @property
    def totals(self) -> Totals:
        """Counts since it opened."""
        return self._sensor.totals

    def prove(self) -> None:
        """Wait until each hook that judges has been made to fire, and was heard.

        Raises:
            SensorError: one does not run, though it is attached.

        """
        self._early = self._sensor.poll(0)
        until = now() + PROOF_NS
        while self._sensor.unheard & self._judged and now() < until:
            self._early += self._sensor.poll(0.1)
        self._proved = now()
        deaf = sorted(self._sensor.unheard & self._judged)
        if self._holder:
            deaf += [*self._holder.deaf(), *self._holder.undecided().values()]
        if deaf:
            raise SensorError(
                f"cannot guard: {', '.join(deaf)}: the hook is attached and does not run; see: ringward doctor"
            )

    def wake_on(self, fd: int) -> None:
        """Let a descriptor that is readable end each `poll`."""
        self._sensor.wake_on(fd)

    def poll(self, timeout: float) -> list[Event]:
        """Return the events that are complete and shown; wait up to `timeout` seconds for one."""
        if self._programs and now() - self._refreshed >= REFRESH_NS:
            self._programs.refresh()
            self._refreshed = now()
        early, self._early = self._early, []
        return self._took([*(early or self._sensor.poll(timeout)), *self._alarms()])

    def _alarms(self) -> list[Event]:
        """Return what has changed with the hooks that are made to decide now and then."""
        if now() - self._proved < AGAIN_NS:
            return []
        self._proved = now()
        before, self._silent = self._silent, self._prove_again()
        self._clock.adjust()
        changed = {label for label, _ in before.items() ^ self._silent.items()}
        return [self._alarm(label) for label in sorted(changed)]

    def _prove_again(self) -> dict[str, tuple[str, str]]:
        """Return the hooks that did not decide just now: state and reason of each."""
        own = self._holder.deaf() if self._holder else []
        deaf = {"self_verdict": ", ".join(own)} if own else {}
        unreached: dict[str, str] = {}
        for part in (self._holder, self._programs):
            if not part:
                continue
            deaf |= part.undecided()
            unreached |= part.unreached
        found = {label: ("unproved", f"cannot be made to decide here: {on}") for label, on in unreached.items()}
        for label, on in deaf.items():
            found[label] = ("deaf", f"attached, and did not decide on a canary: {on}")
        return found

    def _alarm(self, label: str) -> Event:
        how = self._attached[label]
        state, reason = self._silent.get(label, ("heard", None))
        return own_event(self._clock, self.info.host, SensorStatus(state, label, how.rung, how.where, reason))

    def close(self) -> list[Event]:
        """Detach the sensor; return what was still under way."""
        early, self._early = self._early, []
        return self._took([*early, *self._sensor.close()])

    def _judge(self, event: Event, cause: Cause) -> Iterable[Event]:
        """Return the verdict on a call that the kernel part does not see."""
        policy = self._holder.policy_at(event.ktime) if self._holder else None
        return dead_calls.verdicts(event, policy, cause, self._unjoined(cause)) if policy else ()

    def _unjoined(self, cause: Cause) -> str:
        """Return why it is not known that a process was started for no request; "": it is."""
        for name in ("module_request", "usermodehelper"):
            if name in self.info.missing:
                return f"requests are not joined to the processes that are started for them: {self.info.missing[name]}"
        if cause.lost or not self._sensor.totals.is_complete:
            return "records were lost: that the process was started for a request may be among them"
        return ""

    def _took(self, events: list[Event]) -> list[Event]:
        if self._programs:
            events = [one for event in events for one in (event, *self._programs.verdicts(event))]
        self._heard(events)
        for event in events:
            args: Any = event.args
            if self._holder and self._keeps and event.event == "module_load" and args.name is not None:
                self._holder.keep_loaded(args.name)
        shown = [event for event in events if event.event in self._shown]
        kept = [event for event in shown if self._only.match(event)]
        self.totals.filtered += len(shown) - len(kept)
        return kept
