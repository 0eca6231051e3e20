"""Requests of io_uring on this kernel: what a program had a ring do, beside what it says itself and what calls show."""

from __future__ import annotations

import errno
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from ringward.events import Event
from ringward.events.filter import Filter
from ringward.events.io_uring_ops import OPERATIONS
from ringward.sensor.limits import Limit
from tests.kernel.conftest import PATIENCE, Watch
from tests.kernel.programs import open_folder, program_fixture  # noqa: F401 - a fixture

LAST = 0x11
"""The program's last mark."""
SILENT, SLOW, POLLED = 0xE, 0xF, (0x10, LAST)
EVERY, PROCESSORS = 5, 64
"""A sample; and each processor begins its own: no test machine has more."""


class Seen(NamedTuple):
    """The same run as Ringward saw it and as the program tells it."""

    folder: Path
    pid: int
    requests: dict[int, list[Event]]
    """By the program's mark, in order."""
    calls: list[Event]
    results: dict[int, int]
    enters: int
    """Calls of io_uring_enter that the program has made; none for the last request."""
    thinned: list[Event]
    """What a watch of one request in `EVERY` has told."""


@pytest.fixture(scope="module", name="seen")
def seen_fixture(program: Callable[[str], Path]) -> Iterator[Seen]:
    folder = open_folder()
    calls = ("io_uring_enter", "io_uring_setup", "openat", "openat2", "unlinkat", "unlink", "mkdirat", "renameat2")
    watch = Watch("io_uring", *calls, only=Filter(comms=("ring",)), canary_seconds=None)
    assert watch.info.missing == {}
    only, limits = Filter(comms=("ring",)), {"io_uring": Limit(every=EVERY)}
    thinned = Watch("io_uring", only=only, limits=limits, canary_seconds=None)
    child = subprocess.Popen([program("ring"), folder], stdout=subprocess.PIPE, text=True)
    mine = lambda: [event for event in watch.events if event.process and event.process.pid == child.pid]  # noqa: E731
    watch.until(lambda _: any(e.event == "io_uring" and int(e.args.user_data, 16) == LAST for e in mine()), PATIENCE)
    out, _ = child.communicate(timeout=PATIENCE)
    assert child.returncode == 0
    requests: dict[int, list[Event]] = {}
    for event in mine():
        if event.event == "io_uring":
            requests.setdefault(int(event.args.user_data, 16), []).append(event)
    *lines, (enters, _) = (line.split() for line in out.splitlines())
    results = {int(mark, 16): int(result) for mark, result in lines}
    thinned.settle(0.1)
    thinned.events += thinned.sensor.close()
    calls_made = [e for e in mine() if e.event != "io_uring"]
    yield Seen(folder, child.pid, requests, calls_made, results, int(enters), thinned.events)
    assert watch.sensor.totals.lost == 0
    watch.sensor.close()
    subprocess.run(["rm", "-r", folder], check=True)


def args(seen: Seen, mark: int) -> Any:
    return seen.requests[mark][-1].args


def test_each_request_is_told_once_with_its_result(seen: Seen) -> None:
    assert len(seen.results) == 23
    assert seen.requests.keys() == {*seen.results, SILENT}
    assert {mark for mark, events in seen.requests.items() if len(events) > 1} == {SLOW}
    for mark, result in seen.results.items():
        event = seen.requests[mark][-1]
        assert event.result == result, mark
        assert event.error == (errno.errorcode[-result] if result < 0 else None), mark
        assert event.duration is not None
        assert 0 < event.duration < 60e9


def test_what_a_sample_leaves_out_is_counted(seen: Seen) -> None:
    told = {event.args.user_data for event in seen.thinned if event.event == "io_uring"}
    left_out = sum(event.args.count for event in seen.thinned if event.event == "events_limited")
    assert len(told) + left_out == len(seen.requests)
    assert len(seen.requests) // EVERY <= len(told) <= len(seen.requests) // EVERY + PROCESSORS
    assert left_out > 0


def test_what_is_not_announced_is_told_without_a_result(seen: Seen) -> None:
    (event,) = seen.requests[SILENT]
    assert (event.result, event.args.operation, event.args.flags) == (None, "NOP", ("IOSQE_CQE_SKIP_SUCCESS",))
    assert "IOSQE_CQE_SKIP_SUCCESS" in event.unread["result"]


def test_a_request_that_takes_long_is_shown_in_progress_and_when_it_is_complete(seen: Seen) -> None:
    shown, complete = seen.requests[SLOW]
    assert (shown.result, complete.result) == (None, 1)
    assert "has not returned after" in shown.unread["result"]
    assert 2.5e9 <= complete.duration < 60e9
    assert shown.args == complete.args
    assert (complete.args.operation, complete.args.path) == ("POLL_ADD", None)
    assert re.fullmatch(r"pipe:\[\d+\]", complete.args.fd.path)


