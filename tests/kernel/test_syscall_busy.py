"""What is kept of threads in calls, and what is told of a call that only its exit shows: programs/inside.c."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ringward.events.filter import Filter
from ringward.sensor.syscalls import NO_ENTRY
from tests.kernel.conftest import Watch
from tests.kernel.programs import NOBODY, program_fixture  # noqa: F401 - a fixture
from tests.kernel.test_filter import dumped

NAME = "inside"
MADE_UP = "1000000"
"""The descriptor of a call that seccomp stops."""
THREADS = 600
"""In a call at once: of so many, two have one slot of 4,096 as good as surely."""
FROM, TO = 4711, 4712

READS = Filter(comms=(NAME,), args=(("fd.fd", "0"),))

Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture(name="inside")
def inside_fixture(program: Callable[[str], Path]) -> Iterator[Start]:
    """Start the program, which waits for a line."""
    started: list[subprocess.Popen[str]] = []

    def start(*words: object, user: int | None = None) -> subprocess.Popen[str]:
        command = [str(program(NAME)), *map(str, words)]
        pipe = subprocess.PIPE
        started.append(subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, user=user))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        with process:  # its pipes are closed, and it is waited for
            pass


def go(process: subprocess.Popen[str]) -> None:
    """Let it go on."""
    assert process.stdin
    process.stdin.write("\n")
    process.stdin.flush()


def busy_threads() -> list[int]:
    """Return the numbers of all slots, as the kernel part has them."""
    found = [part for entry in dumped("ringward.bss") for part in entry["value"][".bss"] if "busy_threads" in part]
    (numbers,) = found
    return numbers["busy_threads"]


@contextmanager
def reading(w: Watch, process: subprocess.Popen[str]) -> Iterator[list[int]]:
    """Have a process's threads read, and give the slots of when all of them do."""
    go(process)
    assert process.stdout
    assert process.stdout.readline() == "ready\n"
    for _ in range(100):
        if sum(slots := busy_threads()) == THREADS:
            break
        w.settle(0.1)
    yield slots


WANTED = {
    "name": lambda _pid: Filter(comms=(NAME,)),
    "user": lambda _pid: Filter(uids=frozenset({NOBODY})),
    "process": lambda pid: Filter(pids=frozenset({pid})),
    "number": lambda _pid: Filter(args=(("fd.fd", MADE_UP),)),
}
UNWANTED = {
    "name": lambda _pid: Filter(comms=("no-such",)),
    "user": lambda _pid: Filter(uids=frozenset({NOBODY - 1})),
    "process": lambda _pid: Filter(pids=frozenset({1})),
    "number": lambda _pid: Filter(args=(("fd.fd", "1000001"),)),
}


@pytest.mark.parametrize("how", WANTED)
def test_a_call_that_seccomp_stops_is_told_from_its_exit_where_the_filter_lets_it_pass(
    watch: Callable[..., Watch], inside: Start, how: str
) -> None:
    process = inside("stopped", user=NOBODY)
    told = watch("close", only=WANTED[how](process.pid), canary_seconds=None)
    not_told = watch("close", only=UNWANTED[how](process.pid), canary_seconds=None)
    go(process)
    assert process.wait() == 0

    def of(w: Watch) -> list[tuple[object, ...]]:
        events = [e for e in w.of("close") if e.process.pid == process.pid and e.args.fd.fd == int(MADE_UP)]
        return [(e.error, e.duration, e.unread["duration"]) for e in events]

    told.until(lambda _: of(told))
    told.settle(0.3)
    not_told.settle(0.3)
    assert of(told) == [("EXDEV", None, NO_ENTRY)]
    assert of(not_told) == []


def test_a_call_that_changes_the_name_of_its_thread_is_told_once(watch: Callable[..., Watch], inside: Start) -> None:
    """By either name: the one of its beginning, or that of its end, when its entry was not wanted."""
    by_name = {name: watch("prctl", only=Filter(comms=(name,)), canary_seconds=None) for name in ("rw_from", "rw_to")}
    process = inside("name", "rw_from", "rw_to")
    go(process)
    assert process.wait() == 0
    seen = {}
    for name, w in by_name.items():
        w.settle(0.5)
        seen[name] = [(e.result, e.duration is None) for e in w.of("prctl") if e.process.pid == process.pid]
    assert seen == {"rw_from": [(0, True), (0, False)], "rw_to": [(0, True)]}


def test_a_call_that_changes_the_user_of_its_thread_is_told_once(watch: Callable[..., Watch], inside: Start) -> None:
    by_user = {uid: watch("setresuid", only=Filter(uids=frozenset({uid})), canary_seconds=None) for uid in (FROM, TO)}
    process = inside("user", FROM, TO)
    go(process)
    assert process.wait() == 0
    seen = {}
    for uid, w in by_user.items():
        w.settle(0.5)
        seen[uid] = [(e.args.ruid, e.result, e.duration is None) for e in w.of("setresuid")]
    assert seen == {FROM: [(FROM, 0, True), (TO, 0, False)], TO: [(TO, 0, True)]}


def test_threads_that_share_a_slot_are_each_told(watch: Callable[..., Watch], inside: Start) -> None:
    w = watch("read", only=READS, canary_seconds=None)
    process = inside("threads", THREADS)
    with reading(w, process) as slots:
        assert (sum(slots), max(slots) > 1) == (THREADS, True)
        assert process.stdin
        process.stdin.close()
        assert process.wait() == 0

    def ends() -> list[tuple[int, bool]]:
        return [(e.process.tid, e.duration is None) for e in w.of("read") if e.result == 0]

    w.until(lambda _: len(ends()) >= THREADS)
    w.settle(0.3)
    assert len(ends()) == len({tid for tid, _ in ends()}) == THREADS
    assert not any(without_entry for _, without_entry in ends())
    assert set(busy_threads()) == {0}


@pytest.mark.parametrize("counting", [False, True])
def test_threads_that_die_in_a_call_leave_nothing(
    watch: Callable[..., Watch], inside: Start, *, counting: bool
) -> None:
    process = inside("threads", THREADS)
    w = watch("read", only=READS, counting=counting, canary_seconds=None)
    with reading(w, process) as slots:
        assert sum(slots) == THREADS
        process.kill()
        process.wait()
    for _ in range(50):
        if not sum(slots := busy_threads()):
            break
        w.settle(0.1)
    assert set(slots) == {0}


def test_a_call_under_way_when_the_watch_begins_is_told_from_its_exit(
    watch: Callable[..., Watch], inside: Start
) -> None:
    process = inside("threads", 1)
    go(process)
    assert process.stdout
    assert process.stdin
    assert process.stdout.readline() == "ready\n"
    tasks = Path(f"/proc/{process.pid}/task")
    while not any((task / "syscall").read_text().startswith("0 0x0 ") for task in tasks.iterdir()):
        assert process.poll() is None
    w = watch("read", only=READS, canary_seconds=None)
    process.stdin.close()
    assert process.wait() == 0
    w.until(lambda _: w.of("read"))
    assert [(e.result, e.unread["duration"]) for e in w.of("read")] == [(0, NO_ENTRY)]
