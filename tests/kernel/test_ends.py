"""However the sensor ends, nothing of it stays in the kernel: bpftool says so."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ringward.sensor import Sensor
from tests.kernel.calls import awaited, bpf_ids, owned_ids
from tests.kernel.conftest import IN_GUEST

BPFFS = Path("/sys/fs/bpf")
SCRIPT = """
import sys
from ringward.sensor import Sensor
with Sensor() as sensor:
    print("open", len(sensor.info.attached), flush=True)
    while sys.argv[1] == "run":
        sensor.poll(0.1)
    sys.stdin.read()
    raise LookupError("on purpose")
"""
COMMANDS = {
    "script": [sys.executable, "-c", SCRIPT, "run"],
    "watch": [sys.executable, "-m", "ringward", "watch", "--output", "jsonl"],
}


def pinned() -> set[str]:
    """Return what is pinned; the kernel's own iterators are there on some (BPF_PRELOAD)."""
    return {str(path) for path in BPFFS.rglob("*")} if BPFFS.is_mount() else set()


class Ends:
    """What a process has in the kernel, and whether it has gone: it is freed some time after the last close."""

    def __init__(self) -> None:
        self.before, self.pins = bpf_ids(), pinned()
        self.own: dict[str, set[int]] = {}

    def has(self, pid: int) -> None:
        """Note what a process has; fail the test when that is nothing, or bpftool does not list it."""
        self.own = {kind: ids - self.before[kind] for kind, ids in owned_ids(pid).items()}
        listed = bpf_ids()
        assert all(self.own[kind] <= listed[kind] for kind in listed)
        assert min(len(self.own[kind]) for kind in ("prog", "link", "map")) > 0

    def gone(self) -> None:
        """Wait until all of it has gone. In a guest nobody else comes and goes: all is as before."""
        awaited(lambda: not any(ids & self.own[kind] for kind, ids in bpf_ids().items()), "all that it had is gone")
        if IN_GUEST:
            awaited(lambda: bpf_ids() == self.before, "programs, links, maps as before")
        assert pinned() <= self.pins


@pytest.fixture
def ends() -> Ends:
    return Ends()


def test_after_close(ends: Ends) -> None:
    sensor = Sensor(canary_seconds=None)
    sensor.open()
    ends.has(os.getpid())
    assert ends.own["prog"] == {number for found in sensor.info.attached.values() for number in found.programs}
    assert len(ends.own["link"]) == len(ends.own["prog"])
    sensor.close()
    ends.gone()


def test_after_an_exception(ends: Ends) -> None:
    def watches_and_fails() -> None:
        with Sensor(canary_seconds=None):
            ends.has(os.getpid())
            raise LookupError

    with pytest.raises(LookupError):
        watches_and_fails()
    ends.gone()


def test_after_it_was_dropped_without_close(ends: Ends) -> None:
    sensor = Sensor(canary_seconds=None)
    sensor.open()
    ends.has(os.getpid())
    del sensor
    gc.collect()
    ends.gone()


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
def test_after_a_signal(ends: Ends, command: str, number: signal.Signals) -> None:
    with subprocess.Popen(COMMANDS[command], stdout=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stdout.readline(), "it ended before it watched"
        ends.has(process.pid)
        process.send_signal(number)
        process.stdout.read()
        status = process.wait(20)
    if number == signal.SIGKILL or (command == "script" and number == signal.SIGTERM):
        assert status == -number
    ends.gone()


def test_after_an_error_that_nobody_catches(ends: Ends) -> None:
    command = [sys.executable, "-c", SCRIPT, "error"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stdout.readline()
        ends.has(process.pid)
        _, said = process.communicate()
    assert (process.returncode, b"LookupError: on purpose" in said) == (1, True), said
    ends.gone()


def test_a_child_that_lives_on_keeps_nothing(ends: Ends) -> None:
    """Descriptors are closed at exec: a child that was given all the others has none of these."""
    sensor = Sensor(canary_seconds=None)
    sensor.open()
    ends.has(os.getpid())
    with subprocess.Popen(["sleep", "60"], close_fds=False) as child:
        assert not any(owned_ids(child.pid).values())
        sensor.close()
        ends.gone()
        child.kill()


def test_many_times_over(ends: Ends) -> None:
    """Nor does the process itself keep anything: descriptors are as many as before."""
    count = []
    for _ in range(3):
        with Sensor(canary_seconds=None):
            ends.has(os.getpid())
        ends.gone()
        count.append(len(list(Path("/proc/self/fd").iterdir())))
    assert count == [count[0]] * 3
