from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from ringward.cli import guard, guard_status
from ringward.cli.errors import CannotRunError
from ringward.cli.guard_status import document, lines
from ringward.guard import pins, programs_status
from ringward.guard.layouts import pack, unpack
from ringward.guard.pins import Pins
from ringward.guard.programs_status import ProgramsStatus
from ringward.guard.status import Status
from ringward.sensor import _native
from ringward.sensor.clock import now
from ringward.trust.rules import Mode, Operation
from tests.guard.fake_kernel import Maps, use_maps

SECOND = 1_000_000_000


@pytest.fixture
def no_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs_status, "read", lambda: None)


ON = Status(
    {Operation.MODULES: Mode.ENFORCE, Operation.AUTOLOAD: Mode.MONITOR},
    {"module_verdict": True, "autoload_verdict": True},
    {"module_verdict": "lsm", "autoload_verdict": "fmod_ret"},
    {"unload_verdict": "no \x1b bpf"},
    5,
    77,
    True,
    True,
    True,
    0,
)
STARTS = ProgramsStatus("monitor", 78, True, True, None)


def test_programs() -> None:
    assert list(lines(None, STARTS, 0)) == [
        "guard: off: nothing decides",
        "programs: monitor; starts are judged before they run; none is denied; process: 78, and it ends with that",
    ]
    *_, last = lines(ON, replace(STARTS, weaker="no \x1b IMA"), 0)
    assert "starts are judged later and weaker: no \\x1b IMA; process: 78" in last
    assert "programs: off: process 78 has ended" in lines(ON, replace(STARTS, alive=False), 0)
    *_, last = lines(ON, replace(STARTS, loaded=False), 0)
    assert "NOT LOADED ANY MORE" in last


def test_a_guard_at_work() -> None:
    assert list(lines(ON, None, 0)) == [
        "guard: modules enforce, autoload monitor; 5 rules",
        "process: 77; when it ends the kernel part goes on deciding",
        "  module_verdict: lsm",
        "  autoload_verdict: fmod_ret",
        "  unload_verdict: missing: no \\x1b bpf",
    ]
    assert "process: 77; when it ends the kernel part ends" in lines(replace(ON, stays=False), None, 0)


def test_a_trial() -> None:
    trial = replace(ON, enforce_until=100 * SECOND)
    assert list(lines(trial, None, 40 * SECOND))[1] == "trial: enforcing ends in 60 s"
    assert list(lines(trial, None, 100 * SECOND))[1] == "trial: over: it monitors"


def test_without_its_process() -> None:
    assert "process: 77 has ended; the kernel part goes on deciding, and nobody reads what it tells" in lines(
        replace(ON, alive=False), None, 0
    )


def test_what_does_not_decide_any_more() -> None:
    found = replace(ON, deciding={"module_verdict": False, "autoload_verdict": True})
    assert "  module_verdict: lsm: NOT LOADED ANY MORE" in lines(found, None, 0)
    assert list(lines(replace(ON, deciding={"module_verdict": False}), None, 0)) == [
        "guard: off: nothing decides (process 77 has ended)"
    ]
    assert list(lines(None, None, 0)) == ["guard: off: nothing decides"]


def test_as_json() -> None:
    assert document(None, None) == {"active": False, "programs": None}
    found = json.loads(json.dumps(document(ON, STARTS)))
    assert found["modes"] == {"modules": "enforce", "autoload": "monitor"}
    assert (found["on_end"], found["enforce_until"], found["alive"]) == ("continue", None, True)
    assert found["programs"] == {
        "mode": "monitor",
        "pid": 78,
        "alive": True,
        "loaded": True,
        "weaker": None,
        "active": True,
    }
    assert found["hooks"]["autoload_verdict"] == {"rung": "fmod_ret", "loaded": True}


@pytest.mark.parametrize(
    ("found", "code"),
    [(None, 1), (ON, 0), (replace(ON, deciding={"a": True, "b": False}, rungs={"a": "", "b": ""}), 3)],
)
@pytest.mark.usefixtures("no_programs")
def test_the_exit_status(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], found: Status | None, code: int
) -> None:
    monkeypatch.setattr(guard_status, "read", lambda: found)
    options = guard.make_parser().parse_args(["--status"])
    assert guard_status.main(options) == code
    assert json.loads(capsys.readouterr().out)["active"] == (found is not None)
    options = guard.make_parser().parse_args(["--status", "--output", "table"])
    assert guard_status.main(options) == code
    assert capsys.readouterr().out.startswith("guard: ")


@pytest.mark.parametrize(
    ("starts", "code"),
    [(STARTS, 0), (replace(STARTS, alive=False), 1), (replace(STARTS, loaded=False), 1)],
)
def test_the_exit_status_with_programs_alone(
    monkeypatch: pytest.MonkeyPatch, starts: ProgramsStatus, code: int
) -> None:
    monkeypatch.setattr(guard_status, "read", lambda: None)
    monkeypatch.setattr(programs_status, "read", lambda: starts)
    assert guard_status.main(guard.make_parser().parse_args(["--status"])) == code
    monkeypatch.setattr(guard_status, "read", lambda: ON)
    deaf = starts.alive and not starts.loaded
    assert guard_status.main(guard.make_parser().parse_args(["--status"])) == (3 if deaf else 0)


@pytest.mark.parametrize(
    "fault", [PermissionError(13, "Permission denied"), _native.BpfError(1, "Permission denied", "x", "")]
)
def test_what_cannot_be_looked_at_is_not_off(monkeypatch: pytest.MonkeyPatch, fault: Exception) -> None:
    def fails() -> None:
        raise fault

    monkeypatch.setattr(guard_status, "read", fails)
    with pytest.raises(CannotRunError, match="cannot look at the guard: Permission denied; is it run as root"):
        guard_status.main(guard.make_parser().parse_args(["--status"]))


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Maps:
    monkeypatch.setattr(pins.maps_of, "__defaults__", (tmp_path / "pins",))
    return use_maps(monkeypatch, tmp_path / "pins")


def trial(kernel: Maps, until: int) -> int:
    fd = kernel.made()
    kernel.map_update(fd, bytes(4), pack("guard_policy", {"enforce_until": until, "bank": 1}))
    Pins("b", pins.FOLDER).pin_maps({"guard_policy": fd})
    return fd


def test_a_trial_is_confirmed(kernel: Maps) -> None:
    fd = trial(kernel, now() + 60 * SECOND)
    assert guard_status.confirm() == 0
    found = unpack("guard_policy", kernel.contents[fd][bytes(4)])
    assert (found["enforce_until"], found["bank"]) == (0, 1)


def test_one_that_is_over_is_not(kernel: Maps, capsys: pytest.CaptureFixture[str]) -> None:
    fd = trial(kernel, 5)
    assert guard_status.confirm() == 1
    assert "the trial is over" in capsys.readouterr().err
    assert unpack("guard_policy", kernel.contents[fd][bytes(4)])["enforce_until"] == 5


def test_without_a_trial_there_is_nothing_to_confirm(kernel: Maps) -> None:
    with pytest.raises(CannotRunError, match="no guard is there"):
        guard_status.confirm()
    trial(kernel, 0)
    with pytest.raises(CannotRunError, match="there is no trial"):
        guard_status.confirm()
