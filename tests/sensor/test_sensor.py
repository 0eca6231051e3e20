"""The sensor as users have it: names, filters, polling, the asynchronous example, and clear errors."""

from __future__ import annotations

import asyncio
import contextlib
import os
import select
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from typing import Self

import pytest

import ringward
from ringward.events import Event, UnknownNameError
from ringward.events.filter import Filter
from ringward.sensor import Sensor, SensorError, SensorInfo, _native, sensor
from ringward.sensor.info import NoModulesError
from ringward.sensor.limits import Limit
from ringward.sensor.sensor import _knobs, _pids
from tests.output.event_factory import event, process

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs CAP_BPF and CAP_PERFMON: not root")
INFO = SensorInfo("6.12", "h", "ebpf", {}, {}, None, None, "made up")


class Source:
    """A source that gives what a test puts into it."""

    def __init__(self, *looks: list[Event]) -> None:
        self.info = INFO
        self.counts = None
        self.looks = list(looks)
        self.waited: list[int] = []
        self.woken_by = 0
        self.rested: list[float] = []
        self.closed = 0

    def fileno(self) -> int:
        return 0

    def wait(self, ns: int) -> bool:
        self.waited.append(ns)
        return len(self.waited) == self.woken_by

    def rest(self, seconds: float) -> None:
        self.rested.append(seconds)

    def look(self) -> list[Event]:
        return self.looks.pop(0) if self.looks else []

    def close(self) -> list[Event]:
        self.closed += 1
        return [event("module_free")]


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Sensor, Source]]:
    source = Source()
    monkeypatch.setattr(sensor, "EbpfSource", lambda _wish, _totals: source)
    found = Sensor(["all"])
    found.open()
    yield found, source
    found.close()


def test_an_unknown_name_gives_the_nearest() -> None:
    with pytest.raises(
        UnknownNameError, match="no event, system call or group named 'finit_modul'; did you mean finit_module"
    ):
        Sensor(["finit_modul"])


def test_no_names_are_the_two_default_groups() -> None:
    assert {"finit_module", "process_exec", "events_lost", "sensor_status"} <= set(Sensor().names)
    assert "process_fork" not in Sensor().names


@pytest.mark.parametrize("what", [lambda s: s.poll(0), lambda s: s.fileno(), lambda s: s.info])
def test_a_sensor_that_is_not_open_says_so(what: object) -> None:
    assert callable(what)
    with pytest.raises(SensorError, match=r"not open: call open\(\) first"):
        what(Sensor())


def test_events_come_as_they_are(opened: tuple[Sensor, Source]) -> None:
    found, source = opened
    one, two = event("module_load"), event("process_exec")
    source.looks = [[one, two]]
    assert found.poll(5) == [one, two]
    assert source.waited == []
    assert (found.totals.events, found.totals.filtered) == (2, 0)


def test_a_poll_waits_until_something_comes(opened: tuple[Sensor, Source]) -> None:
    found, source = opened
    one = event("module_load")
    source.looks = [[], [], [one]]
    assert found.poll(5) == [one]
    assert len(source.waited) == 2
    assert all(0 < ns <= 5 * 10**9 for ns in source.waited)


def test_a_poll_that_is_woken_returns_with_what_there_is(opened: tuple[Sensor, Source]) -> None:
    found, source = opened
    source.woken_by = 2
    one = event("module_load")
    source.looks = [[], [], [one]]
    assert found.poll(60) == [one]
    source.woken_by = 3
    assert found.poll(60) == []
    assert len(source.waited) == 3


def test_a_poll_gives_up_in_time(opened: tuple[Sensor, Source]) -> None:
    found, source = opened
    start = time.monotonic()
    assert found.poll(0) == []
    assert source.waited == []
    assert found.poll(0.05) == []
    assert 0.05 <= time.monotonic() - start < 30


def test_what_is_not_wanted_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    kept, other = event("process_exec", process=process(comm="a")), event("process_exec", process=process(comm="b"))
    status = event("sensor_status", hook="sensor", process=None)
    monkeypatch.setattr(sensor, "EbpfSource", lambda _wish, _totals: Source([kept, other, status]))
    with Sensor(only=Filter(comms=("a",))) as found:
        assert found.poll(1) == [kept, status]
        assert (found.totals.events, found.totals.filtered, found.totals.unjudged) == (2, 1, 0)


