"""``ringward guard --mode`` over a holder and a session that are prepared; tests/kernel has it over a kernel."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterable
from pathlib import Path
from typing import Any, ClassVar

import pytest

from ringward.cli import dispatch, guard, guard_run
from ringward.cli.guard_run import EVENTS
from ringward.events import Event
from ringward.guard import launch, programs_status, ready, status
from ringward.guard.protect import Protected
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

    def protect(self, wanted: list[Protected]) -> dict[str, str]:
        self.steps.append("protect")
        self.wanted = wanted
        return {"/nowhere": "No such file or directory"}

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
    ended_by: ClassVar[int] = 0
    last: ClassVar[list[Event]] = []
    counted: ClassVar[Totals] = Totals()

    def __init__(self, holder: Holder | None, shown: Any, heard: Any, only: Any, judge: Any = None) -> None:
        self._holder, self.judge, self.shown, self.heard, self.only = holder, judge, shown, heard, only
        self.info: SensorInfo = info()
        self.totals = self.counted
        self.told = frozenset(self.info.attached)
        self._left = list(self.events)

    def prove(self) -> None:
        if self._holder:
            self._holder.steps.append("prove")
        if self.fault:
            raise SensorError(self.fault)
        if self.ended_by:
            os.kill(os.getpid(), self.ended_by)

    def wake_on(self, _fd: int) -> None:
        pass

    def poll(self, _timeout: float) -> list[Event]:
        found, self._left = self._left, []
        self.heard(found)
        return found

    def close(self) -> list[Event]:
        self.heard(self.last)
        return self.last


@pytest.fixture
def scene(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """Put all of the kernel aside; return the beginning of a command line."""
    for cls, values in (
        (Holder, {"made": [], "missing": {}, "held_failures": {}, "rung": "lsm"}),
        (Session, {"events": [], "fault": "", "ended_by": 0, "last": [], "counted": Totals()}),
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
    assert (holder.enforce, holder.stays, holder.operations) == (True, True, tuple(EVENTS)[:3])
    assert holder.steps == ["attach", ("decide", True), "prove", "take over", "close"]
    assert "mode enforce for 5m, then monitor, unless: ringward guard --confirm" in err
    assert "the kernel part will continue" in err


def test_systemd_is_told_when_it_decides_and_not_before(
    scene: list[str], capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guard_run.unit, "tell_ready", lambda _environment: Holder.made[0].steps.append("ready"))
    assert run(capfd, *scene, "--mode", "enforce")[0] == 0
    assert Holder.made[0].steps == ["attach", ("decide", False), "prove", "take over", "ready", "close"]
    monkeypatch.undo()
    monkeypatch.setenv("NOTIFY_SOCKET", "/nowhere/notify")
    monkeypatch.setattr(guard_run, "_watch", lambda *_: guard_run._tell_ready() or 0)
    monkeypatch.setattr(guard_run, "Holder", Holder)
    monkeypatch.setattr(status, "read", lambda: None)
    assert "systemd cannot be told that it decides: No such file" in run(capfd, *scene, "--mode", "monitor")[2]


def test_what_it_protects_is_told_before_it_decides(
    scene: list[str], capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "other").touch()
    argv = (*scene, "--mode", "enforce", "--for", "unload,self", "--protect", "/usr/bin/true")
    code, _out, err = run(capfd, *argv)
    assert code == 0
    (holder,) = Holder.made
    assert holder.steps[:3] == ["attach", "protect", ("decide", False)]
    assert {Protected(tmp_path / "trust.db"), Protected(Path("/usr/bin/true"))} <= set(holder.wanted)
    assert Protected(launch.PACKAGE, tree=True) in holder.wanted
    assert "/nowhere is not protected: No such file or directory" in err
    assert "shares its directory" in err


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


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_before_the_loop_drops_nothing_that_was_read(
    scene: list[str], capfd: pytest.CaptureFixture[str], tmp_path: Path, number: int
) -> None:
    """It comes when the hooks have been proved: what the sensor has read until then is shown, logged and kept."""
    Session.ended_by = number
    values = {"verdict": "deny", "mode": "enforce", "refused": True, "made_by": "default", "digest": "ef" * 32}
    Session.last = [event("module_verdict", given=values)]
    code, out, err = run(capfd, *scene[:4], "--mode", "enforce", "--json")
    assert code == 0
    assert [json.loads(line)["args"]["digest"] for line in out] == ["ef" * 32]
    assert "1 event shown, 0 filtered, 0 lost" in err
    assert Holder.made[0].steps[-2:] == ["take over", "close"]
    with guard_run.Source(str(tmp_path / "trust.db"), "", {}, frozenset())._store as store:
        rows = store.connection.execute("SELECT hex(digest) FROM pending").fetchall()
    assert rows == [("EF" * 32,)]


@pytest.mark.parametrize("name", ["missing", "lost", "lost_uncounted"])
def test_what_is_not_whole_is_in_the_exit_status(
    scene: list[str], capfd: pytest.CaptureFixture[str], name: str
) -> None:
    if name == "missing":
        Holder.missing = {"unload_verdict": "no bpf"}
    else:
        Session.counted = Totals(**{name: 1})
    assert run(capfd, *scene, "--mode", "monitor")[0] == 3


def test_what_is_weaker_and_what_cannot_be_held_is_said(scene: list[str], capfd: pytest.CaptureFixture[str]) -> None:
    Holder.rung, Holder.held_failures = "fmod_ret", {"dummy": "no function"}
    _code, out, err = run(capfd, *scene, "--mode", "monitor", "--output", "table")
    assert "weaker, without BPF LSM: module_verdict, autoload_verdict, unload_verdict" in "\n".join(out)
    assert "dummy cannot be held: no function" in err


class Judge:
    """Of programs; `weaker`: why user space does it."""

    weaker: ClassVar[str | None] = None
    elsewhere = None
    begun: ClassVar[list[tuple[list[bytes], object]]] = []
    closed: ClassVar[int] = 0

    def close(self) -> None:
        Judge.closed += 1


@pytest.fixture
def judge(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> type[Judge]:
    def begin(digests: Iterable[bytes], *, shared: object) -> Judge:
        Judge.begun.append((list(digests), shared))
        return Judge()

    for function in (programs_status.tell, programs_status.forget, programs_status.read):
        monkeypatch.setattr(function, "__defaults__", (tmp_path / "programs.json",))

    for name, value in {"weaker": None, "begun": [], "closed": 0}.items():
        monkeypatch.setattr(Judge, name, value)
    monkeypatch.setattr(guard_run.programs, "begin", begin)
    monkeypatch.setattr(Holder, "maps", {"events": 3}, raising=False)
    return Judge


def start(**given: Any) -> Event:
    values = {"verdict": "unknown", "digest": "cd" * 32, "role": "program", "path": "/x", "how": "hashed"}
    return event("program_verdict", given=values | {"keeping": "yes"} | given)


@pytest.mark.parametrize(("mode", "seen"), [("learn", "learned"), ("monitor", "denied")])
def test_programs_alone(
    scene: list[str], judge: type[Judge], capfd: pytest.CaptureFixture[str], tmp_path: Path, mode: str, seen: str
) -> None:
    Session.events = [start()]
    code, out, err = run(capfd, *scene, "--mode", mode, "--programs", "--for", "none", "--json")
    assert (code, Holder.made) == (0, [])
    assert [json.loads(line)["event"] for line in out] == ["program_verdict"]
    assert f"mode {mode}: starts of programs are told as long as this process runs, never denied" in err
    ((known, shared),) = judge.begun
    assert (len(known), shared, judge.closed) == (1, None, 1)
    with guard_run.Source(str(tmp_path / "trust.db"), "", {}, frozenset())._store as store:
        rows = store.connection.execute("SELECT hex(digest), seen FROM pending").fetchall()
    assert rows == [("CD" * 32, seen)]


def test_status_tells_of_programs_while_they_are_judged(
    scene: list[str], judge: type[Judge], capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    found: list[programs_status.ProgramsStatus | None] = []
    watch = guard_run._watch

    def during(*args: Any) -> int:
        found.append(programs_status.read())
        assert run(capfd, *scene, "--mode", "monitor", "--programs", "--for", "none")[0] == 4
        return watch(*args)

    monkeypatch.setattr(guard_run, "_watch", during)
    judge.weaker = "no IMA"
    run(capfd, *scene, "--mode", "monitor", "--programs", "--for", "none")
    assert found == [programs_status.ProgramsStatus("monitor", os.getpid(), alive=True, loaded=True, weaker="no IMA")]
    assert programs_status.read() is None


def test_programs_beside_modules_share_the_maps(
    scene: list[str], judge: type[Judge], capfd: pytest.CaptureFixture[str]
) -> None:
    judge.weaker = "no bpf"
    code, _out, err = run(capfd, *scene, "--mode", "monitor", "--programs")
    assert (code, judge.begun[0][1], judge.closed) == (3, Holder.maps, 1)  # type: ignore[attr-defined]
    assert "the kernel part will release; mode monitor: starts" in err
    assert "judged by user space, after their start: later and weaker, because no bpf" in err


def test_starts_are_told_only_where_they_are_judged(
    scene: list[str], judge: type[Judge], capfd: pytest.CaptureFixture[str]
) -> None:
    code, _out, err = run(capfd, *scene, "--mode", "monitor", "-e", "program_verdict")
    assert (code, "-e: the guard tells of" in err, judge.begun) == (2, True, [])
    assert run(capfd, *scene, "--mode", "monitor", "-e", "guard")[0] == 0
    code, _out, err = run(capfd, *scene, "--mode", "monitor", "--for", "none")
    assert (code, "--for: there is no 'none'" in err) == (2, True)


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
