"""Hundreds and thousands of loads and unloads: each told whole, or exactly counted; and memory stays."""

from __future__ import annotations

import subprocess
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.kernel.calls import built, image_of
from tests.kernel.conftest import Watch
from tests.kernel.witness import sha256sum

pytestmark = [pytest.mark.modules, pytest.mark.guest]

MODULE = "tcp_vegas"
STEPS = {"module_digest", "module_load", "do_init_module", "finit_module", "module_free", "delete_module"}
GROWTH = 10_000  # kB
STUCK = 60  # seconds without an event; a round takes 0.1 in an emulated guest that has a processor for itself
SETTLED = 200  # rounds after which caches have their size


def resident() -> int:
    """Return this process's resident memory, kB."""
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(status["VmRSS"].split()[0])


def soak(watch: Watch, rounds: int) -> tuple[Counter[str], int]:
    """Load and unload `rounds` times; check every event; return the counts and the growth of memory, kB."""
    digest = sha256sum(image_of(MODULE))
    cycle = subprocess.Popen([built("cycle"), image_of(MODULE), MODULE, str(rounds)])
    counts: Counter[str] = Counter()
    open_steps: dict[str, set[str]] = {}
    first, seen = None, time.monotonic()
    while counts["delete_module"] < rounds and time.monotonic() - seen < STUCK:
        for event in watch.sensor.poll(0.2):
            seen = time.monotonic()
            if event.result is None and "has not returned" in event.unread.get("result", ""):
                continue  # a busy guest: it is told again when it returns
            if event.event in STEPS and event.process.pid == cycle.pid:
                counts[event.event] += 1
                check(event, digest, open_steps)
            elif event.event in ("events_lost", "sensor_status"):
                counts[f"{event.event} {event.args.subject()}"] += 1
        if first is None and counts["delete_module"] >= min(SETTLED, rounds // 2):
            first = resident()
    assert cycle.wait(30) == 0
    assert first is not None
    assert open_steps == {}, "loads that were not told whole"
    return counts, resident() - first


def check(event: object, digest: str, open_steps: dict[str, set[str]]) -> None:
    """Check one event of a load; forget the load when the last has come."""
    load, args = event.load, event.args
    assert load is not None, event
    if event.event == "module_digest":
        assert args.digest == digest
    else:
        assert (load.digest, load.module) == (digest, MODULE)
        assert event.event in ("module_load", "module_free") or event.result == 0
    steps = open_steps.setdefault(load.id, set())
    assert event.event not in steps, f"{event.event} of load {load.id} came twice"
    steps.add(event.event)
    if steps == STEPS:
        del open_steps[load.id]


def run(watch: Callable[..., Watch], rounds: int) -> None:
    w = watch("modules")
    w.settle(0.2)
    counts, growth = soak(w, rounds)
    assert counts == dict.fromkeys(STEPS, rounds)
    assert w.sensor.totals.lost == 0
    assert growth < GROWTH, f"{growth} kB more after {rounds} rounds"


def test_300_loads_and_unloads(watch: Callable[..., Watch]) -> None:
    run(watch, 300)


@pytest.mark.soak
def test_10000_loads_and_unloads(watch: Callable[..., Watch]) -> None:
    run(watch, 10_000)
