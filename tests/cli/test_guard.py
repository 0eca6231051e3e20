from __future__ import annotations

import shlex
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ringward.cli import guard, guard_run, guard_status
from ringward.cli.errors import CannotRunError, UsageError
from ringward.guard import pins, programs_status, status
from ringward.guard.status import Status
from ringward.sensor import _native
from ringward.sensor.info import SensorError
from ringward.trust.rules import Mode, Operation

STATUS = Status({}, {"module_verdict": True}, {"module_verdict": "lsm"}, {}, 0, 77, True, True, True, 0)


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Note with what the guard would start; nothing is there before."""
    calls: list[Any] = []
    monkeypatch.setattr(guard_run, "main", lambda *given: calls.append(given) or 0)
    monkeypatch.setattr(status, "read", lambda: None)
    monkeypatch.setattr(programs_status, "read", lambda: None)
    return calls


@pytest.mark.parametrize(
    ("argv", "why"),
    [
        ([], "give one of --mode, --status, --confirm and --off"),
        (["--mode", "monitor", "--status"], "give one of"),
        (["--mode", "monitor", "--for", "programs,x"], "--for: there is no"),
        (["--mode", "monitor", "--for", ","], "--for names nothing"),
        (["--mode", "monitor", "--closed", "x"], "--closed: there is no 'x'"),
        (["--mode", "monitor", "--try", "5m"], "--try is for --mode enforce"),
        (["--mode", "enforce", "--try", "5"], "--try needs a time"),
    ],
)
def test_what_cannot_be_meant(started: list[Any], argv: list[str], why: str) -> None:
    with pytest.raises(UsageError, match=why):
        guard.main(argv)
    assert started == []


def test_what_is_judged_and_how(started: list[Any]) -> None:
    argv = ["--mode", "enforce", "--for", "autoload,modules,autoload", "--closed", "autoload", "--try", "5m"]
    assert guard.main(argv) == 0
    ((_options, modes, closed, trial),) = started
    assert modes == {Operation.AUTOLOAD: Mode.ENFORCE, Operation.MODULES: Mode.ENFORCE}
    assert (closed, trial) == ({Operation.MODULES, Operation.AUTOLOAD}, 300)


def test_programs_are_judged_by_one_process(started: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    there = programs_status.ProgramsStatus("monitor", 78, alive=True, loaded=True, weaker=None)
    monkeypatch.setattr(programs_status, "read", lambda: there)
    with pytest.raises(CannotRunError, match="process 78 judges programs already"):
        guard.main(["--mode", "monitor", "--programs"])
    assert guard.main(["--mode", "monitor"]) == 0
    monkeypatch.setattr(programs_status, "read", lambda: replace(there, alive=False))
    assert guard.main(["--mode", "monitor", "--programs"]) == 0
    assert len(started) == 2


def test_by_default_all_is_judged_and_modules_are_closed(started: list[Any]) -> None:
    guard.main(["--mode", "learn"])
    ((_options, modes, closed, trial),) = started
    assert modes == dict.fromkeys((Operation.MODULES, Operation.AUTOLOAD, Operation.UNLOAD), Mode.LEARN)
    assert (closed, trial) == ({Operation.MODULES}, 0)


def test_a_unit_is_printed_and_nothing_started(
    started: list[Any], capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guard, "_FSTAB", tmp_path / "fstab")
    assert guard.main(["--mode", "enforce", "--print-unit", "--database", "/a b", "--on-end", "continue"]) == 0
    (line,) = (line for line in capsys.readouterr().out.splitlines() if line.startswith("ExecStart="))
    words = shlex.split(line.removeprefix("ExecStart="))
    options = ["--mode", "enforce", "--database", "/a b", "--on-end", "continue"]
    assert words == [sys.executable, "-I", "-m", "ringward", "guard", *options]
    with pytest.raises(UsageError, match="--print-unit is for --mode"):
        guard.main(["--off", "--print-unit"])
    with pytest.raises(UsageError, match="cannot have"):
        guard.main(["--mode", "enforce", "--print-unit", "--database", "a\nb"])
    assert started == []


def test_a_unit_whose_files_wait_for_devices(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fstab = tmp_path / "fstab"
    fstab.write_text("UUID=1 /data ext4 defaults 0 2\nUUID=2 /boot/efi vfat defaults 0 2\n")
    monkeypatch.setattr(guard, "_FSTAB", fstab)
    early, late = ["--mode", "monitor", "--print-unit"], ["--mode", "monitor", "--print-unit", "--database", "/data/x"]
    assert guard.main(early) == 0
    found = capsys.readouterr()
    assert "systemd-udev-trigger.service" in found.out
    assert found.err == ""
    assert guard.main(late) == 0
    found = capsys.readouterr()
    assert "systemd-udev-trigger.service" not in found.out
    assert "it needs /data" in found.err


@pytest.mark.parametrize(("text", "found"), [("90s", 90), ("5m", 300), ("2h", 7200)])
def test_times(text: str, found: int) -> None:
    assert guard.seconds(text) == found


@pytest.mark.parametrize("text", ["", "5", "m", "0s", "-1s", "1.5m", "٣s"])
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(UsageError, match="needs a time"):
        guard.seconds(text)


def test_a_word_on_the_kernels_command_line_keeps_it_off(started: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard.Path, "read_text", lambda *_: "quiet ringward.guard=off\n")
    with pytest.raises(CannotRunError, match=r"ringward\.guard=off is on the kernel's command line"):
        guard.main(["--mode", "monitor"])
    monkeypatch.setattr(guard.Path, "read_text", lambda *_: "quiet ringward.guard=offer\n")
    assert guard.main(["--mode", "monitor"]) == 0


def test_two_do_not_guard_at_once(started: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(status, "read", lambda: STATUS)
    with pytest.raises(CannotRunError, match="process 77 guards already"):
        guard.main(["--mode", "monitor"])
    assert started == []
    gone = Status(**{name: getattr(STATUS, name) for name in STATUS.__slots__} | {"alive": False})
    monkeypatch.setattr(status, "read", lambda: gone)
    assert guard.main(["--mode", "monitor"]) == 0


@pytest.mark.parametrize(
    ("fault", "text"),
    [
        (SensorError("cannot guard modules: why"), "cannot guard modules: why"),
        (PermissionError(13, "Permission denied", "/sys/fs/bpf/x"), "cannot guard: .*Permission denied"),
        (_native.BpfError(7, "Argument list too long", "fill a map", ""), "cannot fill a map: Argument list too long"),
    ],
)
def test_faults_become_one_line(
    started: list[Any], monkeypatch: pytest.MonkeyPatch, fault: Exception, text: str
) -> None:
    def fails(*_: object) -> int:
        raise fault

    monkeypatch.setattr(guard_run, "main", fails)
    with pytest.raises(CannotRunError, match=text):
        guard.main(["--mode", "monitor"])


def test_off(
    started: list[Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(pins, "FOLDER", tmp_path / "pins")
    assert guard.main(["--off"]) == 0
    assert "nothing is pinned" in capsys.readouterr().err
    (tmp_path / "pins/links-1").mkdir(parents=True)
    (tmp_path / "pins/links-1/x").touch()
    monkeypatch.setattr(status, "read", lambda: STATUS)
    assert guard.main(["--off"]) == 0
    assert "process 77 goes on" in capsys.readouterr().err
    assert not (tmp_path / "pins").exists()


def test_off_ends_when_the_programs_have_ended(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(pins, "FOLDER", tmp_path)
    waited: list[frozenset[int]] = []
    monkeypatch.setattr(status, "wait_until_gone", lambda programs, _seconds: waited.append(programs) or ended)
    before = replace(STATUS, alive=False, programs=frozenset({7}))
    monkeypatch.setattr(status, "read", lambda: before)
    ended = True
    assert guard.main(["--off"]) == 0
    assert not tmp_path.exists()
    tmp_path.mkdir()
    ended = False
    with pytest.raises(CannotRunError, match="programs of the guard still decide: something else holds"):
        guard.main(["--off"])
    assert not tmp_path.exists()
    # While its process lives, that holds them.
    tmp_path.mkdir()
    before = replace(before, alive=True)
    assert guard.main(["--off"]) == 0
    assert waited == [{7}, {7}]


def test_the_others_are_handed_on(started: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard_status, "main", lambda _options: 3)
    monkeypatch.setattr(guard_status, "confirm", lambda: 1)
    assert (guard.main(["--status"]), guard.main(["--confirm"])) == (3, 1)
