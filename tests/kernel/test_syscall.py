"""System calls by name, on this kernel: strace sees the same program, argument by argument."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from ringward.events import Event
from ringward.events.filter import Filter
from ringward.events.syscall_table import shipped
from ringward.events.syscall_types import kind_of
from ringward.events.syscall_values import Descriptor, PathValue
from ringward.sensor import tracefs
from ringward.sensor.sensor import Sensor
from tests.kernel.beside_strace import differences, number
from tests.kernel.conftest import Watch
from tests.kernel.programs import open_folder
from tests.kernel.programs import program_fixture as program_fixture  # noqa: PLC0414 - pytest takes it by its name
from tests.kernel.strace import Call, calls

CALLS = [
    "openat",
    "write",
    "pwrite64",
    "lseek",
    "read",
    "pread64",
    "writev",
    "fstat",
    "ftruncate",
    "fcntl",
    "flock",
    "fsync",
    "fchmod",
    "dup3",
    "close",
    "open",
    "openat2",
    "newfstatat",
    "stat",
    "lstat",
    "access",
    "faccessat",
    "mkdir",
    "mkdirat",
    "rename",
    "renameat2",
    "symlink",
    "readlink",
    "linkat",
    "unlink",
    "unlinkat",
    "rmdir",
    "chmod",
    "getcwd",
    "umask",
    "pipe2",
    "mmap",
    "mprotect",
    "madvise",
    "munmap",
    "nanosleep",
    "clock_nanosleep",
    "clock_gettime",
    "getrlimit",
    "prlimit64",
    "setitimer",
    "poll",
    "socket",
    "connect",
    "bind",
    "socketpair",
    "shutdown",
    "kill",
    "rt_sigprocmask",
    "sched_getparam",
    "getpid",
    "wait4",
    "execve",
    "execveat",
    "statx",
    "statfs",
    "getrusage",
    "rt_sigaction",
    "epoll_create1",
    "epoll_ctl",
    "epoll_wait",
    "getsockname",
    "sendmsg",
    "recvmsg",
    "mount",
    "umount2",
    "unshare",
    "ioctl",
    "exit_group",
]

DIFFERENCES: dict[tuple[str, str], str] = {
    ("openat", "mode"): "strace leaves out a mode that the flags do not need; the register has one all the same",
    ("open", "mode"): "as openat",
    ("fcntl", "arg"): "strace leaves out an argument that the command has not; the register has one all the same",
    (
        "nanosleep",
        "rmtp",
    ): "written only when a signal ends the call early: strace shows the address, and so does Ringward",
    ("ioctl", "cmd"): "strace names requests by device; Ringward has the number",
    ("execve", "envp"): "strace reads the environment; Ringward has its address",
    ("getsockname", "usockaddr_len"): "strace reads the length; Ringward has its address",
    (
        "recvmsg",
        "msg",
    ): "of a call that failed strace has the length of the name; Ringward does not read what was not written",
    ("sched_getparam", "param"): "strace reads this structure; Ringward has its address",
    ("socket", "protocol"): "strace names protocols of a family; Ringward has the number",
}
"""Arguments that are not said as strace says them, and why."""


class Seen(NamedTuple):
    """The same run as Ringward and as strace saw it."""

    events: list[Event]
    calls: list[Call]
    status: int


@pytest.fixture(scope="module", name="seen")
def seen_fixture(program: Callable[[str], Path]) -> Iterator[Seen]:
    """Run the program once, under strace and watched."""
    folder = open_folder()
    output = folder / "strace"
    command = ["strace", "-v", "-s", "32", "-o", str(output), "-e", "trace=" + ",".join(CALLS)]
    binary = program("syscalls")
    with Sensor(CALLS, only=Filter(comms=("syscalls",)), head=32, canary_seconds=None) as sensor:
        done = subprocess.run([*command, str(binary), str(folder)], check=False)
        events: list[Event] = []
        for _ in range(100):
            events += sensor.poll(0.1)
            if any(event.event == "exit_group" for event in events):
                break
        told = sensor.totals
    assert told.lost == 0
    yield Seen([one for one in events if one.hook != "sensor"], calls(output.read_text()), done.returncode)
    shutil.rmtree(folder)


def mine(seen: Seen) -> tuple[list[Event], list[Call]]:
    """Return the calls of main(): those from the first file that it makes on."""
    begin = next(i for i, event in enumerate(seen.events) if event.event == "openat" and "O_EXCL" in event.args.flags)
    start = next(i for i, call in enumerate(seen.calls) if "O_EXCL" in "".join(call.args))
    return seen.events[begin:], seen.calls[start:]


def test_every_call_is_seen_once_in_order_with_its_result(seen: Seen) -> None:
    events, traced = mine(seen)
    assert seen.status == 7
    assert len(traced) > 90
    assert [event.event for event in events] == [call.name for call in traced]
    for event, call in zip(events, traced, strict=True):
        if call.name == "exit_group":
            assert event.result is None
            assert event.unread["result"] == "the call does not return"
            continue
        assert event.abi == "64-bit"
        if call.error:
            assert (event.result, event.error) == (event.result, call.error), call
        else:
            assert event.result == int(number(call.result)), call
        assert event.duration is not None
        assert 0 < event.duration < 10**9


def test_every_argument_says_what_strace_says(seen: Seen) -> None:
    events, traced = mine(seen)
    compared, differ = differences(events, traced)
    assert {key: differ[key] for key in differ.keys() - DIFFERENCES.keys()} == {}
    assert DIFFERENCES.keys() - differ.keys() == set(), "these are said alike"
    assert compared > 180


def test_every_call_of_this_kernel_is_known_with_the_types_of_its_arguments() -> None:
    table = {call.entry: call for call in shipped() if call.abi == "64-bit"}
    found = tracefs.parameters()
    assert len(found) > 300
    for name, parameters in found.items():
        assert len(table[name].parameters) == len(parameters), name
        assert all(kind_of(table[name]._replace(parameters=parameters), one) for one in parameters)


def test_paths_lead_from_the_directory(seen: Seen) -> None:
    events, _ = mine(seen)
    folder = events[0].args.dfd.path
    assert events[0].args.filename == PathValue("file", f"{folder}/file")
    (again,) = [event for event in events if event.event == "openat2" and event.args.filename.given == "missing"]
    assert again.args.filename.path == f"{folder}/missing"
    assert again.args.dfd.path == folder
    assert again.error == "ENOENT"
    assert [e.args.pathname.path for e in events if e.event == "unlink"] == [f"{folder}/hard"]


def test_descriptors_are_what_they_are(seen: Seen) -> None:
    events, _ = mine(seen)
    folder = events[0].args.dfd.path
    assert next(e for e in events if e.event == "write").args.fd.path == f"{folder}/file"
    (pipe,) = [e for e in events if e.event == "read" and e.error == "EAGAIN"]
    assert re.fullmatch(r"pipe:\[\d+\]", pipe.args.fd.path)
    assert all(re.fullmatch(r"socket:\[\d+\]", e.args.fd.path) for e in events if e.event == "shutdown")
    closed = [e for e in events if e.event == "close" and e.error == "EBADF"]
    assert [e.args.fd for e in closed] == [Descriptor(100, None)]
    assert closed[0].unread == {"fd.path": "the call has no file, or the descriptor is not open"}


def test_what_could_not_be_read_says_so(seen: Seen) -> None:
    events, _ = mine(seen)
    faults = [e for e in events if e.event == "openat" and e.error == "EFAULT"]
    assert [e.args.filename for e in faults] == [None, None]
    assert [e.unread["filename"] for e in faults] == [
        "the page was not in memory, or nothing is mapped there",
        "the caller passed NULL",
    ]


def test_the_first_bytes_of_buffers_are_read_when_asked_for(seen: Seen) -> None:
    events, _ = mine(seen)
    assert [e.args.buf for e in events if e.event == "write"] == ["hello", "x"]
    assert [e.args.buf for e in events if e.event == "read" and e.result] == ["hellothere", None]


def test_arguments_are_decided_in_the_kernel(watch: Callable[..., Watch]) -> None:
    me = os.getpid()
    only = Filter(args=(("error_code", "5"),))
    looking: Watch = watch("exit", only=only, canary_seconds=None)
    before = looking.sensor.totals.filtered
    for code in (4, 5):
        subprocess.run([sys.executable, "-S", "-c", f"import os; os._exit({code})"], check=False)
    looking.until(lambda _events: looking.of("exit_group"))
    looking.settle(1.2)
    assert [event.args.error_code for event in looking.of("exit_group") if event.process.ppid == me] == [5]
    assert looking.sensor.totals.filtered > before


def test_a_call_in_progress_is_shown_and_again_when_it_returns(watch: Callable[..., Watch]) -> None:
    looking = watch("clock_nanosleep", only=Filter(comms=("sleep",)), canary_seconds=None)
    child = subprocess.Popen(["sleep", "2.6"])

    def told() -> list[Event]:  # others sleep, too
        return [event for event in looking.of("clock_nanosleep") if event.process.pid == child.pid]

    looking.until(lambda _events: len(told()) == 2)
    assert child.wait() == 0
    waiting, done = told()
    assert waiting.result is None
    assert "has not returned after" in waiting.unread["result"]
    assert done.result == 0
    assert done.duration is not None
    assert 2.6e9 <= done.duration < 5e9
    assert done.args == waiting.args
    assert done.args.rqtp["tv_sec"] == 2


def test_the_watcher_does_not_watch_itself(watch: Callable[..., Watch]) -> None:
    looking = watch("getppid", canary_seconds=None)
    os.getppid()
    subprocess.run([sys.executable, "-S", "-c", "import os; os.getppid()"], check=True)
    looking.until(lambda _events: looking.of("getppid"))
    looking.settle(0.3)
    assert os.getpid() not in {event.process.pid for event in looking.of("getppid")}


def test_all_threads_of_the_watchers_child_are_watched(watch: Callable[..., Watch]) -> None:
    looking = watch("getppid", canary_seconds=None)
    code = "import os, threading; os.getppid(); one = threading.Thread(target=os.getppid); one.start(); one.join()"
    child = subprocess.Popen([sys.executable, "-S", "-c", code])
    assert child.wait() == 0

    def told() -> list[Event]:
        return [event for event in looking.of("getppid") if event.process.pid == child.pid]

    looking.until(lambda _events: len(told()) == 2)
    assert [event.process.tid == child.pid for event in told()] == [True, False]


def test_a_call_of_a_32_bit_program_is_named_for_what_it_is(
    watch: Callable[..., Watch], program: Callable[[str], Path]
) -> None:
    looking = watch("close", "fork", only=Filter(comms=("int80",)), canary_seconds=None)
    subprocess.run([str(program("int80"))], check=True)
    looking.until(lambda _events: looking.of("close"))
    found = [event for event in looking.of("close") if event.abi == "ia32"]
    assert [(event.args.fd.fd, event.error) for event in found] == [(77, "EBADF")]


def test_nothing_stays_after_kill(tmp_path: Path) -> None:
    code = (
        "from ringward.sensor.sensor import Sensor; s = Sensor(['openat']); s.open();"
        " print(*s.info.attached['openat'].programs, flush=True); s.poll(60)"
    )
    child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    programs = child.stdout.readline().split()
    assert len(programs) == 4
    child.send_signal(signal.SIGKILL)
    child.wait()
    subprocess.run(["sleep", "0.5"], check=True)
    left = subprocess.run(["bpftool", "prog", "show", "-j"], check=True, capture_output=True, text=True).stdout
    assert not [one for one in programs if re.search(rf'"id":{one}\b', left)]
