"""More than the ring holds: what is not in the stream is counted, exactly, and the stream goes on."""

from __future__ import annotations

import os
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ringward.events import Event
from ringward.events.catalogue.events_lost import EventsLost
from ringward.events.filter import Filter
from ringward.sensor.loss import MissTracker
from tests.kernel.calls import bpftool, built, by, call
from tests.kernel.conftest import IN_GUEST, Watch
from tests.kernel.programs import PREEMPTION

RING = 64 * 1024
BIG_RING = 1024 * 1024
EXECS = 500 if IN_GUEST else 2_000
BESIDE = 80
"""Calls of each CPU; two records of some 300 bytes each go into an eighth of the ring."""
FORKS = 1_000 if IN_GUEST else 20_000  # an emulated guest takes 5 ms for one
CALLS = 20_000 if IN_GUEST else 200_000
CPUS = sorted(os.sched_getaffinity(0))
ONLY = Filter(comms=("flood",))  # decided in the kernel: what others do takes no numbers
FULL = "the ring buffer was full"
RETURN_LOST = "its return was not seen: records were lost meanwhile, and it may be among them"
CROWD = 300  # more than the kernel part keeps at once (bpf/attempt.bpf.h: ATTEMPTS)


class Flood:
    """A run of calls/flood.c on one CPU, which waits until it may begin."""

    def __init__(self, *words: str | int) -> None:
        self._started = subprocess.Popen([built("flood"), *map(str, words)], stdin=subprocess.PIPE)

    def begin(self) -> None:
        assert self._started.stdin
        self._started.stdin.close()

    def running(self) -> bool:
        return self._started.poll() is None

    def end(self) -> None:
        assert self._started.wait() == 0


def lost(events: list[Event]) -> Counter[int]:
    """Return how many were lost on each CPU, as the stream tells."""
    found: Counter[int] = Counter()
    for event in events:
        if event.event == "events_lost":
            found[event.args.lost_on] += event.args.count
    return found


def kept(events: list[Event]) -> list[Event]:
    return [event for event in events if event.seq is not None]


@contextmanager
def one_at_a_time(floods: list[Flood]) -> Iterator[None]:
    for flood in floods:
        flood.begin()
    yield
    for flood in floods:
        flood.end()


@pytest.mark.parametrize("reading", [False, True], ids=["reader asleep", "reader awake"])
def test_the_books_are_exact(watch: Callable[..., Watch], reading: bool) -> None:
    """Each process makes three records (fork, exec or not, exit), and each record an event: all are accounted for."""
    w = watch("programs", "process_fork", only=ONLY, ring_bytes=RING, canary_seconds=None)
    floods = [Flood("forks", cpu, FORKS) for cpu in CPUS]
    w.until(lambda _: len(w.of("process_exec")) == len(CPUS))
    with one_at_a_time(floods):
        while reading and any(flood.running() for flood in floods):
            w.events += w.sensor.poll(0.1)
    made = len(CPUS) * (2 * FORKS + 2)
    w.until(lambda events: len(kept(events)) + lost(events).total() >= made, 60)
    first = list(w.events)
    assert len(kept(first)) + lost(first).total() == made
    assert reading or lost(first).total() > 0, "nothing was lost, so that nothing was tested"
    assert w.sensor.totals.lost == lost(first).total()
    assert {event.args.reason.split(",")[0] for event in first if event.event == "events_lost"} <= {FULL}

    # The stream goes on, complete, and shows where each CPU's numbers have got to.
    again = [Flood("forks", cpu, 10) for cpu in CPUS]
    with one_at_a_time(again):
        pass
    more = len(CPUS) * (2 * 10 + 2)
    w.until(lambda events: len(kept(events)) >= len(kept(first)) + more)
    w.settle(2.5)  # twice as long as the counters take to be read
    assert len(kept(w.events)) == len(kept(first)) + more
    assert lost(w.events) == lost(first)
    for cpu in CPUS:
        seen = [event.seq for event in kept(w.events) if event.cpu == cpu]
        missing = set(range(1, max(seen) + 1)) - set(seen)
        assert len(set(seen)) == len(seen)
        assert len(missing) == lost(w.events)[cpu], f"CPU {cpu}: numbers and losses differ"
        ranges = [e.args for e in w.events if e.event == "events_lost" and e.args.lost_on == cpu]
        for told in ranges:
            assert {told.first_seq, told.last_seq} <= missing, f"CPU {cpu}: {told} is not where something is missing"
            inside = sum(told.first_seq <= number <= told.last_seq for number in missing)
            assert inside >= told.count
        covered = {n for told in ranges for n in range(told.first_seq, told.last_seq + 1)}
        assert missing <= covered, f"CPU {cpu}: {len(missing - covered)} missing numbers are in no loss"


