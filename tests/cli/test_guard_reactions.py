from __future__ import annotations

import json
import sqlite3
from typing import Any

import pytest

from ringward.cli import guard_reactions
from ringward.cli.guard_reactions import LOOK_NS, Reactions
from ringward.events import Event, Process
from ringward.guard.policy import PolicyError
from ringward.output.system_log import Priority
from ringward.sensor import _native
from ringward.trust.entry import Pending
from ringward.trust.rule_files import RuleFault, RulesError
from ringward.trust.rules import Action, Rule
from ringward.trust.store import StoreError
from tests.output.event_factory import event
from tests.trust.policies import policy

DIGEST = "ab" * 32


class Source:
    def __init__(self) -> None:
        self.waited: list[Pending] = []
        self.changes = False
        self.fault: Exception | None = None
        self.full = False
        self.warning = ""

    def wait(self, new: list[Pending]) -> None:
        if self.full and new:
            raise StoreError("no room")
        self.waited += new

    def rule(self, name: str | None) -> Rule | None:
        return Rule("r", Action.DENY, message="why not") if name == "r" else None

    def changed(self) -> bool:
        return self.changes

    def policy(self) -> tuple[Any, str]:
        if self.fault:
            raise self.fault
        return policy(), "digests"


class Holder:
    def __init__(self) -> None:
        self.decided: list[tuple[Any, ...]] = []
        self.fault: Exception | None = None

    def decide_by(self, *given: Any) -> None:
        if self.fault:
            raise self.fault
        self.decided.append(given)


class Log:
    def __init__(self) -> None:
        self.entries: list[tuple[str, Priority, dict[str, str]]] = []
        self.failed = ""

    def write(self, text: str, priority: Priority, fields: dict[str, str]) -> bool:
        if self.failed:
            return False
        self.entries.append((text, priority, fields))
        return True


class Scene:
    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.source, self.holder, self.log = Source(), Holder(), Log()
        self.said: list[str] = []
        self.told: list[tuple[Process, list[str]]] = []
        self.time = 0
        monkeypatch.setattr(guard_reactions, "now", lambda: self.time)
        monkeypatch.setattr(
            guard_reactions.tty_message, "tell", lambda who, lines: self.told.append((who, lines)) or True
        )
        self.reactions = Reactions(self.source, self.holder, self.log, self.said.append)  # type: ignore[arg-type]

    def follow(self) -> None:
        self.time += LOOK_NS
        self.reactions.take([])


@pytest.fixture
def scene(monkeypatch: pytest.MonkeyPatch) -> Scene:
    return Scene(monkeypatch)


def verdict(**given: Any) -> Event:
    values = {"verdict": "deny", "refused": True, "mode": "enforce", "made_by": "default", "digest": DIGEST}
    return event("module_verdict", given=values | {"name": "bad", "rule": None} | given)


def test_a_refusal_is_told_logged_and_kept(scene: Scene) -> None:
    made = verdict()
    scene.reactions.take([made])
    ((who, lines),) = scene.told
    assert (who, lines[0]) == (made.process, f"ringward: refused: kernel module bad (sha256 {DIGEST}, from memory)")
    ((text, priority, fields),) = scene.log.entries
    assert text.startswith("refused kernel module bad")
    assert (priority, fields["RINGWARD_DIGEST"]) == (Priority.WARNING, DIGEST)
    assert json.loads(fields["RINGWARD_EVENT"])["event"] == "module_verdict"
    assert [one.item.digest.hex() for one in scene.source.waited] == [DIGEST]


def test_in_monitor_it_is_logged_alone(scene: Scene) -> None:
    scene.reactions.take([verdict(refused=False, mode="monitor", rule="r", made_by="deny rule")])
    assert scene.told == []
    ((text, priority, _fields),) = scene.log.entries
    assert (text.startswith("would refuse"), text.endswith("rule r: why not"), priority) == (
        True,
        True,
        Priority.NOTICE,
    )
    assert scene.source.waited == []


