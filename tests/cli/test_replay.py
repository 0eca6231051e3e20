from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ringward.cli import dispatch, replay
from ringward.events import Event, Load
from ringward.output.recording import Recorder
from ringward.sensor.info import Attachment, Totals
from tests.cli.fake_sensor import info
from tests.output.event_factory import event, load, process

LOADED = load(id="a.1", module="dummy")
EVENTS = [
    event("module_request", load=Load("a"), result=0, seq=1),
    event("module_digest", load=LOADED, seq=2),
    event("finit_module", load=LOADED, result=0, duration=1_000_000, seq=3),
    event("delete_module", result=-11, error="EAGAIN", duration=5, seq=4, process=process(comm="rmmod", pid=9, tid=9)),
    event("process_exec", seq=5),
    event("process_exit", seq=6, process=process(exe=None)),
]


def write(path: Path, events: list[Event] = EVENTS, totals: Totals | None = None) -> str:
    recorder = Recorder(info())
    data = [recorder.begin(), bytes(recorder.encode(events)), recorder.end(totals or Totals(6, 0, 0))]
    path.write_bytes(b"".join(data))
    return str(path)


@pytest.fixture
def file(tmp_path: Path) -> str:
    return write(tmp_path / "recording")


def ringward(capfd: pytest.CaptureFixture[str], *argv: str) -> tuple[int, list[str], list[str]]:
    status = dispatch.run("replay", list(argv))
    found = capfd.readouterr()
    return status, found.out.splitlines(), found.err.splitlines()


def shown(capfd: pytest.CaptureFixture[str], *argv: str) -> list[int]:
    """Return the numbers of the events that are shown."""
    status, out, _ = ringward(capfd, *argv, "--json")
    assert status == 0
    return [json.loads(line)["seq"] for line in out]


def test_a_table(capfd: pytest.CaptureFixture[str], file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    status, out, err = ringward(capfd, file, "--output", "table")
    assert status == 0
    assert out[0].startswith("Ringward ")
    assert "recorded on example, kernel 6.12.1" in out[0]
    header = out.index("TIME         PID PROGRAM  EVENT          SUBJECT     RESULT SHA-256      CAUSE")
    assert [line.split()[3] for line in out[header + 1 :]] == [
        "finit_module",
        "delete_module",
        "process_exec",
        "process_exit",
    ]
    assert err == ["4 events shown (and 2 steps of them), 0 filtered, 0 lost"]
    assert all(len(line) <= 80 for line in out)


def test_json_is_what_was_recorded(capfd: pytest.CaptureFixture[str], file: str) -> None:
    _, out, _ = ringward(capfd, file)
    assert out == Path(file).read_text().splitlines()[1:-1]


@pytest.mark.parametrize(
    ("argv", "found"),
    [
        ([], [1, 2, 3, 4, 5, 6]),
        (["programs"], [5, 6]),
        (["-e", "finit_module,delete_module"], [3, 4]),
        (["-e", "trace=!modules"], [5, 6]),
        (["--failed"], [4]),
        (["-Z"], [4]),
        (["--comm", "rm*"], [4]),
        (["-p", "9"], [4]),
        (["-p", "4300"], []),
        (["-p", "4300", "-f"], [1, 2, 3, 4, 5, 6]),
        (["--uid", "0"], []),
        (["--uid", "1000"], [1, 2, 3, 4, 5, 6]),
        (["--exe", "/usr/*"], [1, 2, 3, 4, 5]),
        (["--arg", "name=dum*"], [4]),
        (["--arg", "file.path=*dummy*"], [2, 3]),
        (["--count", "2"], [1, 2]),
        (["--container", "a"], []),
    ],
)
def test_filters(capfd: pytest.CaptureFixture[str], file: str, argv: list[str], found: list[int]) -> None:
    assert shown(capfd, file, *argv) == found


def test_what_cannot_be_decided_is_counted(capfd: pytest.CaptureFixture[str], file: str) -> None:
    _, _, err = ringward(capfd, file, "--exe", "/bin/*")
    assert err == ["0 events shown, 6 filtered (1 of them because what decides could not be read), 0 lost"]


def test_a_template(capfd: pytest.CaptureFixture[str], file: str) -> None:
    assert ringward(capfd, file, "-q", "--template", "{seq} {args.name}", "modules") == (
        0,
        ["1 -", "2 -", "3 -", "4 dummy"],
        [],
    )


def test_counts(capfd: pytest.CaptureFixture[str], file: str) -> None:
    _, out, _ = ringward(capfd, file, "-c")
    assert ["100.00", "0.001000", "1000", "1", "finit_module"] in [
        [*line.split()[:4], line.split()[-1]] for line in out
    ]


def test_verbose(capfd: pytest.CaptureFixture[str], file: str) -> None:
    _, out, _ = ringward(capfd, file, "-v", "-q", "--output", "table", "modules")
    assert any("module_digest" in line and line.startswith("    ") for line in out)


def test_output_to_a_file(capfd: pytest.CaptureFixture[str], file: str, tmp_path: Path) -> None:
    target = tmp_path / "out"
    assert ringward(capfd, file, "-o", str(target), "--count", "1")[1] == []
    assert json.loads(target.read_text())["seq"] == 1


def test_standard_input(file: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "ringward", "replay", "-", "--count", "1"],
        input=Path(file).read_bytes(),
        capture_output=True,
        check=True,
    )
    assert json.loads(done.stdout)["seq"] == 1


