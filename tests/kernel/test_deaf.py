"""Hooks that are switched off and stay attached: told as deaf, and as heard again; and no false alarm."""

from __future__ import annotations

import ctypes
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ringward.events import Event
from ringward.events.registry import BY_NAME
from ringward.sensor import _native, canary, ebpf, join
from tests.kernel.calls import by, call, image_of, marked, seen
from tests.kernel.conftest import Watch

pytestmark = [pytest.mark.modules, pytest.mark.guest]

FTRACE = Path("/proc/sys/kernel/ftrace_enabled")
KPROBES = Path("/sys/kernel/debug/kprobes/enabled")
MODPROBE = Path("/proc/sys/kernel/modprobe")
MODULE = "tcp_vegas"
EVENTS = ("modules", "programs", "process_fork", "usermodehelper")
CANARY_SECONDS = 1.0
BOUND = 15.0
"""A canary's interval, two seconds of grace, one until it is counted; and an emulated guest is slow."""
CALLS = {"init_module", "finit_module", "delete_module"}
COPIES = {"delete_module: find_module", "finit_module: security_kernel_read_file"}
FUNCTIONS = {"module_digest", "usermodehelper", *COPIES}


@contextmanager
def switched_off(switch: Path) -> Iterator[None]:
    switch.write_text("0")
    try:
        yield
    finally:
        switch.write_text("1")


@pytest.fixture(autouse=True)
def always_loud(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ebpf, "LOUD_CANARIES", 1)


def states(watch: Watch) -> dict[str, str]:
    """Return the last state that was told of each event or aid."""
    return {e.args.subject_event: e.args.state for e in watch.events if e.event == "sensor_status"}


def deaf(watch: Watch) -> set[str]:
    return {name for name, state in states(watch).items() if state == "deaf"}


def proved(watch: Watch) -> None:
    """Wait until a canary has been heard by every hook that it is for."""
    source = watch.sensor._source
    songs = source._songs
    watch.until(lambda _: source._songs > songs and not source._canary._owed)


@pytest.mark.parametrize(
    ("hook", "switch", "expected"),
    [
        (None, FTRACE, FUNCTIONS),
        ("fentry", FTRACE, FUNCTIONS | CALLS),
        ("kprobe", KPROBES, FUNCTIONS | CALLS),
    ],
    ids=["lsm and fentry", "fentry", "kprobe"],
)
def test_a_hook_that_is_switched_off_is_told(
    watch: Callable[..., Watch], hook: str | None, switch: Path, expected: set[str]
) -> None:
    w = watch(*EVENTS, hook=hook, canary_seconds=CANARY_SECONDS)
    proved(w)
    assert deaf(w) == set(), "nothing is switched off yet"
    off = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    with switched_off(switch):
        w.until(lambda _: deaf(w) == expected, BOUND)
        for event in w.events:
            if event.event == "sensor_status" and event.args.state == "deaf":
                found = w.info.attached[event.args.subject_event]
                assert (event.args.attached, event.args.where) == (found.rung, found.where)
                assert "does not run" in event.args.reason
        # What is left is told as before, and what is not is said to be missing.
        made = call("64", "finit_module", f"fd:{image_of(MODULE)}", "s:alpha=3", 0)
        assert made.result == 0
        if hook is None:
            event = seen(w, made)
            assert (event.args.param_values, event.sources["param_values"]) == ("alpha=3", "entry")
            assert event.load.digest is None
            assert {"load.module_digest", "load.do_init_module"} <= set(event.unread)
            w.until(lambda _: "do_init_module" in deaf(w), BOUND)
        else:
            marked(w)
            assert by(w, made, "finit_module", "module_digest", "do_init_module") == []
        assert [e.args.name for e in by(w, made, "module_load")] == [MODULE]
    w.until(lambda _: not deaf(w) & expected, BOUND)
    assert {name: state for name, state in states(w).items() if name in expected} == dict.fromkeys(expected, "heard")
    removed = call("64", "delete_module", f"s:{MODULE}", 0x800)
    assert (seen(w, removed).result, seen(w, removed).sources["name"]) == (0, "kernel")
    no_canary_is_shown(w, off)


def ftrace_warnings() -> list[str]:
    log = subprocess.run(["dmesg"], check=True, capture_output=True, text=True).stdout
    return [line for line in log.splitlines() if "WARNING:" in line and "ftrace" in line]


