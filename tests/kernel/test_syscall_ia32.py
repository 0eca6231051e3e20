"""Structures of a 32-bit program, on this kernel: strace sees the same calls, argument by argument."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from ringward.events import Event
from ringward.events.filter import Filter
from ringward.sensor.sensor import Sensor
from tests.kernel.beside_strace import differences
from tests.kernel.programs import open_folder
from tests.kernel.programs import program_fixture as program_fixture  # noqa: PLC0414 - pytest takes it by its name
from tests.kernel.strace import Call, calls

CALLS = [
    "open", "writev", "lseek", "stat", "lstat", "fstat", "stat64", "lstat64", "fstat64", "fstatat64", "openat2",
    "nanosleep", "clock_nanosleep", "clock_nanosleep_time64", "clock_gettime", "clock_gettime64", "clock_getres",
    "gettimeofday", "_newselect", "setitimer", "getitimer", "timerfd_create", "timerfd_settime",
    "timerfd_settime64", "timerfd_gettime64", "utimes", "utimensat", "utimensat_time64", "futex", "futex_time64",
    "setrlimit", "ugetrlimit", "getrlimit", "prlimit64", "clone3", "ppoll", "rt_sigprocmask", "sigprocmask",
    "connect", "execve", "statx", "statfs", "statfs64", "getrusage", "wait4", "rt_sigaction", "sigaction", "bind",
    "getsockname", "epoll_ctl", "epoll_wait", "sendmsg", "recvmsg", "exit_group",
]  # fmt: skip
PADDING = "strace shows the padding behind nanoseconds, which the kernel leaves out for 32-bit callers; and Ringward"
ABSENT = "strace leaves out what the operation does not use; the register has a value all the same"
DIFFERENCES: dict[tuple[str, str], str] = {
    ("getsockname", "usockaddr_len"): "strace reads the length; Ringward has its address",
    ("clock_nanosleep_time64", "rqtp"): PADDING,
    ("timerfd_settime64", "utmr"): PADDING,
    ("utimensat_time64", "utimes"): PADDING,
    ("futex_time64", "utime"): PADDING,
    ("utimensat", "utimes"): "strace has UTIME_OMIT in place of the structure; Ringward of its nanoseconds",
    ("futex", "uaddr2"): ABSENT,
    ("futex", "val3"): ABSENT,
    ("futex_time64", "uaddr2"): ABSENT,
    ("futex_time64", "val3"): ABSENT,
}
"""Arguments that are not said as strace says them, and why."""
Seen = tuple[list[Event], list[Call]]


@pytest.fixture(scope="module", name="seen")
def seen_fixture(program: Callable[[str], Path]) -> Seen:
    """Run the program once, under strace and watched."""
    folder = open_folder()
    output = folder / "strace"
    command = ["strace", "-q", "-q", "-v", "-o", str(output), "-e", "trace=" + ",".join(CALLS), str(program("calls32"))]
    with Sensor(CALLS, only=Filter(comms=("calls32",)), canary_seconds=None) as sensor:
        done = subprocess.run(command, cwd=folder, check=False)
        events: list[Event] = []
        for _ in range(100):
            events += sensor.poll(0.1)
            if any(event.event == "exit_group" for event in events):
                break
        assert sensor.totals.lost == 0
    assert done.returncode == 7
    traced = calls(output.read_text())
    shutil.rmtree(folder)
    begin = next(i for i, call in enumerate(traced) if call.name == "open")  # behind strace's own execve
    return [one for one in events if one.hook != "sensor"], traced[begin:]


def test_every_call_is_seen_once_in_order(seen: Seen) -> None:
    events, traced = seen
    assert len(traced) > 50
    assert [event.event.removesuffix("_ia32") for event in events] == [call.name for call in traced]
    assert {event.abi for event in events} == {"ia32"}
    assert [event.error for event in events] == [call.error for call in traced]


def test_every_argument_says_what_strace_says(seen: Seen) -> None:
    compared, differ = differences(*seen)
    assert {key: differ[key] for key in differ.keys() - DIFFERENCES.keys()} == {}
    assert DIFFERENCES.keys() - differ.keys() == set(), "these are said alike"
    assert compared > 100


def of(seen: Seen, name: str) -> list[Event]:
    return [event for event in seen[0] if event.event == name]


def test_structures_are_what_the_program_has_in_them(seen: Seen) -> None:
    (wait,) = of(seen, "clock_nanosleep_time64")
    assert (wait.result, wait.args.rqtp) == (0, {"tv_sec": 0, "tv_nsec": 2000}), "the kernel took it without padding"
    (late,) = of(seen, "utimensat_time64")
    assert (late.result, late.args.utimes[0]) == (0, {"tv_sec": 5_000_000_000, "tv_nsec": 7})
    assert late.args.utimes[1]["tv_nsec"] == "UTIME_NOW"
    (later,) = of(seen, "timerfd_gettime64")
    assert 6_999_999_000 < later.args.otmr["it_value"]["tv_sec"] <= 7_000_000_000
    (limit,) = of(seen, "ugetrlimit")
    assert limit.args.rlim == {"rlim_cur": "RLIM_INFINITY", "rlim_max": "RLIM_INFINITY"}
    assert [event.args.offset for event in of(seen, "lseek")] == [-1]
    (writev,) = of(seen, "writev")
    assert (writev.result, [one["iov_len"] for one in writev.args.vec]) == (5, [2, 3])
    null, wrong = [event.unread for event in of(seen, "nanosleep")]
    assert (null["rmtp"], wrong["rqtp"]) == (
        "the caller passed NULL",
        "the page was not in memory, or nothing is mapped there",
    )


def test_the_narrow_and_the_wide_structure_of_a_file_are_alike(seen: Seen) -> None:
    narrow, wide = (of(seen, name)[0].args.statbuf for name in ("fstat", "fstat64"))
    assert narrow == wide
    assert narrow["st_size"] == 5
    assert of(seen, "stat")[0].args.statbuf["st_rdev"] == "1:3"
