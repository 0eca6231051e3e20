"""Tests that need a real kernel: run as root in a guest (`python -m vmtest`), and on the host as far as it goes."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ringward.events import Event, Process
from ringward.sensor.sensor import Sensor
from tests.kernel.witness import listed
from tests.nulls import faults

HAS_MODULES = Path("/proc/modules").exists()
IS_ROOT = os.geteuid() == 0
IN_GUEST = "VMTEST_RESULTS" in os.environ
PATIENCE = 60 if IN_GUEST else 20  # seconds; a guest is emulated


class Watch:
    """An open sensor and what it has told so far."""

    def __init__(self, *events: str, **options: object) -> None:
        self.sensor = Sensor(events, **options)  # type: ignore[arg-type]
        self.info = self.sensor.open()
        self.events: list[Event] = []
        self._processes: dict[int, tuple[Process, tuple[str, ...]]] = {}

    def _poll(self, seconds: float = 0.1) -> list[Event]:
        """Take what comes, and return it; fail the test where something is null without a reason."""
        found = self.sensor.poll(seconds)
        nulls = [fault for event in found for fault in faults(event, self._processes)]
        assert not nulls, nulls
        self.events += found
        return found

    def until(self, done: Callable[[list[Event]], object], seconds: float = PATIENCE) -> list[Event]:
        """Poll until `done(events)` is true; fail the test when that takes longer than `seconds`."""
        end = time.monotonic() + seconds
        while not done(self.events):
            self._poll()
            if time.monotonic() > end:
                told = [(e.event, getattr(e.args, "name", None), e.result, e.error) for e in self.events]
                raise AssertionError(f"not seen in {seconds} s; seen: {told}")
        return self.events

    def settle(self, seconds: float = 1.0) -> list[Event]:
        """Poll for a while, for what must not come."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self._poll()
        return self.events

    def clear(self) -> None:
        """Forget what was told, and what waits to be."""
        while self._poll(0.2):
            pass
        self.events.clear()

    def of(self, event: str, **fields: object) -> list[Event]:
        """Return the events of a name whose arguments have these values."""
        return [e for e in self.events if e.event == event and all(getattr(e.args, k) == v for k, v in fields.items())]


def loaded_since(before: set[str]) -> list[str]:
    """Return the modules that are loaded besides those, and in nobody's use."""
    return [name for name, module in listed().items() if name not in before and not module.refcount]


@pytest.fixture(scope="module", autouse=True)
def same_modules() -> Iterator[None]:
    """Take what a file's tests have loaded out of the guest: the next file finds the kernel that this one found."""
    if not IN_GUEST:
        yield
        return
    before = set(listed())
    yield
    while left := loaded_since(before):
        subprocess.run(["rmmod", *left], check=False, stderr=subprocess.DEVNULL)
        if loaded_since(before) == left:  # one that cannot be unloaded stays
            break


@pytest.fixture
def watch() -> Iterator[Callable[..., Watch]]:
    """Open sensors that are closed at the end of the test."""
    opened: list[Watch] = []

    def start(*events: str, **options: object) -> Watch:
        opened.append(Watch(*events, **options))
        return opened[-1]

    yield start
    for one in opened:
        one.sensor.close()


def unload(*modules: str) -> None:
    """Remove modules that a test has left, if they are there."""
    for name in modules:
        subprocess.run(["modprobe", "-rq", name], check=False)


def module_file(name: str) -> Path:
    """Return the file of a module of the running kernel, as modinfo finds it."""
    found = subprocess.run(["modinfo", "-n", name], check=True, capture_output=True, text=True)
    return Path(found.stdout.strip())


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what this kernel cannot do, and say what is missing; in a guest nothing may be skipped.

    What has no way back comes last.
    """
    items.sort(key=lambda item: "one_way" in item.keywords)
    for item in items:
        if IN_GUEST:
            continue
        if not IS_ROOT:
            item.add_marker(pytest.mark.skip(reason="needs root (CAP_BPF, CAP_PERFMON, CAP_SYS_MODULE)"))
        elif "modules" in item.keywords and not HAS_MODULES:
            item.add_marker(pytest.mark.skip(reason="this kernel has no module support: runs in the guests"))
        elif "guest" in item.keywords:
            item.add_marker(pytest.mark.skip(reason="loads modules or switches hooks off: runs in the guests only"))