def test_operations_paths_and_flags(seen: Seen) -> None:
    folder = str(seen.folder)
    operations = "OPENAT WRITE READ UNLINKAT RENAMEAT MKDIRAT UNLINKAT SYMLINKAT OPENAT2 READ OPENAT 255 CLOSE"
    assert [args(seen, mark).operation for mark in range(1, 14)] == operations.split()
    assert args(seen, 0xFEEDFACECAFEBEEF).operation == "NOP"
    paths = {mark: args(seen, mark).path.path for mark in (1, 4, 5, 6, 7, 9, *POLLED)}
    names = {1: "file", 4: "gone", 5: "file", 6: "dir", 7: "dir", 9: "other", POLLED[0]: "other", LAST: "other"}
    assert paths == {mark: f"{folder}/{name}" for mark, name in names.items()}
    assert args(seen, 4).path.given == f"{folder}/gone"
    assert (args(seen, 1).path.given, args(seen, 1).fd.path) == ("file", folder)
    assert args(seen, 4).fd.fd == args(seen, 6).fd.fd == "AT_FDCWD"
    assert args(seen, 5).new_path.path == f"{folder}/other"
    assert (args(seen, 8).path.given, args(seen, 8).new_path.path) == ("text", f"{folder}/link")
    flags = {mark: args(seen, mark).op_flags for mark in (1, 5, 7, 9, POLLED[0])}
    assert flags == {
        1: ("O_RDWR", "O_CREAT", "O_LARGEFILE"),  # the kernel adds the last
        5: ("RENAME_NOREPLACE",),
        7: ("AT_REMOVEDIR",),
        9: ("O_RDWR", "O_LARGEFILE", "O_CLOEXEC"),
        POLLED[0]: ("O_WRONLY", "O_LARGEFILE"),
    }


def test_buffers_and_lengths(seen: Seen) -> None:
    lengths = {mark: args(seen, mark).len for mark in (2, 3, 10, 0x20, 0x21)}
    assert lengths == {2: 5, 3: 16, 10: 3, 0x20: 6, 0x21: 6}
    assert args(seen, 3).buf == args(seen, 10).buf == args(seen, 0x21).buf != args(seen, 2).buf
    assert int(args(seen, 2).buf, 16) > 4096
    assert (args(seen, 1).buf, args(seen, 1).len) == (None, None)


def test_linked_requests_are_told_one_by_one_also_those_that_never_began(seen: Seen) -> None:
    first, second, failed, never = (seen.requests[mark][0] for mark in range(0x20, 0x24))
    assert (first.result, second.result, failed.error, never.error) == (6, 6, "EBADF", "ECANCELED")
    assert [event.args.flags for event in (first, second, failed, never)] == [("IOSQE_IO_LINK",), ()] * 2


def test_a_request_that_is_completed_several_times_has_its_last_result(seen: Seen) -> None:
    (event,) = seen.requests[0x24]
    assert (event.args.operation, event.error) == ("POLL_ADD", "ECANCELED")
    assert (seen.requests[0x25][0].args.operation, seen.requests[0x25][0].result) == ("ASYNC_CANCEL", 0)


def test_descriptors_are_what_they_are(seen: Seen) -> None:
    folder = str(seen.folder)
    for mark in (2, 3):
        assert (args(seen, mark).fd.fd, args(seen, mark).fd.path) == (seen.results[1], f"{folder}/file")
    registered = args(seen, 10)
    assert (registered.fd.fd, registered.fd.path) == (0, f"{folder}/other"), "by its index, and by its present name"
    assert registered.flags == ("IOSQE_FIXED_FILE",)
    assert args(seen, 13).fd == args(seen, 1).fd


def test_what_the_kernel_refuses_is_told(seen: Seen) -> None:
    assert [seen.requests[mark][0].error for mark in (11, 12)] == ["EFAULT", "EINVAL"]
    for mark in (11, 12):
        assert args(seen, mark).path is None
        assert "refused" in seen.requests[mark][0].unread["path"]


def test_the_polling_thread_works_for_the_process(seen: Seen) -> None:
    assert {mark for mark in seen.requests if args(seen, mark).sq_thread} == set(POLLED)
    for mark in POLLED:
        process = seen.requests[mark][0].process
        assert (process.pid, process.comm) == (seen.pid, "ring")


def test_no_system_call_shows_what_the_ring_did(seen: Seen) -> None:
    names = [event.event for event in seen.calls]
    assert [names.count(name) for name in ("io_uring_setup", "unlinkat", "unlink", "mkdirat", "renameat2")] == [2] + [
        0
    ] * 4
    opened = {event.args.filename.given for event in seen.calls if event.event in ("openat", "openat2")}
    assert "." in opened
    assert not opened & {"file", "other"}
    assert names.count("io_uring_enter") == seen.enters


def test_this_kernel_has_no_operation_of_another_name() -> None:
    """Its BTF has the names of enum io_uring_op in their order."""
    strings = Path("/sys/kernel/btf/vmlinux").read_bytes()
    *found, last = (name.decode() for name in re.findall(rb"\0IORING_OP_(\w+)(?=\0)", strings))
    assert len(found) > 40
    assert last == "LAST"
    assert found == list(OPERATIONS[: len(found)])
