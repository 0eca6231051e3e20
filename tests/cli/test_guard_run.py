"""``ringward guard --mode`` over a holder and a session that are prepared; tests/kernel has it over a kernel."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, ClassVar

import pytest

from ringward.cli import dispatch, guard, guard_run
from ringward.cli.guard_run import EVENTS
from ringward.events import Event
from ringward.guard import ready, status
from ringward.guard.ready import Blocked
from ringward.output.system_log import SystemLog
from ringward.sensor.info import Attachment, SensorError, SensorInfo, Totals
from ringward.trust.rules import Mode, Operation
from tests.cli.fake_sensor import info
from tests.guard.test_source import add
from tests.output.event_factory import event


class Holder:
    made: ClassVar[list[Holder]] = []
    missing: ClassVar[dict[str, str]] = {}
    held_failures: ClassVar[dict[str, str]] = {}
    rung: ClassVar[str] = "lsm"

    def __init__(self, operations: tuple[Operation, ...], *, enforce: bool, stays: bool) -> None:
        self.operations, self.enforce, self.stays = operations, enforce, stays
        self.steps: list[Any] = []
        self.attachments = {EVENTS[one]: Attachment(self.rung, "x", "") for one in operations}
        type(self).made.append(self)

    def attach(self) -> None:
        self.steps.append("attach")

    def decide_by(self, policy: Any, _digests: object, modes: Any, until: int) -> None:
        assert policy.modes == modes
        self.steps.append(("decide", bool(until)))

    def take_over(self, told: dict[str, str]) -> None:
        self.steps.append("take over")
        assert set(told) == {"database", "rules"}

    def close(self) -> None:
        self.steps.append("close")


class Session:
    events: ClassVar[list[Event]] = []
    fault: ClassVar[str] = ""
    counted: ClassVar[Totals] = Totals()

    def __init__(self, holder: Holder, shown: Any, heard: Any, only: Any) -> None:
        self._holder, self.shown, self.heard, self.only = holder, shown, heard, only
        self.info: SensorInfo = info()
        self.totals = self.counted
        self._left = list(self.events)

    def prove(self) -> None:
        self._holder.steps.append("prove")
        if self.fault:
            raise SensorError(self.fault)

    def poll(self, _timeout: float) -> list[Event]:
        found, self._left = self._left, []
        self.heard(found)
        return found

    def close(self) -> list[Event]:
        return []


@pytest.fixture
def scene(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """Put all of the kernel aside; return the beginning of a command line."""
    for cls, values in (
        (Holder, {"made": [], "missing": {}, "held_failures": {}, "rung": "lsm"}),
        (Session, {"events": [], "fault": "", "counted": Totals()}),
    ):
        for name, value in values.items():
            monkeypatch.setattr(cls, name, value)
    monkeypatch.setattr(guard_run, "Holder", Holder)
    monkeypatch.setattr(guard_run, "Session", Session)
    monkeypatch.setattr(guard_run, "SystemLog", lambda: SystemLog(tmp_path / "journal", tmp_path / "log"))
    monkeypatch.setattr(guard_run, "_blocked", lambda _policy: [])
    monkeypatch.setattr(status, "read", lambda: None)
    add(tmp_path / "trust.db", "a")
    return ["--database", str(tmp_path / "trust.db"), "--rules", str(tmp_path / "rules"), "--duration", "0.05"]


def run(capfd: pytest.CaptureFixture[str], *argv: str) -> tuple[int, list[str], str]:
    code = dispatch.run("guard", list(argv))
    found = capfd.readouterr()
    return code, found.out.splitlines(), found.err


def test_nothing_is_taken_over_before_it_is_proved(scene: list[str], capfd: pytest.CaptureFixture[str]) -> None:
    code, _out, err = run(capfd, *scene, "--mode", "enforce", "--on-end", "continue", "--try", "5m")
    assert code == 0
    (holder,) = Holder.made
    assert (holder.enforce, holder.stays, holder.operations) == (True, True, tuple(EVENTS))
    assert holder.steps == ["attach", ("decide", True), "prove", "take over", "close"]
    assert "mode enforce for 5m, then monitor, unless: ringward guard --confirm" in err
    assert "the kernel part will continue" in err


def test_a_hook_that_does_not_run_ends_it_before(scene: list[str], capfd: pytest.CaptureFixture[str]) -> None:
    Session.fault = "cannot guard: deaf"
    code, _out, err = run(capfd, *scene, "--mode", "enforce")
    assert (code, err.splitlines()[-1]) == (4, "ringward guard: cannot guard: deaf")
    assert Holder.made[0].steps == ["attach", ("decide", False), "prove", "close"]


def test_what_this_machine_needs_is_not_locked_out(
    scene: list[str], capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    blocked = [Blocked("e1000", "/lib/e1000.ko", ready.LOADED, "it is not trusted\x1b")]
    monkeypatch.setattr(guard_run, "_blocked", lambda _policy: blocked)
    code, _out, err = run(capfd, *scene, "--mode", "enforce")
    assert code == 1
    assert "e1000 (loaded now): it is not trusted\\x1b: /lib/e1000.ko" in err
    assert "enforce is refused: 1 modules" in err
    assert Holder.made == []
    # Where nothing is denied, or no modules are judged, there is nothing to lock out.
    assert run(capfd, *scene, "--mode", "monitor")[0] == 0
    assert run(capfd, *scene, "--mode", "enforce", "--for", "autoload")[0] == 0


def test_verdicts_are_shown_and_kept(scene: list[str], capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    Session.events = [
        event("module_verdict", given={"verdict": "deny", "mode": "monitor", "made_by": "default", "digest": "ab" * 32})
    ]
    code, out, err = run(capfd, *scene, "--mode", "monitor", "--json")
    assert code == 0
    assert [json.loads(line)["event"] for line in out] == ["module_verdict"]
    assert "prove" not in Holder.made[0].steps
    assert "nothing goes to the system's log" in err
    assert "1 event shown, 0 filtered, 0 lost" in err
    with guard_run.Source(str(tmp_path / "trust.db"), "", {}, frozenset())._store as store:
        (row,) = store.connection.execute("SELECT hex(digest), seen FROM pending").fetchall()
    assert row == ("AB" * 32, "denied")


@pytest.mark.parametrize("name", ["missing", "lost"])
def test_what_is_not_whole_is_in_the_exit_status(
    scene: list[str], capfd: pytest.CaptureFixture[str], name: str
) -> None:
    if name == "missing":
        Holder.missing = {"unload_verdict": "no bpf"}
    else:
        Session.counted = Totals(lost=1)
    assert run(capfd, *scene, "--mode", "monitor")[0] == 3


def test_what_is_weaker_and_what_cannot_be_held_is_said(scene: list[str], capfd: pytest.CaptureFixture[str]) -> None:
    Holder.rung, Holder.held_failures = "fmod_ret", {"dummy": "no function"}
    _code, out, err = run(capfd, *scene, "--mode", "monitor", "--output", "table")
    assert "weaker, without BPF LSM: module_verdict, autoload_verdict, unload_verdict" in "\n".join(out)
    assert "dummy cannot be held: no function" in err


def test_other_events_are_not_its_own(scene: list[str], capfd: pytest.CaptureFixture[str]) -> None:
    code, _out, err = run(capfd, *scene, "--mode", "monitor", "-e", "process_exec")
    assert (code, "-e: the guard tells of" in err) == (2, True)
    assert Holder.made == []


def test_no_database_no_guard(scene: list[str], capfd: pytest.CaptureFixture[str]) -> None:
    scene[1] += ".none"
    code, _out, err = run(capfd, *scene, "--mode", "enforce")
    assert (code, "no trust database" in err, Holder.made) == (4, True, [])


def test_the_modes_are_those_of_the_command() -> None:
    assert guard._MODES == {"learn": Mode.LEARN, "monitor": Mode.MONITOR, "enforce": Mode.ENFORCE}