def test_a_flood_of_calls_is_told_or_counted(watch: Callable[..., Watch]) -> None:
    """Each call makes two records and one event; the event comes without a result when the second was lost."""
    w = watch("create_module", only=ONLY, ring_bytes=RING, canary_seconds=None)
    floods = [Flood("calls", cpu, cpu * CALLS, CALLS) for cpu in CPUS]
    w.settle(0.2)
    with one_at_a_time(floods):
        pass
    marker = Flood("calls", CPUS[0], -1, 1)
    with one_at_a_time([marker]):
        w.until(lambda _: w.of("create_module", name="rw_-1"))
    w.settle(2.5)
    calls = [event for event in w.of("create_module") if event.args.name != "rw_-1"]
    whole = {event.args.name for event in calls if event.result is not None}
    half = {event.args.name for event in calls if event.result is None}
    made = {f"rw_{number}" for cpu in CPUS for number in range(cpu * CALLS, (cpu + 1) * CALLS)}
    assert whole | half <= made
    assert len(calls) == len(whole) + len(half), "a call was told twice"
    unseen = len(made) - len(whole) - len(half)
    gone = lost(w.events).total()
    assert unseen > 0, "nothing was lost, so that nothing was tested"
    assert len(half) + 2 * unseen <= gone <= len(half) + 2 * unseen + len(whole)
    # A call whose return was lost has returned all the same.
    assert {event.unread["result"] for event in calls if event.result is None} <= {RETURN_LOST}
    assert all(event.result == -38 for event in calls if event.result is not None)


def test_programs_leave_room_for_modules(watch: Callable[..., Watch]) -> None:
    """A reader that sleeps while programs start without end finds every module call, and every loss counted."""
    w = watch("programs", "process_fork", "create_module", only=ONLY, ring_bytes=BIG_RING, canary_seconds=None)
    execs = [Flood("execs", cpu, EXECS) for cpu in CPUS]
    calls = [Flood("calls", cpu, cpu * BESIDE, BESIDE) for cpu in CPUS]
    w.until(lambda _: len(w.of("process_exec")) == 2 * len(CPUS))
    w.settle(1.5)
    first = len(kept(w.events))
    with one_at_a_time(execs):
        pass
    # The ring is as full as programs can make it, and they go on.
    more = [Flood("forks", cpu, FORKS) for cpu in CPUS]
    with one_at_a_time([*more, *calls]):
        pass
    made = len(CPUS) * (3 * EXECS + 1 + 2 * FORKS + 2 + 1)
    # A call makes two records and one event.
    w.until(lambda events: len(kept(events)) - first + lost(events).total() >= made + len(CPUS) * BESIDE, 60)
    w.settle(2.5)
    assert {event.args.name for event in w.of("create_module")} == {f"rw_{n}" for n in range(len(CPUS) * BESIDE)}
    assert [event.error for event in w.of("create_module")] == ["ENOSYS"] * (len(CPUS) * BESIDE)
    gone = lost(w.events).total()
    assert gone > 0, "nothing was lost, so that nothing was tested"
    programs = [event for event in kept(w.events)[first:] if event.event != "create_module"]
    assert len(programs) + gone == made
    assert w.sensor.totals.lost == gone


