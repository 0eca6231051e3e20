from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ringward.cli.child import Child, StartError
from ringward.cli.errors import CannotRunError
from ringward.cli.live import Ends, Signals, run
from ringward.cli.stream import Stream
from ringward.events import Event
from ringward.output.recording import CutError, Recorder, Recording
from ringward.output.views import JsonView
from ringward.output.writer import Writer
from ringward.sensor.info import Totals
from tests.cli.fake_sensor import FakeSensor, info
from tests.output.event_factory import event

NO_END = frozenset[int]()


class Out:
    """A stream into a file, with a recording beside it."""

    def __init__(self, folder: Path, limit: int | None = None) -> None:
        self.path, self.kept = folder / "out", folder / "kept"
        self._fds = [os.open(path, os.O_WRONLY | os.O_CREAT) for path in (self.path, self.kept)]
        out, kept = (Writer(fd, "x") for fd in self._fds)
        self.stream = Stream(JsonView(limit), out, Recorder(info()), kept)

    def lines(self) -> int:
        return self.path.read_bytes().count(b"\n")

    def recorded(self) -> tuple[int, bool]:
        with self.kept.open("rb") as source:
            found = Recording(source, "x")
            count = sum(1 for _ in found.events())
        return count, found.footer is not None


@pytest.fixture
def out(tmp_path: Path) -> Out:
    return Out(tmp_path)


def later(seconds: float, do: Callable[[], Any]) -> None:
    threading.Timer(seconds, do).start()


def test_it_ends_after_the_duration_and_drains_what_is_left(sensor: type[FakeSensor], out: Out) -> None:
    sensor.batches = [[event()], [event(), event()]]
    sensor.last = [event()]
    made = sensor()
    start = time.monotonic()
    assert run(made, out.stream, Ends(0.3, NO_END), None) is None  # type: ignore[arg-type]
    assert 0.3 <= time.monotonic() - start < 30
    assert made.closed == 1
    assert out.lines() == 4
    assert out.recorded() == (4, True)
    assert max(made.polls) <= 0.3


def test_it_ends_when_enough_is_shown(sensor: type[FakeSensor], tmp_path: Path) -> None:
    sensor.batches = [[event()] * 5, [event()] * 5]
    out = Out(tmp_path, 7)
    run(sensor(), out.stream, Ends(None, NO_END), None)  # type: ignore[arg-type]
    assert out.lines() == 7


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_and_the_handlers_are_put_back(sensor: type[FakeSensor], out: Out, number: int) -> None:
    sensor.last = [event()]
    before = signal.getsignal(number)
    later(0.2, lambda: os.kill(os.getpid(), number))
    assert run(sensor(), out.stream, Ends(None, NO_END), None) is None  # type: ignore[arg-type]
    assert signal.getsignal(number) == before
    assert out.recorded() == (1, True)


def test_what_the_caller_ignores_stays_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with Signals(None) as signals:
            os.kill(os.getpid(), signal.SIGHUP)
            assert signals.stop is None
            assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_resize_is_noted() -> None:
    with Signals(None) as signals:
        os.kill(os.getpid(), signal.SIGWINCH)
        assert signals.resized
        assert signals.stop is None


def test_a_signal_makes_its_descriptor_readable_until_it_is_cleared() -> None:
    before = signal.set_wakeup_fd(-1)
    with Signals(None) as signals:
        reader = signals.fileno()
        for _ in range(2):
            assert select.select([reader], [], [], 0)[0] == []
            signals.clear()
            os.kill(os.getpid(), signal.SIGWINCH)
            os.kill(os.getpid(), signal.SIGINT)
            assert select.select([reader], [], [], 0)[0] == [reader]
            signals.clear()
    assert signal.set_wakeup_fd(before) == -1
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(reader)


def test_a_signal_whose_byte_was_read_with_another_ones_is_no_fault() -> None:
    with Signals(None) as signals:
        os.kill(os.getpid(), signal.SIGWINCH)
        assert os.read(signals.fileno(), 4096)
        signals.clear()
        os.kill(os.getpid(), signal.SIGWINCH)
        assert select.select([signals.fileno()], [], [], 0)[0] == [signals.fileno()]