def test_a_cut_recording_shows_what_is_there_and_says_so(capfd: pytest.CaptureFixture[str], file: str) -> None:
    data = Path(file).read_bytes()
    Path(file).write_bytes(data[:-60])
    status, out, err = ringward(capfd, file)
    assert status == 3
    assert [json.loads(line)["seq"] for line in out] == [1, 2, 3, 4, 5]
    assert err[-1] == (
        f"ringward replay: {file}: cut off in line 7: the 5 events before are whole; what followed is lost"
    )


def test_losses_of_the_recording_are_told(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    for number, (events, totals) in enumerate(
        [([event("events_lost", process=None)], Totals(1, 0, 17)), ([], Totals(0, 0, 17))]
    ):
        status, _, err = ringward(capfd, "-q", write(tmp_path / str(number), events, totals))
        assert status == 3
        assert err == ["0 events shown, 0 filtered, 17 lost"]


def test_losses_that_nobody_has_counted_are_told(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    unread = {"count": "nobody has counted them"}
    uncounted = event("events_lost", process=None, given={"count": None}, unread=unread)
    for number, (events, totals, said) in enumerate(
        [
            ([uncounted], Totals(1), "an unknown number lost"),
            ([], Totals(lost_uncounted=1), "an unknown number lost"),
            ([uncounted], Totals(1, 0, 17), "17 lost and an unknown number more"),
        ]
    ):
        status, _, err = ringward(capfd, "-q", write(tmp_path / str(number), events, totals))
        assert (status, err) == (3, [f"0 events shown, 0 filtered, {said}"])


def test_a_corrupt_line_stops_it(capfd: pytest.CaptureFixture[str], file: str) -> None:
    lines = Path(file).read_bytes().splitlines(keepends=True)
    lines[3] = b"{broken\n"
    Path(file).write_bytes(b"".join(lines))
    status, out, err = ringward(capfd, file)
    assert status == 4
    assert [json.loads(line)["seq"] for line in out] == [1, 2]
    assert err[-1].startswith(f"ringward replay: {file}:4: not an event: ")


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", ":1: the file is empty"),
        (b"hello\n", ":1: not a recording of Ringward; record with: ringward watch --record FILE"),
        (b'{"recording":9,"schema":1,"ringward":"3.0"}\n', ":1: made by Ringward 3.0 with recording format 9"),
    ],
)
def test_what_is_no_recording(capfd: pytest.CaptureFixture[str], tmp_path: Path, data: bytes, said: str) -> None:
    path = tmp_path / "x"
    path.write_bytes(data)
    status, out, err = ringward(capfd, str(path))
    assert (status, out) == (4, [])
    assert err[0].startswith(f"ringward replay: {path}{said}")


def test_a_file_that_cannot_be_opened(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    for path in (tmp_path / "none", tmp_path):
        assert ringward(capfd, str(path))[0] == 4


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["{file}", "finit_modul"], "did you mean finit_module"),
        (["{file}", "-o", "{file}"], "would overwrite the recording"),
        (["{file}", "-f"], "-f needs -p PID"),
        (["{file}", "--duration", "1"], "no option --duration"),
        (["{file}", "--template", "{x.y}"], "no field 'x.y'"),
    ],
)
def test_usage(capfd: pytest.CaptureFixture[str], file: str, argv: list[str], said: str) -> None:
    before = Path(file).read_bytes()
    status, out, err = ringward(capfd, *(one.replace("{file}", file) for one in argv))
    assert (status, out) == (2, [])
    assert said in err[0]
    assert Path(file).read_bytes() == before


def test_a_reader_that_goes_away_is_no_fault(tmp_path: Path) -> None:
    file = write(tmp_path / "long", [event(seq=n) for n in range(2000)])
    done = subprocess.run(
        ["sh", "-c", f"{sys.executable} -m ringward replay {file} --json | head -n 1 | wc -l"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert (done.stdout.strip(), done.stderr) == ("1", "")


def test_steps_of_a_sensor_that_saw_no_calls_are_lines(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    recorder = Recorder(info(attached={"module_load": Attachment("uevent", "x", "")}, degraded="no eBPF"))
    path = tmp_path / "uevent"
    path.write_bytes(
        recorder.begin() + bytes(recorder.encode([event("module_load", process=None)])) + recorder.end(Totals(1, 0, 0))
    )
    _, out, _ = ringward(capfd, str(path), "--output", "table")
    assert "  degraded no eBPF" in out
    assert out[-1].split()[3] == "module_load"


def test_it_works_where_the_native_module_does_not_load(file: str) -> None:
    # Any machine: another processor, another system, no libbpf.
    script = (
        "import sys\nsys.modules['ringward.sensor._native'] = None\n"
        f"from ringward.__main__ import main\nsys.exit(main(['replay', {file!r}, '--count', '1']))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-500:]


def test_the_shipped_recording_is_whole_and_shows_a_joined_load(capfd: pytest.CaptureFixture[str]) -> None:
    status, out, err = ringward(capfd, str(replay.SHIPPED), "--output", "table")
    assert status == 0
    assert any("finit_module" in line or "init_module" in line for line in out)
    assert err[-1].endswith(" 0 lost")


def test_without_a_file_the_shipped_recording_is_shown(capfd: pytest.CaptureFixture[str]) -> None:
    named = ringward(capfd, str(replay.SHIPPED), "--json", "--failed")
    assert ringward(capfd, "--json", "--failed") == named
    assert named[0] == 0
    assert named[1]


def test_the_shipped_recording_names_no_place_of_the_machine_that_it_was_built_on() -> None:
    text = replay.SHIPPED.read_text()
    home = os.path.expanduser("~")  # noqa: PTH111 - a string is compared
    assert str(Path(__file__).parents[2]) not in text
    assert f'"{home}/' not in text