@pytest.mark.modules
@pytest.mark.guest
def test_too_many_calls_at_once_are_told(watch: Callable[..., Watch]) -> None:
    """The calls that find no place keep arguments and result, and the stream says how many these are."""
    w = watch("init_module", canary_seconds=None)
    crowd = subprocess.Popen([built("crowd"), str(CROWD)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert crowd.stdin
    assert crowd.stdout
    assert crowd.stdout.readline() == b"in\n"
    w.until(lambda _: len(w.of("init_module")) == CROWD)
    waiting = w.of("init_module")
    assert {event.args.param_values for event in waiting} == {f"number={n}" for n in range(CROWD)}
    assert all("has not returned" in event.unread["result"] for event in waiting)
    w.until(lost)
    w.settle(2.5)
    told = [event.args for event in w.events if event.event == "events_lost"]  # one a processor
    assert all("too many calls at once" in one.reason for one in told)
    assert sum(one.count for one in told) == CROWD - 256
    crowd.stdin.close()
    assert crowd.wait() == 0
    w.until(lambda _: len(w.of("init_module")) >= 2 * CROWD)
    w.settle(0.5)
    returned = w.of("init_module")[CROWD:]
    assert {event.args.param_values for event in returned} == {f"number={n}" for n in range(CROWD)}
    assert [event.error for event in returned] == ["ENOEXEC"] * CROWD
    # Nothing has stopped them, and none is still under way.
    assert not any({"duration", "result"} & set(event.unread) for event in returned)


def test_skipped_runs_are_told_once() -> None:
    tracker = MissTracker()
    assert tracker.losses({"a": 0, "b": 2}) == [EventsLost(2, None, None, None, "b")]
    assert tracker.losses({"a": 0, "b": 2}) == []
    assert tracker.losses({"a": 1, "b": 5}) == [
        EventsLost(1, None, None, None, "a"),
        EventsLost(3, None, None, None, "b"),
    ]
    assert tracker.losses({"a": 1, "b": 5}) == []


def skipped(watch: Watch) -> Counter[str]:
    """Return how many runs the kernel skipped, by reason, as the stream tells."""
    found: Counter[str] = Counter()
    for event in watch.events:
        if event.event == "events_lost" and event.args.reason.startswith("the kernel skipped"):
            assert (event.args.lost_on, event.args.first_seq, event.args.last_seq) == (None, None, None)
            found[event.args.reason] += event.args.count
    return found


def recursion_misses(watch: Watch) -> int:
    """Return the kernel's count for all of the sensor's programs, as bpftool prints it."""
    own = {number for found in watch.info.attached.values() for number in found.programs}
    return sum(program.get("recursion_misses", 0) for program in bpftool("prog", "show") if program["id"] in own)


@contextmanager
def fully_preemptible() -> Iterator[None]:
    """Let a task preempt another inside the kernel (PREEMPT_DYNAMIC), as preempt=full on the command line does."""
    before = PREEMPTION.read_text().partition("(")[2].partition(")")[0]
    PREEMPTION.write_text("full")
    try:
        yield
    finally:
        PREEMPTION.write_text(before)


@pytest.mark.modules
@pytest.mark.guest
def test_runs_that_the_kernel_skipped_are_told(watch: Callable[..., Watch], tmp_path: Path) -> None:
    """On a preemptible kernel fentry has no digest of an image that arrives while it hashes another on that CPU."""
    large, small = tmp_path / "large", tmp_path / "small"
    large.write_bytes(b"#" * 24_000_000)
    small.write_bytes(b"#" * 4096)
    w = watch("finit_module", "module_digest", hook="fentry", canary_seconds=None)
    made = []
    with fully_preemptible():
        slow = subprocess.Popen(
            ["taskset", "-c", str(CPUS[0]), built("call"), "64", "313", f"fd:{large}", "s:", "0"],
            stdout=subprocess.DEVNULL,
        )
        while slow.poll() is None:
            urgent = ("chrt", "-f", "50", "taskset", "-c", str(CPUS[0]))
            made.append(call("64", "finit_module", f"fd:{small}", "s:", 0, start=urgent))
    marked_by = call("64", "finit_module", f"fd:{small}", "s:", 0)
    w.until(lambda _: len(by(w, marked_by)) == 2)
    without = [one for one in made if not by(w, one, "module_digest")]
    assert without, "no call came while the large image was hashed, so that nothing was tested"
    w.until(lambda _: skipped(w).total() >= len(without))
    assert skipped(w).total() == len(without) == recursion_misses(w) == w.sensor.totals.lost
    (reason,) = skipped(w)
    assert "fentry_post_read_file" in reason


@pytest.mark.modules
@pytest.mark.guest
def test_returns_that_a_probe_has_no_place_for_are_told(watch: Callable[..., Watch]) -> None:
    """A return probe follows so many calls at once (kernel/kprobes.c: maxactive); Linux counts the others since 6.7."""
    count = 40
    w = watch("init_module", hook="kprobe", canary_seconds=None)
    crowd = subprocess.Popen([built("crowd"), str(count)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert crowd.stdin
    assert crowd.stdout
    assert crowd.stdout.readline() == b"in\n"
    w.until(lambda _: len(w.of("init_module")) == count)
    crowd.stdin.close()
    assert crowd.wait() == 0
    w.settle(2.5)
    returned = [event for event in w.of("init_module") if event.error == "ENOEXEC"]
    unseen = count - len(returned)
    assert unseen > 0, "there was a place for each, so that nothing was tested"
    links = [link for links in w.sensor._source._attached._links.values() for link in links.values()]
    if any(link.missed() is not None for link in links):
        assert [event.args.count for event in w.events if event.event == "events_lost"] == [unseen]
        assert "kretprobe_x64_init_module" in next(iter(skipped(w)))
    else:
        assert skipped(w).total() == 0
    # Where the kernel does not count them, what is said of the rung beforehand must do.
    assert "return probe" in w.info.attached["init_module"].loses