def test_what_passes_and_what_is_no_verdict_is_not(scene: Scene) -> None:
    scene.reactions.take([verdict(verdict="allow", refused=False), event("module_load"), event("events_lost")])
    assert (scene.told, scene.log.entries) == ([], [])


def test_a_deaf_hook_is_an_alarm(scene: Scene) -> None:
    deaf = event("sensor_status", given={"subject_event": "module_verdict", "reason": "switched off"})
    heard = event("sensor_status", given={"state": "heard"})
    scene.reactions.take([deaf, heard])
    assert scene.said == ["ringward guard: WARNING: module_verdict is not judged any more: switched off"]
    assert [priority for _text, priority, _ in scene.log.entries] == [Priority.ALERT]


def test_it_looks_once_a_second(scene: Scene) -> None:
    scene.source.changes = True
    scene.reactions.take([])
    assert scene.holder.decided == []
    scene.follow()
    assert len(scene.holder.decided) == 1
    made, digests, modes, until = scene.holder.decided[0]
    # The end of a trial stays as it is.
    assert (digests, modes, until) == ("digests", made.modes, None)
    assert scene.said == ["ringward guard: decides by the changed policy"]
    scene.source.changes = False
    scene.follow()
    assert len(scene.holder.decided) == 1


@pytest.mark.parametrize(
    "fault",
    [
        StoreError("damaged"),
        RulesError([RuleFault("f", 1, "why")]),
        PolicyError("racy"),
        sqlite3.OperationalError("locked"),
        _native.BpfError(7, "Argument list too long", "fill a map", ""),
    ],
)
def test_a_policy_that_cannot_be_used_leaves_the_last_one_loudly(scene: Scene, fault: Exception) -> None:
    scene.source.changes, scene.source.fault = True, fault
    scene.follow()
    assert scene.holder.decided == []
    assert "WARNING: the policy stays as it was: " in scene.said[0]
    assert scene.log.entries[0][1] is Priority.ALERT


def test_one_that_the_kernel_does_not_take_too(scene: Scene) -> None:
    scene.source.changes = True
    scene.holder.fault = _native.BpfError(12, "Cannot allocate memory", "make a map", "")
    scene.follow()
    assert "stays as it was: cannot make a map: Cannot allocate memory" in scene.said[0]


def test_the_last_good_copy_is_said(scene: Scene) -> None:
    scene.source.changes, scene.source.warning = True, "its copy took its place"
    scene.follow()
    assert scene.said[-1] == "ringward guard: WARNING: its copy took its place"


def test_a_database_that_takes_nothing(scene: Scene) -> None:
    scene.source.full = True
    scene.reactions.take([verdict()])
    assert "what waits for approval is not in the database: no room" in scene.said[0]
    # Told and logged it is all the same.
    assert scene.told
    assert len(scene.log.entries) == 2


def asked(number: int) -> Event:
    values = {"verdict": "deny", "refused": True, "mode": "enforce", "made_by": "default", "rule": None}
    return event("autoload_verdict", given=values | {"alias": f"fs-{number}"})


def test_aliases_are_gathered_and_have_a_limit(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who has no privilege can make the kernel ask for anything."""
    monkeypatch.setattr(guard_reactions, "MOST_ALIASES", 3)
    scene.reactions = Reactions(scene.source, scene.holder, scene.log, scene.said.append)  # type: ignore[arg-type]
    scene.reactions.take([asked(number) for number in range(5)])
    assert scene.source.waited == []
    scene.time += LOOK_NS
    scene.reactions.take([asked(9), asked(1)])
    assert [one.item.name for one in scene.source.waited] == ["fs_0", "fs_1", "fs_2"]
    assert [line for line in scene.said if "aliases wait" in line] == [
        "ringward guard: WARNING: 3 aliases wait for approval: more are told and logged, and not kept"
    ]
    # Each is told to who was refused, all the same.
    assert len(scene.told) == 7


def test_a_log_that_takes_nothing_is_said_once(scene: Scene) -> None:
    scene.log.failed = "no socket"
    scene.reactions.take([verdict(), verdict()])
    assert scene.said == ["ringward guard: nothing goes to the system's log: no socket"]
