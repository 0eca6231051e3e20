"""The eBPF source on this kernel: what it attaches, its own events, its end. Whole tests: tests/kernel."""

from __future__ import annotations

import os
import subprocess
import threading
import time

import pytest

from ringward.events import select
from ringward.events.catalogue.events_lost import EventsLost
from ringward.events.catalogue.sensor_status import SensorStatus
from ringward.sensor import _native
from ringward.sensor.clock import Clock, now
from ringward.sensor.ebpf import BATCH, LOOK_NS, SILENCE_NS, EbpfSource, Wish, own_event, statuses
from ringward.sensor.info import Attachment, SensorInfo, Totals
from tests import nulls

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root (CAP_BPF, CAP_PERFMON)")


def test_own_event_is_of_no_process_and_no_cpu():
    event = own_event(Clock(), "host", EventsLost(3, 1, 4, 6, "full"))
    assert (event.event, event.hook, event.host) == ("events_lost", "sensor", "host")
    assert (event.process, event.cpu, event.seq) == (None, None, None)
    assert event.args.count == 3
    assert event.unread == {}


def test_a_loss_that_nobody_has_counted_says_so():
    event = own_event(Clock(), "host", EventsLost(None, None, None, None, "no count"))
    assert (event.args.subject(), list(event.unread)) == ("an unknown number: no count", ["count"])
    assert nulls.faults(event) == []


@needs_root
def test_first_events_say_what_is_attached_and_what_is_missing():
    source = EbpfSource(Wish(select(["create_module"]), canary_seconds=None), Totals())
    try:
        first = source.look()
        said = {e.args.subject_event: e.args.state for e in first if e.event == "sensor_status"}
        # What is attached for the sensor's own use was not asked for.
        assert {k for k, v in said.items() if v == "attached"} == {"create_module"} < set(source.info.attached)
        assert {k for k, v in said.items() if v == "missing"} == set(source.info.missing)
    finally:
        source.close()


def test_the_stream_begins_with_what_was_asked_for_and_what_is_missing_of_it():
    how = {name: Attachment("tp_btf", f"where {name}", "") for name in ("module_load", "process_fork")}
    missing = {"finit_module": "refused", "delete_module: find_module": "no such function"}
    info = SensorInfo("6.1", "host", "ebpf", how, missing, None, None, None)
    told = [event.args for event in statuses(Clock(), info, ("module_load", "finit_module", "delete_module"))]
    assert told == [
        SensorStatus("attached", "module_load", "tp_btf", "where module_load", None),
        SensorStatus("missing", "finit_module", None, None, "refused"),
        SensorStatus("missing", "delete_module: find_module", None, None, "no such function"),
    ]


@needs_root
def test_a_call_is_seen_and_nothing_comes_after_close():
    source = EbpfSource(Wish(select(["create_module"]), canary_seconds=None), Totals())
    seen = []
    assert _native.raw_syscall(174, 0, 1, 2, 3, 4) < 0
    end = time.monotonic() + 10
    while not seen and time.monotonic() < end:
        seen = [e for e in source.look() if e.event == "create_module" and e.process.pid == os.getpid()]
        source.wait(50_000_000)
    source.close()
    assert [(e.args.code, e.error) for e in seen] == [("0x1", "ENOSYS")]


@needs_root
def test_a_reader_that_is_behind_waits_for_what_it_has_read(monkeypatch: pytest.MonkeyPatch):
    source = EbpfSource(Wish(select(["create_module"]), canary_seconds=None), Totals())
    ticks: list[int] = []
    monkeypatch.setattr(source._joiner, "tick", lambda now: ticks.append(now) or ())
    try:
        while source._ring.pending() < 4 * BATCH:
            _native.raw_syscall(174, 0, 1, 2, 3, 4)
        written = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
        time.sleep(LOOK_NS / 1e9)
        source.look()
        (behind,) = ticks
        assert 0 < behind < written, "the rest of the ring is newer"
        while source._ring.pending():
            source.look()
        time.sleep(LOOK_NS / 1e9)
        source.look()
        assert ticks[-1] > written, "nothing is left: it is as late as it is"
    finally:
        source.close()


@needs_root
def test_what_ends_a_silence_wakes_the_reader_and_what_follows_does_not():
    source = EbpfSource(Wish(select(["process_exec"]), canary_seconds=None), Totals())

    def found_while_waiting(seconds: float) -> tuple[bool, bool]:
        """Start a program while the reader waits; return whether that woke it, and whether it was told."""
        starter = threading.Timer(0.1, lambda: subprocess.run(["/bin/true"], check=True))
        starter.start()
        before = time.monotonic()
        source._epoll.poll(seconds)
        woken = time.monotonic() - before < seconds
        starter.join()
        told = [event for event in source.look() if event.event == "process_exec"]
        return woken, any(event.args.path == "/bin/true" for event in told)

    try:
        until = time.monotonic() + 60
        while now() - source._found < SILENCE_NS and time.monotonic() < until:
            source.look()
            source.wait(LOOK_NS)
        assert now() - source._found >= SILENCE_NS, "this machine was not silent for a second within a minute"
        assert found_while_waiting(20) == (True, True)
        assert found_while_waiting(0.4) == (False, True)
    finally:
        source.close()


@needs_root
def test_an_event_without_the_rung_asked_for_takes_its_own():
    source = EbpfSource(Wish(select(["create_module"]), hook="kprobe", canary_seconds=None), Totals())
    assert source.info.attached["create_module"].rung == "tp_btf"
    source.close()
