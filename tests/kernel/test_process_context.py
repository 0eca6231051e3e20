"""Where processes are not followed, the kernel part tells who one is when it tells of what that did.

The reader looks only when all has happened: what it says of processes that are gone is what the kernel part has told.
"""

from __future__ import annotations

import ctypes
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from ringward.events import Ancestor, Event
from ringward.sensor import _native, procfs
from tests.kernel.calls import NUMBERS, built
from tests.kernel.conftest import Watch
from tests.kernel.programs import folder_fixture  # noqa: F401 - a fixture
from tests.kernel.witness import SECONDS

CREATE = NUMBERS["64"]["create_module"]


@pytest.fixture(scope="module", name="watched")
def watched_fixture() -> Iterator[Watch]:
    w = Watch("create_module", on_demand=True, canary_seconds=None)
    yield w
    lost = w.of("events_lost")
    w.sensor.close()
    assert lost == []


@pytest.fixture
def w(watched: Watch) -> Watch:
    watched.clear()
    return watched


def create_module() -> None:
    """Make the call in this process; no kernel has it, and each of its calls is told."""
    _native.raw_syscall(CREATE, 0, 0, 0)


def forked(body: Callable[[], object]) -> int:
    """Run a function in a child; return its number when it has ended."""
    pid = os.fork()
    if not pid:
        try:
            body()
        finally:
            os._exit(0)
    os.waitpid(pid, 0)
    return pid


def told(w: Watch, pid: int | None = None, count: int = 1) -> list[Event]:
    """Wait for the calls of a process that has ended (None: of any but this one), and return them."""

    def found() -> list[Event]:
        events = [e for e in w.of("create_module") if e.process]
        return [e for e in events if (e.process.pid == pid if pid else e.process.pid != os.getpid())]

    w.until(lambda _: len(found()) >= count, SECONDS)
    assert len(found()) == count
    return found()


def arguments(pid: int) -> tuple[str, ...]:
    return tuple(Path(f"/proc/{pid}/cmdline").read_text().split("\0")[:-1])


def check_this_process(ancestor: Ancestor) -> None:
    """Compare with /proc: this process is there, and its arguments are read when the event is."""
    assert (ancestor.pid, ancestor.exe) == (os.getpid(), os.path.realpath("/proc/self/exe"))
    assert ancestor.args is not None
    assert ancestor.args[0] == arguments(os.getpid())[0]
    assert (ancestor.comm, ancestor.unread) == (Path("/proc/self/comm").read_text().strip(), None)


def test_only_what_keeps_the_kernel_parts_own_tables_is_attached(w: Watch) -> None:
    processes = {name for name in w.info.attached if "process_" in name}
    assert processes == {"canaries: process_fork", "canaries: process_exit"}
    assert w.info.missing == {}


def test_a_call_that_no_kernel_has_is_seen_at_its_exit_alone(w: Watch) -> None:
    assert w.info.attached["create_module"].where == "sys_exit"
    name = ctypes.create_string_buffer(b"rw_at_exit")
    (event,) = told(w, forked(lambda: _native.raw_syscall(CREATE, ctypes.addressof(name), 1, 2, 0o644, 4)))
    args = event.args
    assert (args.name, args.code, args.len, args.mode, args.flags) == ("rw_at_exit", "0x1", 2, 0o644, ("0x4",))
    assert (event.error, event.duration) == ("ENOSYS", None)
    assert "its exit alone is watched" in event.unread["duration"]


def test_a_caller_that_has_ended_is_told_whole(w: Watch, folder: Path) -> None:
    def body() -> None:
        os.chdir(folder)
        create_module()

    (event,) = told(w, forked(body))
    process = event.process
    assert (process.exe, process.args, process.cwd) == (
        os.path.realpath("/proc/self/exe"),
        arguments(os.getpid()),
        str(folder),
    )
    assert process.cgroup == procfs.read_cgroup(os.getpid())
    assert process.unread == {}
    check_this_process(process.ancestors[0])
    line = [ancestor.pid for ancestor in process.ancestors]
    assert line[:2] == [os.getpid(), os.getppid()]
    assert line[-1] == 1 or len(line) == 16


def test_ancestors_that_have_ended_are_named(w: Watch, folder: Path) -> None:
    call = [str(built("call")), "64", str(CREATE), "null", "0", "0"]
    # What follows keeps the shell from becoming the program.
    script = f"cd {folder}; (cd /; {' '.join(call)}; true); true"
    subprocess.run(["/bin/sh", "-c", script], check=True, stdout=subprocess.DEVNULL)
    (event,) = told(w)
    process = event.process
    assert (process.exe, process.args, process.cwd, process.unread) == (call[0], tuple(call), "/", {})
    inner, outer, here = process.ancestors[:3]
    for shell in (inner, outer):
        assert (shell.exe, shell.comm, shell.args) == (os.path.realpath("/bin/sh"), "sh", None)
        assert shell.unread == "the process ended, or became another program, before /proc could be read"
    assert inner.pid != outer.pid
    check_this_process(here)


def test_each_program_of_a_process_is_told_and_each_only_once(w: Watch) -> None:
    call = [str(built("call")), "64", str(CREATE), "null", "0", "0"]

    def body() -> None:
        os.dup2(os.open("/dev/null", os.O_WRONLY), 1)
        for _ in range(4):
            create_module()
        os.execv(call[0], call)

    pid = forked(body)
    *before, after = told(w, pid, 5)
    assert [e.process.exe for e in before] == [os.path.realpath("/proc/self/exe")] * 4
    assert (after.process.exe, after.process.args) == (call[0], tuple(call))
    assert after.process.parent == before[0].process.parent
    # Records are numbered, one for each call: somebody else's can be between two of them.
    gaps = [b.seq - a.seq for a, b in pairwise(before) if a.cpu == b.cpu]
    assert min(gaps, default=1) == 1


def test_an_ancestor_that_became_another_program_is_that(w: Watch) -> None:
    read, write = os.pipe()

    def child() -> None:
        create_module()
        # What an exec sets last.
        parent = Path(f"/proc/{os.getppid()}/cmdline")
        end = time.monotonic() + SECONDS
        os.write(write, b"1")
        while not parent.read_bytes().startswith(b"sleep") and time.monotonic() < end:
            time.sleep(0.01)
        create_module()

    middle = os.fork()
    if not middle:
        try:
            if not os.fork():
                child()
            else:
                os.read(read, 1)
                os.execv("/bin/sleep", ["sleep", "60"])
        finally:
            os._exit(0)
    os.close(write)
    try:
        first, second = told(w, None, 2)
    finally:
        os.kill(middle, 9)
        os.waitpid(middle, 0)
        os.close(read)
    assert first.process.id == second.process.id
    before, after = first.process.ancestors[0], second.process.ancestors[0]
    assert (before.id, before.exe) == (after.id, os.path.realpath("/proc/self/exe"))
    assert (after.exe, after.args, after.comm) == (os.path.realpath("/bin/sleep"), ("sleep", "60"), "sleep")


def test_a_sensor_of_starts_follows_processes_all_the_same(watch: Callable[..., Watch]) -> None:
    w = watch("create_module", "process_exec", on_demand=True, canary_seconds=None)
    assert {"process_fork", "process_exec", "process_exit"} <= set(w.info.attached)
    (event,) = told(w, forked(create_module))
    assert event.process.args == arguments(os.getpid())
    # Nobody is told of who has not started.
    assert [e for e in w.of("process_exec") if e.process.pid == event.process.pid] == []
