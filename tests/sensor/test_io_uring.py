"""Requests of io_uring from hand-made records: complete, in progress, refused, never told."""

from __future__ import annotations

from typing import Any

import pytest

from ringward.events import Event
from ringward.events.catalogue.io_uring import LINK_TEXT, NO_BASE, REFUSED, REGISTERED
from ringward.events.syscall_values import Descriptor, PathValue
from ringward.sensor.io_uring import NO_PLACE, NO_WORD, WAITING_NS
from tests.sensor.joined import INIT, Joined
from tests.sensor.kernel_records import FAULT, Proc, Value, enums

FILE, DIRECTORY, PATH, NEW, IS_REFUSED = 1, 2, 4, 8, 16
BUFFER = 32
AT_FDCWD = -100
OPENAT, READ, RENAMEAT, UNLINKAT, SYMLINKAT, NOP = 18, 22, 35, 36, 38, 0


class Ring:
    """Makes records of one process's requests."""

    def __init__(self) -> None:
        self.joined = Joined()
        self.proc: Proc = self.joined.program("ring", exe="/usr/bin/ring", parent=INIT)

    def record(self, opcode: int, state: str = "ATTEMPT_RETURNED", **given: Value) -> bytes:
        kernel = self.joined.kernel
        values: dict[str, Value] = {"opcode": opcode, "request": 0xFFFF0000, "submitted": kernel.time, **given}
        values["state"] = enums()["attempt_state"][state]
        kernel.time += 500
        return kernel.record("io_uring", self.proc, **values)

    def event(self, opcode: int, state: str = "ATTEMPT_RETURNED", **given: Value) -> Event:
        (event,) = self.joined.feed(self.record(opcode, state, **given))
        return event

    def waiting(self, *records: bytes, later: int) -> list[Event]:
        decoded = [self.joined.decoder.one(raw) for raw in records]
        return self.joined._told(list(self.joined.joiner.waiting(decoded, self.joined.kernel.time + later)))


@pytest.fixture
def ring() -> Ring:
    return Ring()


def test_an_open_has_its_path_result_and_duration(ring: Ring) -> None:
    event = ring.event(
        OPENAT, targets=DIRECTORY | PATH, fd=5, fd_path="/srv", path="a/b", op_flags=0x241, result=7, user_data=1 << 63
    )
    args: Any = event.args
    assert (event.event, event.result, event.error, event.abi) == ("io_uring", 7, None, None)
    assert event.duration is not None
    assert event.duration > 0
    assert (args.operation, args.fd, args.path) == ("OPENAT", Descriptor(5, "/srv"), PathValue("a/b", "/srv/a/b"))
    assert args.op_flags == ("O_WRONLY", "O_CREAT", "O_TRUNC")
    assert (args.user_data, args.flags, args.sq_thread) == (hex(1 << 63), (), False)
    assert (args.new_fd, args.new_path) == (None, None)
    assert event.unread == {}
    assert args.subject() == 'OPENAT "/srv/a/b"'
    assert event.process is not None
    assert event.process.pid == ring.proc.pid


def test_a_read_has_its_buffer_and_how_long_that_is(ring: Ring) -> None:
    args: Any = ring.event(READ, targets=FILE | BUFFER, fd=3, fd_path="/srv/a", buf=0x7F00_0000_1000, len=0).args
    assert (args.buf, args.len) == ("0x7f0000001000", 0)
    none: Any = ring.event(NOP, buf=5, len=5)
    assert (none.args.buf, none.args.len, none.unread) == (None, None, {})


def test_a_remove_that_fails_by_a_polling_thread(ring: Ring) -> None:
    given = "/etc/x"
    event = ring.event(
        UNLINKAT, targets=DIRECTORY | PATH, fd=AT_FDCWD, fd_path="/srv", path=given, result=-2, sq_thread=1
    )
    args: Any = event.args
    assert (event.result, event.error, args.sq_thread) == (-2, "ENOENT", True)
    assert (args.fd, args.path) == (Descriptor("AT_FDCWD", "/srv"), PathValue(given, given))


def test_a_rename_has_two_paths(ring: Ring) -> None:
    event = ring.event(
        RENAMEAT,
        targets=DIRECTORY | PATH | NEW,
        fd=4,
        fd_path="/a",
        path="x",
        new_fd=AT_FDCWD,
        new_fd_path="/b",
        new_path="y",
    )
    args: Any = event.args
    assert (args.path.path, args.new_fd, args.new_path.path) == ("/a/x", Descriptor("AT_FDCWD", "/b"), "/b/y")
    assert args.subject() == 'RENAMEAT "/a/x" "/b/y"'


def test_the_text_of_a_symbolic_link_is_no_path(ring: Ring) -> None:
    event = ring.event(SYMLINKAT, targets=PATH | NEW, path="../t", new_fd=4, new_fd_path="/a", new_path="l")
    args: Any = event.args
    assert (args.fd, args.path, args.new_path.path) == (None, PathValue("../t", None), "/a/l")
    assert event.unread == {"path.path": LINK_TEXT}


def test_a_path_whose_directory_was_not_read(ring: Ring) -> None:
    event = ring.event(OPENAT, targets=DIRECTORY | PATH, fd=4, fd_path=FAULT, path="x")
    args: Any = event.args
    assert args.path == PathValue("x", None)
    assert event.unread["path.path"] == NO_BASE
    assert "page" in event.unread["fd.path"]


def test_a_read_of_a_pipe_and_of_a_registered_file(ring: Ring) -> None:
    pipe: Any = ring.event(READ, targets=FILE, fd=3, fd_path=b"pipe:[12]", result=5).args
    assert pipe.fd == Descriptor(3, "pipe:[12]")
    assert pipe.subject() == "READ 3<pipe:[12]>"
    event = ring.event(READ, targets=FILE, fd=0, fd_path=FAULT, flags=1, result=5)
    args: Any = event.args
    assert (args.fd, args.flags) == (Descriptor(0, None), ("IOSQE_FIXED_FILE",))
    assert event.unread["fd.path"] == REGISTERED


def test_what_the_kernel_refused(ring: Ring) -> None:
    event = ring.event(255, targets=IS_REFUSED, result=-22)
    args: Any = event.args
    assert (args.operation, event.error) == ("255", "EINVAL")
    assert event.unread == dict.fromkeys(("fd", "path", "new_fd", "new_path", "buf", "len"), REFUSED)


@pytest.mark.parametrize(("flags", "reason"), [(64, NO_WORD), (0, NO_PLACE)])
def test_a_request_that_is_told_when_it_is_taken_has_no_result(ring: Ring, flags: int, reason: str) -> None:
    event = ring.event(NOP, "ATTEMPT_ENTERED", flags=flags)
    assert (event.result, event.duration) == (None, None)
    assert event.unread["result"] == event.unread["duration"] == reason


def test_a_request_in_progress_is_shown_once_and_again_when_it_is_complete(ring: Ring) -> None:
    raw = ring.record(READ, "ATTEMPT_ENTERED", targets=FILE, fd=3, fd_path="/x")
    assert ring.waiting(raw, later=WAITING_NS // 2) == []
    (event,) = ring.waiting(raw, later=2 * WAITING_NS)
    assert (event.event, event.result, event.cpu, event.seq) == ("io_uring", None, None, None)
    assert event.unread["result"] == "the request has not returned after 2.0 s"
    assert ring.waiting(raw, later=3 * WAITING_NS) == []
    assert ring.event(READ, targets=FILE, fd=3, fd_path="/x", result=1).result == 1
    assert ring.waiting(later=4 * WAITING_NS) == []
