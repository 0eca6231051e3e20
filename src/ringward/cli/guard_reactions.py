"""What follows from verdicts in user space: nothing in the kernel waits for it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any

from ringward.events.context import Event
from ringward.guard.holder import EVENTS, Holder
from ringward.guard.learn import pending
from ringward.guard.policy import PolicyError
from ringward.guard.source import Source
from ringward.guard.starts import Starts
from ringward.guard.waiting import Waiting
from ringward.output import denial, tty_message
from ringward.output.jsonl import JsonLines
from ringward.output.system_log import Priority, SystemLog
from ringward.sensor import _native
from ringward.sensor.clock import NS, Clock, now
from ringward.trust.entry import Kind
from ringward.trust.rule_files import RulesError
from ringward.trust.rules import Rule
from ringward.trust.store import StoreError

LOOK_NS = NS
"""How often the database and the rules are looked at."""
MOST_ALIASES = 4096
"""That wait for a decision while one guard runs: who has no privilege can make the kernel ask for anything."""
_VERDICTS = frozenset(EVENTS.values())


class Reactions:
    """Keeps what waits for a decision, tells who was refused, writes the log, and follows the policy.

    Args:
        source: of the policy.
        holder: of the kernel part; None: only programs are judged.
        log: of the system.
        say: tells the operator.
        starts: what follows from starts of programs; None: they are not judged.

    """

    def __init__(
        self,
        source: Source,
        holder: Holder | None,
        log: SystemLog,
        say: Callable[[str], None],
        starts: Starts | None = None,
    ) -> None:
        self._source = source
        self._holder = holder
        self._log = log
        self._say = say
        self._starts = starts
        self._clock = Clock()
        self._lines = JsonLines()
        self._aliases = Waiting(MOST_ALIASES)
        self._looked = now()
        self._log_failed = ""

    def take(self, events: list[Event]) -> None:
        """React to events, and now and then to what the time demands and a policy that has changed."""
        if not events and now() - self._looked < LOOK_NS:
            return
        for event in self._starts.fresh(events) if self._starts else ():
            self._write_verdict(event, Priority.NOTICE)
        self._keep(events)
        for event in events:
            if event.event in _VERDICTS:
                self._verdict(event)
            elif event.event == "sensor_status":
                self._status(event)
        self.follow()

    def follow(self) -> None:
        """Decide by the database and the rules as they are, once they have changed."""
        time = now()
        if time - self._looked < LOOK_NS:
            return
        self._looked = time
        try:
            if not self._source.changed():
                return
            policy, digests = self._source.policy()
            if self._holder:
                self._holder.decide_by(policy, digests, policy.modes, None)
            if self._starts:
                self._starts.know(digests)
        except (StoreError, RulesError, PolicyError, sqlite3.Error) as error:
            self._alarm(f"the policy stays as it was: {error}")
        except _native.BpfError as error:
            self._alarm(f"the policy stays as it was: cannot {error.args[2]}: {error.args[1]}")
        else:
            self._say("ringward guard: decides by the changed policy")
            self.write("decides by the changed policy", Priority.NOTICE)
            if self._source.warning:
                self._alarm(self._source.warning)

    def write(self, text: str, priority: Priority, **fields: str) -> None:
        """Write to the system's log; that it cannot be is told once."""
        if self._log.write(text, priority, fields) or self._log.failed == self._log_failed:
            return
        self._log_failed = self._log.failed
        self._say(f"ringward guard: nothing goes to the system's log: {self._log_failed}")

    def _alarm(self, text: str) -> None:
        self._say(f"ringward guard: WARNING: {text}")
        self.write(text, Priority.ALERT)

    def end(self) -> None:
        """Keep what has been gathered."""
        self._keep([], at_once=True)

    def _keep(self, events: list[Event], *, at_once: bool = False) -> None:
        new = []
        for event in events:
            one = pending(event, self._clock.offset)
            if one and one.item.kind != Kind.ALIAS:
                new.append(one)
            elif one and self._aliases.add(one):
                self._alarm(f"{MOST_ALIASES} aliases wait for approval: more are told and logged, and not kept")
        new += self._aliases.due(now(), at_once=at_once)
        new += self._starts.due(now(), at_once=at_once) if self._starts else []
        try:
            self._source.wait(new)
        except StoreError as error:
            self._alarm(f"what waits for approval is not in the database: {error}")

    def _verdict(self, event: Event) -> None:
        args: Any = event.args
        if args.verdict != "deny":
            return
        rule = self._source.rule(args.rule)
        if args.refused and event.process:
            tty_message.tell(event.process, denial.lines(event, rule))
        self._write_verdict(event, Priority.WARNING if args.refused else Priority.NOTICE, rule)

    def _write_verdict(self, event: Event, priority: Priority, rule: Rule | None = None) -> None:
        fields = {"RINGWARD_EVENT": self._lines.encode([event]).decode().rstrip("\n")}
        digest = getattr(event.args, "digest", None)
        if digest:
            fields["RINGWARD_DIGEST"] = digest
        self.write(denial.sentence(event, rule), priority, **fields)

    def _status(self, event: Event) -> None:
        args: Any = event.args
        if args.state == "deaf":
            name = args.subject_event or "the stream"
            what = "does not run any more" if ": " in name else "is not judged any more"
            self._alarm(f"{name} {what}: {args.reason}")
