"""A process that makes calls when it is told to, and what the kernel counts of them."""

from __future__ import annotations

import ctypes
import os
import signal
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

import pytest

from ringward.events import Event
from ringward.events.filter import Filter
from ringward.events.latency import Tally
from ringward.sensor import _native
from ringward.sensor.sensor import Sensor

GETPPID, CLOSE, NANOSLEEP = 110, 3, 35
CALLED, FAILED, SLEPT = 5_000, 1_000, 20
SLEEP_NS = 2_000_000
NO_FD = 1_000_000


class Caller:
    """A process that makes calls when it is told to, and then pauses.

    It is no child of this one: what a sensor's own children do before they are other programs is not watched.
    """

    def __init__(self) -> None:
        begin, self._begin = os.pipe()
        self._done, done = os.pipe()
        child = os.fork()
        if not child:
            if os.fork():
                os._exit(0)
            os.write(done, os.getpid().to_bytes(8, "little"))
            os.read(begin, 1)
            _make_calls()
            os.write(done, b"x")
            while True:
                signal.pause()
        os.waitpid(child, 0)
        self.pid = int.from_bytes(os.read(self._done, 8), "little")
        os.close(begin)
        os.close(done)

    def call(self) -> None:
        """Have the calls made; return when they are."""
        os.write(self._begin, b"x")
        assert os.read(self._done, 1) == b"x"

    def end(self) -> None:
        os.kill(self.pid, signal.SIGKILL)
        os.close(self._begin)
        os.close(self._done)


def _make_calls() -> None:
    for _ in range(CALLED):
        _native.raw_syscall(GETPPID)
    for _ in range(FAILED):
        _native.raw_syscall(CLOSE, NO_FD)
    request = bytearray((0).to_bytes(8, "little") + SLEEP_NS.to_bytes(8, "little"))
    for _ in range(SLEPT):
        _native.raw_syscall(NANOSLEEP, _address(request), 0)


def _address(data: bytearray) -> int:
    return ctypes.addressof(ctypes.c_char.from_buffer(data))


class Kept(NamedTuple):
    """What a sensor has counted of a caller, and what it told."""

    counts: dict[str, Tally]
    not_returned: Counter[str]
    told: list[Event]
    lost: int


def watched(names: list[str], caller: Caller, only: Filter, other: Caller | None = None) -> Kept:
    """Return what is counted while the caller makes its calls, and another one, too."""
    with Sensor(names, only=only, counting=True, canary_seconds=None) as sensor:
        if other:
            other.call()
        caller.call()
        for _ in range(100):
            if "pause" not in names or sensor.not_returned()["pause"]:
                break
            sensor.poll(0.05)
        told = sensor.poll(0)
        told += sensor.close()
        return Kept(sensor.counts(), sensor.not_returned(), told, sensor.totals.lost)


@pytest.fixture(name="caller")
def caller_fixture() -> Iterator[Caller]:
    """Start a caller that waits."""
    one = Caller()
    yield one
    one.end()