def test_it_ends_when_the_processes_have_ended(sensor: type[FakeSensor], out: Out, capsys: Any) -> None:
    sleeps = [subprocess.Popen(["sleep", seconds]) for seconds in ("0.1", "0.3")]
    run(sensor(), out.stream, Ends(None, frozenset(one.pid for one in sleeps)), None)  # type: ignore[arg-type]
    assert [one.poll() is not None or one.wait() == 0 for one in sleeps] == [True, True]
    said = capsys.readouterr().err
    assert all(f"process {one.pid} has ended" in said for one in sleeps)


def test_a_process_that_is_not_there() -> None:
    done = subprocess.Popen(["true"])
    done.wait()
    with pytest.raises(CannotRunError, match=f"cannot watch process {done.pid}: there is none"):
        Ends(None, frozenset({done.pid}))


def test_a_command_runs_and_its_status_is_the_answer(sensor: type[FakeSensor], out: Out, tmp_path: Path) -> None:
    made = tmp_path / "made"
    sensor.batches = [[event()]]  # the command may have ended before the first look
    sensor.last = [event()]
    child = Child(["sh", "-c", f"touch {made}; exit 3"])
    assert run(sensor(), out.stream, Ends(None, NO_END), child) == 3  # type: ignore[arg-type]
    assert made.exists()
    assert out.lines() == 2


def test_what_comes_after_the_end_of_the_command_is_shown(sensor: type[FakeSensor], out: Out) -> None:
    sensor.batches = [[event()]] * 8
    assert run(sensor(), out.stream, Ends(None, NO_END), Child(["true"])) == 0  # type: ignore[arg-type]
    assert out.lines() == 8


def test_a_command_outlives_the_showing(sensor: type[FakeSensor], tmp_path: Path) -> None:
    made = tmp_path / "made"
    sensor.batches = [[event()]] * 8
    child = Child(["sh", "-c", f"sleep 0.3; touch {made}; exit 5"])
    assert run(sensor(), Out(tmp_path, 1).stream, Ends(None, NO_END), child) == 5  # type: ignore[arg-type]
    assert made.exists()


def test_ctrl_c_is_for_the_command_and_other_signals_are_handed_on(sensor: type[FakeSensor], out: Out) -> None:
    child = Child(["sh", "-c", "trap 'exit 9' TERM; trap '' INT; while :; do sleep 0.05; done"])
    later(0.3, lambda: os.kill(os.getpid(), signal.SIGINT))
    later(0.6, lambda: os.kill(os.getpid(), signal.SIGTERM))
    start = time.monotonic()
    assert run(sensor(), out.stream, Ends(None, NO_END), child) == 9  # type: ignore[arg-type]
    assert time.monotonic() - start > 0.5


def test_a_command_that_cannot_start_is_told(sensor: type[FakeSensor], out: Out) -> None:
    with pytest.raises(StartError):
        run(sensor(), out.stream, Ends(None, NO_END), Child(["no-such-program"]))  # type: ignore[arg-type]


def test_losses_are_in_the_recording(sensor: type[FakeSensor], out: Out) -> None:
    sensor.counted = Totals(1, 2, 17)
    run(sensor(), out.stream, Ends(0.01, NO_END), None)  # type: ignore[arg-type]
    assert out.kept.read_text().endswith('{"end":1,"events":0,"filtered":2,"lost":17}\n')


def test_a_kill_at_any_time_leaves_a_recording_that_can_be_read(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    script = f"""
import os, signal
from pathlib import Path
from ringward.cli.live import Ends, run
from tests.cli.fake_sensor import FakeSensor
from tests.cli.test_live import Out
from tests.output.event_factory import event
FakeSensor.batches = [[event()]] * 1000000
run(FakeSensor(), Out(Path({str(tmp_path)!r})).stream, Ends(None, frozenset()), None)
"""
    running = subprocess.Popen([sys.executable, "-c", script], cwd=Path(__file__).parents[2])
    end = time.monotonic() + 20
    while not (kept.exists() and kept.stat().st_size > 20_000):
        assert time.monotonic() < end
        assert running.poll() is None
    running.kill()
    running.wait()
    with kept.open("rb") as source:
        found = Recording(source, "kept")
        shown: list[Event] = []
        with pytest.raises(CutError, match="cut off in line"):
            shown.extend(found.events())
    assert len(shown) >= 10
    assert found.footer is None
