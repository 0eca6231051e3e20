"""The uevent source against real modules, a real overflow, and a user without privilege."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ringward.events import BY_NAME
from ringward.sensor import suspect
from ringward.sensor.degraded import SEEN
from ringward.sensor.uevent import UeventSensor
from tests.kernel.witness import SECONDS, attribute, listed, own_module, remove
from tests.nulls import faults

NULL = Path("/sys/devices/virtual/mem/null/uevent")
SEQNUM = Path("/sys/kernel/uevent_seqnum")
NOBODY = 65534


@pytest.fixture
def sensor() -> Iterator[UeventSensor]:
    found = UeventSensor()
    found.open()
    yield found
    found.close()


def gather(sensor: UeventSensor, count: int) -> list:
    """Wait for so many events."""
    events: list = []
    end = time.monotonic() + SECONDS
    while len(events) < count:
        events += sensor.poll(0.2)
        assert time.monotonic() < end, f"{len(events)} of {count} events in {SECONDS} s"
    return events


@pytest.mark.guest
@pytest.mark.modules
def test_loads_and_unloads_are_those_of_sysfs(sensor):
    remove("msdos", "fat")
    sensor.poll(0.5)
    subprocess.run(["modprobe", "msdos"], check=True)
    loads = gather(sensor, 2)
    lines = listed()
    assert [(e.event, e.args.name) for e in loads] == [("module_load", "fat"), ("module_load", "msdos")]
    for event in loads:
        args = event.args
        assert args.taints == lines[args.name].taints
        assert args.size == lines[args.name].size == int(attribute(args.name, "coresize"))
        assert args.srcversion == attribute(args.name, "srcversion")
        assert args.version == attribute(args.name, "version")
        assert args.base is None
        assert event.hook == "uevent"
        assert {name for name in args.__struct_fields__ if getattr(args, name) is None} <= set(event.unread)
        assert event.process is None or suspect.GUESS in event.unread["process"]
    assert [e.args.uses for e in loads] == [(), ("fat",)]
    remove("msdos", "fat")
    freed = gather(sensor, 2)
    assert [fault for event in loads + freed for fault in faults(event)] == []
    assert [(e.event, e.args.name) for e in freed] == [("module_free", "msdos"), ("module_free", "fat")]
    assert [e.seq for e in loads + freed] == sorted(e.seq for e in loads + freed)


def test_the_catalogue_has_the_hook_of_what_uevents_tell() -> None:
    told = {name for name, cls in BY_NAME.items() if "uevent" in {hook.rung for hook in cls.hooks}}
    assert told == set(SEEN) == {"module_load", "module_free"}


@pytest.mark.guest
@pytest.mark.modules
def test_a_load_that_fails_is_not_told(sensor):
    subprocess.run(["insmod", own_module("rw_fail")], check=False, capture_output=True)
    subprocess.run(["modprobe", "dummy"], check=True)
    assert [e.args.name for e in gather(sensor, 1)] == ["dummy"]
    remove("dummy")


@pytest.mark.guest
@pytest.mark.modules
def test_a_task_in_the_call_is_found_in_proc_and_marked_as_a_guess():
    with subprocess.Popen(["insmod", own_module("rw_hang"), "seconds=20"]) as process:
        try:
            end = time.monotonic() + SECONDS
            while not [task for task in suspect.look() if task.call in suspect.LOAD_CALLS]:
                assert time.monotonic() < end, "insmod was not seen in its call"
            found, said = suspect.suspect(suspect.LOAD_CALLS)
            assert suspect.GUESS in said
            assert found is not None
            assert (found.pid, found.comm, found.uid) == (process.pid, "insmod", 0)
            assert found.exe == str(Path("/sbin/insmod").resolve())
            assert found.args is not None
            assert found.args[-1] == "seconds=20"
            assert found.ancestors[0].pid == os.getpid()
        finally:
            process.terminate()
    remove("rw_hang")


def test_a_full_buffer_is_told_to_the_number():
    """Provoke uevents without reading; what did not come is what the event says."""
    listener = UeventSensor(guess=False, buffer_bytes=8192)
    listener.open()
    try:
        first = int(SEQNUM.read_text())
        for _ in range(300):
            NULL.write_text("change")
        last = int(SEQNUM.read_text())
        assert last - first >= 300
        seen: list[int] = []
        deliver = listener._message
        listener._message = lambda u: (seen.append(u.seqnum), deliver(u))[1]  # type: ignore[method-assign]
        lost = listener.poll(5)
        assert {e.event for e in lost} == {"events_lost"}, "the buffer of 8 KiB held 300 messages"
        missing = set(range(first + 1, last + 1)) - set(seen)
        told = {n for e in lost for n in range(e.args.first_seq, e.args.last_seq + 1)}
        assert missing <= told
        assert not told & set(seen)
        assert sum(e.args.count for e in lost) == len(told)
    finally:
        listener.close()


_AS_NOBODY = """
import json
from ringward.sensor import Sensor
with Sensor() as sensor:
    print(json.dumps([sensor.info.kind, sensor.info.degraded, sorted(sensor.info.attached)]), flush=True)
    while True:
        for event in sensor.poll(1):
            if event.event == "module_load":
                print(json.dumps([event.args.name, event.hook, event.unread["process"]]), flush=True)
                raise SystemExit
"""


@pytest.mark.guest
@pytest.mark.modules
def test_without_privilege_modules_are_still_seen():
    remove("dummy")
    command = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--bounding-set=-all"]
    with subprocess.Popen([*command, sys.executable, "-c", _AS_NOBODY], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        kind, degraded, attached = json.loads(process.stdout.readline())
        assert kind == "uevent"
        assert "EPERM" in degraded or "not permitted" in degraded
        assert attached == ["module_free", "module_load"]
        subprocess.run(["modprobe", "dummy"], check=True)
        name, hook, said = json.loads(process.stdout.readline())
        assert (name, hook) == ("dummy", "uevent")
        assert said
    assert process.returncode == 0
    remove("dummy")