def test_what_cannot_be_judged_is_not_shown_and_counted_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a replay: what a filter decides by could not be read."""
    kept, other = event(process=process(exe="/bin/a")), event(process=process(exe="/bin/b"))
    unread = event(process=process(exe=None, unread={"exe": "gone"}))
    nobody = event("module_load", process=None, unread={"process": "uevents name no process"})
    lost = event("events_lost", process=None)
    monkeypatch.setattr(sensor, "EbpfSource", lambda _wish, _totals: Source([unread, kept, nobody, other, lost]))
    with Sensor(only=Filter(exes=("/bin/a",))) as found:
        assert found.poll(1) == [kept, lost]
        assert (found.totals.events, found.totals.filtered, found.totals.unjudged) == (2, 3, 2)


def test_the_end_gives_the_last_events_once(opened: tuple[Sensor, Source]) -> None:
    found, source = opened
    assert [e.event for e in found.close()] == ["module_free"]
    assert found.close() == []
    assert source.closed == 1
    assert found.info == INFO, "what was watched is still known"


def test_the_end_of_a_with_block_detaches(monkeypatch: pytest.MonkeyPatch) -> None:
    source = Source()
    monkeypatch.setattr(sensor, "EbpfSource", lambda _wish, _totals: source)
    with contextlib.suppress(ZeroDivisionError), Sensor():
        raise ZeroDivisionError
    assert source.closed == 1


def refusing(_wish: object, _totals: object) -> Source:
    raise SensorError("Operation not permitted")


def test_without_ebpf_it_goes_on_with_uevents(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sensor, "EbpfSource", refusing)
    with Sensor(["module_load"]) as found:
        assert found.info.kind == "uevent"
        assert found.info.degraded is not None
        assert "Operation not permitted" in found.info.degraded
        assert "\n" not in found.info.degraded


def test_a_kernel_without_modules_is_not_asked_for_uevents_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    def without(_wish: object, _totals: object) -> Source:
        raise NoModulesError("no module support")

    monkeypatch.setattr(sensor, "EbpfSource", without)
    with pytest.raises(SensorError, match=r"^no module support$"):
        Sensor(["module_load"]).open()


def test_a_hook_that_was_asked_for_is_not_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sensor, "EbpfSource", refusing)
    with pytest.raises(SensorError, match=r"^Operation not permitted$"):
        Sensor(["module_load"], hook="fentry").open()


def test_uevents_can_be_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sensor, "EbpfSource", lambda *_args: pytest.fail("eBPF was tried"))
    with Sensor(["modules"], hook="uevent") as found:
        assert found.info.kind == "uevent"
        assert found.info.degraded is None, "nothing is missing: it was asked for"
        assert set(found.info.attached) == {"module_load", "module_free"}


@pytest.mark.parametrize(
    ("only", "follow", "knobs", "pids"),
    [
        (Filter(), None, {}, set()),
        (Filter(uids=frozenset({7})), None, {"only_uid_set": 1, "only_uid": 7}, set()),
        (Filter(uids=frozenset({0})), None, {"only_uid_set": 1, "only_uid": 0}, set()),
        (Filter(uids=frozenset({7, 8})), None, {}, set()),
        (
            Filter(comms=("modprobe",)),
            None,
            {"only_comm_set": 1, "only_comm": b"modprobe", "only_comm_mask": b"\xff" * 9},
            set(),
        ),
        (Filter(pids=frozenset({5})), None, {"only_pids": 1, "only_pid": 5}, {5}),
        (Filter(comms=("mod*",)), None, {}, set()),
        (Filter(pids=frozenset({5, 6})), None, {"only_pids": 1}, {5, 6}),
        (Filter(pids=frozenset({5}), follow=True), None, {}, set()),
        (Filter(), 9, {"only_pids": 2}, {9}),
        (Filter(pids=frozenset({5})), 9, {"only_pids": 2}, {9}),
    ],
)
def test_the_kernel_is_told_what_it_can_decide(
    only: Filter, follow: int | None, knobs: dict[str, object], pids: set[int]
) -> None:
    assert _knobs(only, follow) == knobs
    assert _pids(only, follow) == pids


def test_asynchronous_iteration_opens_waits_and_keeps_the_order(monkeypatch: pytest.MonkeyPatch) -> None:
    events = [event("module_load"), event("module_free"), event("process_exec")]
    source = Source([], events[:2], [], events[2:])
    monkeypatch.setattr(sensor, "EbpfSource", lambda _wish, _totals: source)

    async def three() -> list[Event]:
        found = []
        watched = Sensor()
        async for one in watched:
            found.append(one)
            if len(found) == 3:
                break
        await watched.aclose()
        return found

    assert asyncio.run(three()) == events
    assert source.closed == 1


def test_other_tasks_run_while_it_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sensor, "EbpfSource", lambda _wish, _totals: Source(*[[]] * 3, [event()]))

    async def both() -> int:
        turns = 0

        async def turn() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        other = asyncio.create_task(turn())
        await anext(aiter(Sensor()))
        other.cancel()
        return turns

    assert asyncio.run(both()) > 3


class Caller(threading.Thread):
    """Calls create_module(2) until it is told to stop."""

    def __init__(self) -> None:
        super().__init__()
        self.over = threading.Event()
        self.results: set[int] = set()

    def run(self) -> None:
        while not self.over.wait(0.05):
            self.results.add(_native.raw_syscall(174, 0, 0x1000, 4096, 0o644, 7))

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.over.set()
        self.join()


@needs_root
def test_the_asynchronous_example_sees_a_call_of_this_process() -> None:
    async def first() -> Event:
        watched = ringward.Sensor(["create_module"])
        try:
            async for one in watched:
                if one.event == "create_module" and one.process and one.process.pid == os.getpid():
                    return one
        finally:
            await watched.aclose()
        raise AssertionError("the stream ended")

    with Caller() as caller:
        found = asyncio.run(asyncio.wait_for(first(), 60))
    assert caller.results == {-38}, "ENOSYS"
    assert (found.result, found.error, found.abi) == (-38, "ENOSYS", "64-bit")
    assert (found.args.code, found.args.len, found.args.mode, found.args.flags) == ("0x1000", 4096, 0o644, ("0x7",))
    assert found.process is not None
    assert found.process.tid == caller.native_id
    assert found.process.exe == os.path.realpath("/proc/self/exe")
    assert found.process.ancestors[0].pid == os.getppid()


@needs_root
def test_its_descriptor_becomes_readable_and_events_come_after_the_status() -> None:
    with Sensor(["create_module"]) as found, Caller():
        assert found.info.kind == "ebpf"
        assert "create_module" in found.info.attached
        assert select.select([found.fileno()], [], [], 20)[0], "a module call wakes the reader"
        told: list[str] = []
        end = time.monotonic() + 20
        while "create_module" not in told:
            told += [e.event for e in found.poll(1)]
            assert time.monotonic() < end
    assert told[0] == "sensor_status"


UNPRIVILEGED = """
import os, sys
from ringward.sensor import Sensor, SensorError, objects
for name in objects.names():
    objects.load(name)