@pytest.mark.parametrize("hook", [None, "fentry", "kprobe"])
def test_nothing_is_attached_by_ftrace_while_it_is_off(watch: Callable[..., Watch], hook: str | None) -> None:
    """A hook of a function would not run, and would leave ftrace broken; it works when it is switched on again."""
    before = ftrace_warnings()
    with switched_off(FTRACE):
        w = watch(*EVENTS, hook=hook, canary_seconds=None)
        assert {found.rung for found in w.info.attached.values()} <= {"tp_btf", "tracepoint"}
        assert "kernel.ftrace_enabled = 0" in w.info.missing["module_digest"]
        assert (hook is None) == ("finit_module" in w.info.attached)
        made = call("64", "create_module", "s:rw_off")
        assert seen(w, made).args.name == "rw_off"
        w.sensor.close()
    again = watch(*EVENTS, hook="fentry", canary_seconds=CANARY_SECONDS)
    assert again.info.attached["module_digest"].rung == "fentry"
    proved(again)
    assert deaf(again) == set()
    assert ftrace_warnings() == before


def no_canary_is_shown(watch: Watch, off: int) -> None:
    """Fail when one of the sensor's own calls, programs or requests has become an event.

    Only the modprobe of a canary's request is shown while the hooks that join the two are deaf.
    """
    told = [e for e in watch.events if e.process]
    own = [e for e in told if e.process.pid == os.getpid() and e.event not in ("process_fork", "process_exit")]
    assert own == []
    assert [e for e in told if e.event == "process_exec" and e.args.args == ("true",)] == []
    assert [e for e in told if e.event == "module_request"] == []
    assert [e for e in told if e.event == "usermodehelper"] == []
    (again,) = (e.ktime for e in watch.events if e.event == "sensor_status" and told_again(e))
    modprobes = [e for e in told if e.event == "process_exec" and e.args.args and "net-pf-14" in e.args.args]
    assert [e for e in modprobes if not off < e.ktime < again] == []


def told_again(event: Event) -> bool:
    return (event.args.subject_event, event.args.state) == ("usermodehelper", "heard")


UNPRIVILEGED = """
import json, sys, time
from ringward.sensor import Sensor, ebpf
ebpf.LOUD_CANARIES = 1
with Sensor(sys.argv[1:], canary_seconds=0.5) as sensor:
    end, events = time.monotonic() + 5, []  # two seconds of grace, and one until it is counted
    while time.monotonic() < end:
        events += sensor.poll(0.1)
    assert sensor._source._songs > 1
    print(json.dumps([[e.args.state, e.args.subject_event] for e in events if e.event == "sensor_status"]))
"""


def test_what_the_kernel_refuses_before_the_hook_is_no_proof_against_it() -> None:
    """Without CAP_SYS_MODULE no image is copied; with an empty kernel.modprobe nothing is asked for."""
    before = MODPROBE.read_text()
    command = ["setpriv", "--bounding-set=-sys_module", sys.executable, "-c", UNPRIVILEGED, *EVENTS]
    MODPROBE.write_text("\n")
    try:
        done = subprocess.run(command, check=True, capture_output=True, text=True)
    finally:
        MODPROBE.write_text(before)
    told = json.loads(done.stdout)
    assert ["attached", "module_digest"] in told
    assert ["attached", "module_request"] in told
    assert [one for one in told if one[0] == "deaf"] == []


def test_a_full_ring_is_not_taken_for_a_deaf_hook(watch: Callable[..., Watch]) -> None:
    """The canary's own records are among the lost ones: the loss is told, and nothing else is concluded."""
    w = watch("create_module", ring_bytes=4096, canary_seconds=CANARY_SECONDS)
    end = time.monotonic() + 5
    rounds = 0
    while time.monotonic() < end or rounds < 4:
        w.sensor.poll(0)  # the canary sings behind what has just been read
        for number in range(40):
            call_here(f"rw_{number}")
        rounds += 1
        w.events += w.sensor.poll(0)
    w.until(lambda events: [e for e in events if e.event == "events_lost"])
    assert deaf(w) == set()


def call_here(name: str) -> None:
    text = ctypes.create_string_buffer(name.encode())
    _native.raw_syscall(174, ctypes.addressof(text))


def test_every_default_event_of_modules_has_a_proof() -> None:
    """Each hook is fired by a canary, or missed in a load that succeeds. The guard proves its own."""
    fired = set(canary._CALLS) | set(canary._PROGRAMS) | set(canary._LOUD)
    by_load = {"module_digest", "module_load", "do_init_module"}
    assert "steps & " in Path(join.__file__).read_text()
    without = {name for name, cls in BY_NAME.items() if cls.record and cls.default and cls.group != "guard"}
    without -= fired | by_load
    assert without == {"module_free"}
