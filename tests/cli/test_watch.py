"""``ringward watch`` over a sensor of prepared events; tests/test_command.py has it over a kernel."""

from __future__ import annotations

import json
import os
import subprocess
import threading
from pathlib import Path

import pytest

from ringward.cli import dispatch
from ringward.events.latency import Tally
from ringward.events.registry import GROUPS
from ringward.output.recording import Recording
from ringward.sensor import tracefs
from ringward.sensor.info import Totals
from ringward.sensor.limits import Limit
from tests.cli.fake_sensor import FakeSensor, info
from tests.output.event_factory import event, load


def ringward(capfd: pytest.CaptureFixture[str], *argv: str) -> tuple[int, list[str], list[str]]:
    status = dispatch.run("watch", list(argv))
    found = capfd.readouterr()
    return status, found.out.splitlines(), found.err.splitlines()


def test_the_first_screen_the_table_and_the_summary(
    sensor: type[FakeSensor], capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    sensor.batches = [[event(load=load(), result=0)]]
    sensor.counted = Totals(1, 5, 0)
    status, out, err = ringward(capfd, "--output", "table", "--duration", "0.1")
    assert status == 0
    assert out[0].startswith("Ringward ")
    assert out[-3] == "waiting; try: ringward watch -- modprobe dummy"
    assert out[-2].startswith("TIME ")
    assert out[-1].split()[3:6] == ["finit_module", "dummy", "ok"]
    assert err == ["1 event shown, 5 filtered, 0 lost"]


def test_without_modules_another_command_is_proposed(
    sensor: type[FakeSensor], capfd: pytest.CaptureFixture[str]
) -> None:
    sensor.told = info(modules=None, modules_unread="this kernel has no module support (no /proc/modules)")
    _, out, _ = ringward(capfd, "--output", "table", "--duration", "0.1")
    assert "waiting; try: ringward watch -- true" in out


def test_a_system_call_that_this_kernel_lacks_is_a_fault_of_usage(
    sensor: type[FakeSensor], capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tracefs, "names", lambda: frozenset({"openat", "newuname"}))
    status, _, err = ringward(capfd, "openat", "open_tree", "--duration", "0.05")
    assert status == 2
    assert err[0].startswith(
        "ringward watch: this kernel has no such system call: no system call named 'open_tree'; did"
    )
    assert ringward(capfd, "-q", "openat", "uname", "waitpid", "--duration", "0.05")[0] == 0
    monkeypatch.setattr(tracefs, "names", lambda: None)
    assert ringward(capfd, "-q", "open_tree", "--duration", "0.05")[0] == 0


def test_buffers_are_read_when_asked_for(sensor: type[FakeSensor], capfd: pytest.CaptureFixture[str]) -> None:
    assert ringward(capfd, "-q", "write", "-s", "32", "--duration", "0.05")[0] == 0
    assert sensor.made[-1].head == 32
    assert ringward(capfd, "-q", "write", "-s", "2000")[0] == 2


def test_in_a_pipe_there_is_json_alone(sensor: type[FakeSensor], capfd: pytest.CaptureFixture[str]) -> None:
    sensor.batches = [[event()]]
    sensor.told = info(missing={"module_load": "why"})
    _, out, err = ringward(capfd, "--duration", "0.05")
    assert [json.loads(line)["event"] for line in out] == ["finit_module"]
    assert err == ["ringward watch: not seen: module_load: why", "1 event shown, 0 filtered, 0 lost"]


def test_quiet_is_quiet_but_not_about_losses(sensor: type[FakeSensor], capfd: pytest.CaptureFixture[str]) -> None:
    assert ringward(capfd, "-q", "--duration", "0.05") == (0, [], [])
    sensor.counted = Totals(1, 0, 3)
    assert ringward(capfd, "-q", "--duration", "0.05") == (3, [], ["0 events shown, 0 filtered, 3 lost"])
    sensor.counted = Totals(lost_uncounted=1)
    unknown = "0 events shown, 0 filtered, an unknown number lost"
    assert ringward(capfd, "-q", "--duration", "0.05") == (3, [], [unknown])


def test_lines_are_asked_for_where_nothing_else_is_needed(
    sensor: type[FakeSensor], capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    lines = ["--output", "jsonl"]
    others = (["--output", "table"], ["-c"], [*lines, "--count", "1"], [*lines, "--record", str(tmp_path / "r")])
    for argv in (lines, *others):
        assert ringward(capfd, "--duration", "0.02", *argv)[0] == 0
    assert [one.lines is not None for one in sensor.made] == [True, False, False, False, False]


def test_what_the_sensor_is_asked_for(sensor: type[FakeSensor], capfd: pytest.CaptureFixture[str]) -> None:
    mine = str(os.getpid())
    for argv in (
        ["-e", "finit_module", "--hook", "kprobe", "--comm", "a", "--failed"],
        ["-p", mine],
        ["-p", mine, "-f"],
        ["-p", f"{mine},1", "-f"],
        ["--", "true"],
        ["-f", "--", "true"],
    ):
        assert ringward(capfd, "--duration", "0.02", *argv)[0] == 0
    plain, pid, follow, several, command, same = sensor.made
    assert {"finit_module", *GROUPS["stream"]} == set(plain.names)
    assert plain.hook == "kprobe"
    assert plain.only
    assert (plain.only.comms, plain.only.failed, plain.follow) == (("a",), True, None)
    assert pid.only
    assert (pid.only.pids, pid.only.follow, pid.follow) == ({os.getpid()}, False, None)
    assert follow.only
    assert (follow.only.pids, follow.follow) == (frozenset(), os.getpid())
    assert several.only
    assert (several.only.pids, several.only.follow, several.follow) == ({1, os.getpid()}, True, None)
    for one in (command, same):
        assert one.follow is not None
        assert one.only
        assert one.only.pids == frozenset()


def test_a_command_has_its_status_and_its_output_and_events_go_to_standard_error(
    sensor: type[FakeSensor], capfd: pytest.CaptureFixture[str]
) -> None:
    sensor.batches = [[event()]]
    status, out, err = ringward(capfd, "-q", "--", "sh", "-c", "echo mine; exit 42")
    assert (status, out) == (42, ["mine"])
    assert [json.loads(line)["event"] for line in err] == ["finit_module"]


def test_a_summary_of_calls_is_asked_of_the_kernel(
    sensor: type[FakeSensor], capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    tally = Tally()
    tally.add(-9, 1000)
    sensor.tallies = {"close": tally}
    status, out, err = ringward(capfd, "calls", "-c", "--duration", "0.1")
    assert status == 0
    assert [line.split()[3:5] for line in out if line.endswith(" close")] == [["1", "1"]]
    assert "1 event shown, 0 filtered, 0 lost" in err
    # What is recorded, or counted towards an end, is told one by one.
    ringward(capfd, "calls", "-c", "--duration", "0.1", "--record", str(tmp_path / "record"))
    ringward(capfd, "calls", "-c", "--duration", "0.1", "--count", "5")
    ringward(capfd, "calls", "--duration", "0.1")
    assert [one.counting for one in sensor.made] == [True, False, False, False]


def test_limits_reach_the_sensor_and_the_last_line(sensor: type[FakeSensor], capfd: pytest.CaptureFixture[str]) -> None:
    sensor.counted = Totals(limited=9)
    argv = ("read", "write", "--duration", "0.05", "--rate", "read=5", "--sample", "write=1/2")
    _, _, err = ringward(capfd, *argv)
    assert sensor.made[0].limits == {"read": Limit(5), "write": Limit(0, 2)}
    assert err[-1] == "0 events shown, 0 filtered, 0 lost, 9 left out by --rate or --sample"


def test_with_o_the_events_of_a_command_go_to_the_file(
    sensor: type[FakeSensor], capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    sensor.batches = [[event()]]
    target = tmp_path / "out"
    assert ringward(capfd, "-q", "-o", str(target), "--", "true") == (0, [], [])
    assert json.loads(target.read_text())["event"] == "finit_module"


@pytest.mark.parametrize(("argv", "status"), [(["no-such-program"], 127), (["/etc"], 126)])
def test_a_command_that_cannot_run(
    sensor: type[FakeSensor], capfd: pytest.CaptureFixture[str], argv: list[str], status: int
) -> None:
    found, out, err = ringward(capfd, "--", *argv)
    assert (found, out) == (status, [])
    assert err[0].startswith(f"ringward watch: cannot run '{argv[0]}': ")
    assert sensor.made[0].closed


def test_losses_and_a_degraded_sensor_are_status_3(sensor: type[FakeSensor], capfd: pytest.CaptureFixture[str]) -> None:
    sensor.counted = Totals(0, 0, 1)
    assert ringward(capfd, "--duration", "0.02")[0] == 3
    sensor.counted = Totals()
    sensor.told = info(degraded="no eBPF: be root")
    status, _, err = ringward(capfd, "--duration", "0.02")
    assert status == 3
    assert err[0] == "ringward watch: degraded: no eBPF: be root, or try: ringward replay"
    assert err[1].endswith(" lost"), "one line, then the summary"
    # A command's status is its own.
    assert ringward(capfd, "--", "true")[0] == 0


def test_a_thread_stands_for_its_process_and_that_is_said(
    sensor: type[FakeSensor], capfd: pytest.CaptureFixture[str]
) -> None:
    over = threading.Event()
    thread = threading.Thread(target=over.wait)
    thread.start()
    try:
        said = ringward(capfd, "-p", str(thread.native_id), "--duration", "0.02")[2]
        quiet = ringward(capfd, "-q", "-f", "-p", f"{thread.native_id},{os.getpid()}", "--duration", "0.02")[2]
    finally:
        over.set()
        thread.join()
    assert said[0] == f"ringward watch: {thread.native_id} is a thread of process {os.getpid()}, which is watched whole"
    assert quiet == []
    plain, follow = sensor.made
    assert plain.only
    assert plain.only.pids == {os.getpid()}
    # Both numbers are the same process.
    assert follow.follow == os.getpid()


def test_events_that_could_not_be_judged_are_told(sensor: type[FakeSensor], capfd: pytest.CaptureFixture[str]) -> None:
    sensor.counted = Totals(0, 5, 0, 2)
    assert ringward(capfd, "--duration", "0.02", "--exe", "x")[2][-1] == (
        "0 events shown, 5 filtered (2 of them because what decides could not be read), 0 lost"
    )


def test_nothing_to_watch_is_status_4(
    sensor: type[FakeSensor], capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    sensor.fault = "attach: refused; be root"
    made = tmp_path / "made"
    status, out, err = ringward(capfd, "--", "touch", str(made))
    assert (status, out) == (4, [])
    assert err == ["ringward watch: attach: refused; be root; to see what it shows: ringward replay"]
    assert not made.exists()


def test_a_recording_is_written_and_not_overwritten(
    sensor: type[FakeSensor], capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    sensor.batches = [[event(seq=1)], [event(seq=2)]]
    kept = str(tmp_path / "kept")
    assert ringward(capfd, "--duration", "0.05", "--record", kept)[0] == 0
    with Path(kept).open("rb") as source:
        assert [one.seq for one in Recording(source, kept).events()] == [1, 2]
    status, _, err = ringward(capfd, "--duration", "0.05", "--record", kept)
    assert (status, err) == (
        4,
        [f"ringward watch: cannot record to {kept}: there is something in it; name another file, or add --force"],
    )
    assert ringward(capfd, "--duration", "0.05", "--record", kept, "--force")[0] == 0


@pytest.mark.parametrize("option", ["-o", "--record"])
def test_a_full_disk(sensor: type[FakeSensor], capfd: pytest.CaptureFixture[str], option: str) -> None:
    sensor.batches = [[event()]]
    status, _, err = ringward(capfd, "--duration", "0.05", option, "/dev/full")
    assert status == 4
    assert err[-1] == (
        "ringward watch: cannot write to /dev/full: No space left on device; free some space or name a file elsewhere"
    )
    assert sensor.made[0].closed


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["finit_modul"], "did you mean finit_module"),
        (["--"], "no command behind --"),
        (["--hook", "kprobes"], "no way to attach named 'kprobes'; did you mean kprobe"),
        (["--duration", "0"], "--duration needs"),
        (["read", "-c", "--rate", "read=5"], "-c counts every call"),
        (["read", "--rate", "reed=5"], "did you mean read"),
        (["--duration", "nan"], "--duration needs"),
        (["-p", "1", "--", "true"], "exclude each other"),
        (["-f"], "-f needs -p PID"),
        (["-o", "{tmp}/x", "--record", "{tmp}/./x"], "name the same file"),
        (["--template", "{proces.comm}"], "did you mean process.comm"),
        (["--arg", "alais=x"], "did you mean alias"),
        (["--comn", "x"], "no option --comn; did you mean --comm"),
    ],
)
def test_usage(
    sensor: type[FakeSensor], capfd: pytest.CaptureFixture[str], tmp_path: Path, argv: list[str], said: str
) -> None:
    status, out, err = ringward(capfd, *(one.replace("{tmp}", str(tmp_path)) for one in argv))
    assert (status, out) == (2, [])
    assert said in "\n".join(err)
    assert sensor.made == []


def test_a_process_that_is_not_there(sensor: type[FakeSensor], capfd: pytest.CaptureFixture[str]) -> None:
    gone = subprocess.Popen(["true"])
    gone.wait()
    assert ringward(capfd, "-p", str(gone.pid))[0] == 4


# What follows asks the kernel of this machine.