os.setgroups([]), os.setgid(65534), os.setuid(65534)
try:
    info = Sensor(sys.argv[1:]).open()
except SensorError as error:
    print(f"SensorError: {error}")
else:
    print(f"{info.kind}: {info.degraded}")
"""


def unprivileged(*names: str) -> str:
    """Return what a user with no privilege is told."""
    code = (
        UNPRIVILEGED
        if os.geteuid() == 0
        else "\n".join(line for line in UNPRIVILEGED.splitlines() if "setuid" not in line)
    )
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), *names], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout.strip()


def test_without_privilege_an_event_that_needs_ebpf_is_refused_with_what_to_do() -> None:
    told = unprivileged("create_module")
    assert told == (
        "SensorError: create_module: needs eBPF: CAP_BPF and CAP_PERFMON are missing: Operation not permitted (EPERM);"
        " uevents tell only of module_load and module_free; run as root"
    )
    assert len(told.splitlines()) == 1


def test_without_privilege_modules_are_watched_by_uevents_and_one_line_says_so() -> None:
    told = unprivileged("modules")
    assert told == (
        "uevent: no eBPF: CAP_BPF and CAP_PERFMON are missing: Operation not permitted (EPERM);"
        " only module_load and module_free are left, by uevents; run as root"
    )
    assert len(told.splitlines()) == 1


def test_what_is_over_a_limit_is_counted_and_told_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    one = Sensor(["module_load", "module_free"], limits={"module_load": Limit(every=3), "module_free": Limit(rate=1)})
    source = Source([event("module_load")] * 5 + [event("module_free")], [event("module_load")])
    monkeypatch.setattr(one, "_best", lambda: source)
    one.open()
    first = one.poll(0)
    assert [(e.event, getattr(e.args, "count", None)) for e in first] == [
        *[("module_load", None)] * 2,
        ("module_free", None),
        ("events_limited", 3),
    ]
    assert (first[-1].hook, first[-1].host, first[-1].args.subject_event) == ("sensor", "h", "module_load")
    assert one.poll(0) == [], "the fifth and sixth are left out; they are told once a second"
    # The source gives one more at its end, in the second that has had its one.
    assert {(e.args.subject_event, e.args.count) for e in one.close()} == {("module_load", 1), ("module_free", 1)}
    assert (one.totals.events, one.totals.limited, one.totals.filtered) == (6, 5, 0)
