"""From hand-made records of system calls to events."""

from __future__ import annotations

import struct
from typing import Any

import pytest

from ringward.events import Event
from ringward.events.syscall_args import NO_RETURN, NOT_ASKED
from ringward.events.syscall_values import Descriptor, PathValue
from ringward.sensor.clock import Clock
from ringward.sensor.decode import Decoder, Record
from ringward.sensor.syscalls import NO_ENTRY, SystemCalls, under_way
from tests.sensor.kernel_records import Proc, decoder, encode, enums, layouts

SECOND = 1_000_000_000
BASH = Proc(40, 5 * SECOND)
Reads = dict[int, bytes]


class Calls:
    """Makes records and has events made of them."""

    def __init__(self) -> None:
        self.decoder: Decoder = decoder()
        self.contexts: list[bytes] = []
        self.made = SystemCalls(self.decoder, self._context, Clock(), "host")

    def _context(self, task: bytes) -> Any:
        self.contexts.append(task)

    def record(
        self,
        nr: int,
        *args: int,
        reads: Reads | None = None,
        unread: dict[int, int] | None = None,
        abi: int = 0,
        state: str = "ATTEMPT_RETURNED",
        result: int = 0,
        cwd: bytes = b"",
        late: int = 0,
        entered: int = 100,
        time: int = 350,
    ) -> Record:
        size = layouts()["syscall"].size
        tail, locs = b"", []
        for at in range(6):
            data = (reads or {}).get(at)
            locs.append((unread or {}).get(at, 0) if data is None else (size + len(tail)) << 16 | len(data))
            tail += data or b""
        values: dict[str, Any] = {
            **BASH.task(),
            "kind": enums()["event_kind"]["KIND_SYSCALL"],
            "hook": 1,
            "abi": abi,
            "cpu": 1,
            "seq": 9,
            "time": time,
            "entered": entered,
            "result": result,
            "state": enums()["attempt_state"][state],
            "nr": nr,
            "args": struct.pack("<6Q", *[one & (1 << 64) - 1 for one in args], *[0] * (6 - len(args))),
            "reads": struct.pack("<6I", *locs),
            "cwd": (size + len(tail)) << 16 | len(cwd) if cwd else 4,
            "late": late,
        }
        return self.decoder.one(encode(layouts()["syscall"], values) + tail + cwd)

    def event(self, nr: int, *args: int, **given: Any) -> Event:
        return self.made.event(self.record(nr, *args, **given))


@pytest.fixture
def calls() -> Calls:
    return Calls()


def test_a_call_is_an_event_with_result_and_duration(calls: Calls) -> None:
    found = calls.event(257, -100, 0x1000, 0o2000000, 0o644, reads={0: b"tmp\0", 1: b"x"}, result=3)
    assert found.event == "openat"
    assert found.args.dfd == Descriptor("AT_FDCWD", "/tmp")
    assert found.args.filename == PathValue("x", "/tmp/x")
    assert found.args.flags == ("O_RDONLY", "O_CLOEXEC")
    assert found.args.mode == "0644"
    assert (found.result, found.error, found.duration, found.abi) == (3, None, 250, "64-bit")
    assert (found.cpu, found.seq, found.hook, found.unread) == (1, 9, "tp_btf", {})


def test_an_error_has_its_name_and_an_address_is_none(calls: Calls) -> None:
    assert calls.event(3, 99, result=-9, unread={0: 9}).error == "EBADF"
    assert calls.event(12, 0, result=0x55E909103000).error is None
    assert calls.event(9, 0, 1, 2, 3, 4, 5, result=-4096).error is None


def test_a_path_of_an_absolute_name_needs_no_directory(calls: Calls) -> None:
    found = calls.event(257, 3, 1, 0, 0, reads={1: b"/etc/x"}, unread={0: 9})
    assert found.args.filename == PathValue("/etc/x", "/etc/x")
    assert found.args.dfd == Descriptor(3, None)
    assert found.unread == {"dfd.path": "the call has no file, or the descriptor is not open"}


def test_a_relative_path_without_its_directory_says_so(calls: Calls) -> None:
    found = calls.event(257, 3, 1, 0, 0, reads={1: b"x"}, unread={0: 9})
    assert found.args.filename == PathValue("x", None)
    assert found.unread["filename.path"] == "the directory that it begins at could not be read"


def test_a_path_without_descriptor_begins_at_the_working_directory(calls: Calls) -> None:
    assert calls.event(2, 1, 0, 0, reads={0: b"x"}, cwd=b"b\0a\0").args.filename == PathValue("x", "/a/b/x")
    assert calls.event(2, 1, 0, 0, reads={0: b""}, cwd=b"b\0a\0").args.filename == PathValue("", "/a/b")


def test_a_file_without_directory_has_its_name(calls: Calls) -> None:
    assert calls.event(3, 4, reads={0: b"pipe:[77]"}).args.fd == Descriptor(4, "pipe:[77]")


def test_what_is_not_read_says_why(calls: Calls) -> None:
    found = calls.event(257, -100, 0, 0, 0, reads={0: b"a\0"}, unread={1: 2}, result=-14)
    assert found.args.filename is None
    assert found.unread == {"filename": "the caller passed NULL"}
    assert calls.event(1, 1, 0x1000, 5, reads={0: b"a\0"}).unread == {"buf": NOT_ASKED}


def test_a_structure_of_a_32_bit_caller_has_its_layout(calls: Calls) -> None:
    found = calls.event(162, 0x1000, 0, abi=enums()["abi"]["ABI_IA32"], reads={0: struct.pack("<ii", 1, 2)})
    assert (found.event, found.abi, found.args.rqtp) == ("nanosleep", "ia32", {"tv_sec": 1, "tv_nsec": 2})
    found = calls.event(35, 0x1000, 0, reads={0: struct.pack("<qq", 1, 2)})
    assert (found.abi, found.args.rqtp) == ("64-bit", {"tv_sec": 1, "tv_nsec": 2})


def test_a_negative_number_of_a_32_bit_caller_is_negative(calls: Calls) -> None:
    found = calls.event(19, 3, 0xFFFFFFFF, 0, abi=enums()["abi"]["ABI_IA32"], unread={0: 9})
    assert (found.event, found.args.offset) == ("lseek", -1)


def test_the_same_number_is_another_call_by_another_way_in(calls: Calls) -> None:
    assert calls.event(6, 77, abi=enums()["abi"]["ABI_IA32"], unread={0: 9}).event == "close"
    assert calls.event(6, 1, 2).event == "lstat"
    assert calls.event(520, 1, abi=enums()["abi"]["ABI_X32"]).event == "execve"


def test_a_call_that_does_not_return_has_no_result(calls: Calls) -> None:
    found = calls.event(231, 7, state="ATTEMPT_ENTERED")
    assert (found.event, found.args.error_code, found.result, found.duration) == ("exit_group", 7, None, None)
    assert found.unread == {"result": NO_RETURN, "duration": NO_RETURN}


def test_a_call_seen_at_exit_alone_has_no_duration(calls: Calls) -> None:
    found = calls.event(3, 99, state="ATTEMPT_STOPPED", result=-1, reads={0: b"a\0"})
    assert (found.result, found.duration, found.unread) == (-1, None, {"duration": NO_ENTRY})


def test_a_string_that_was_read_late_says_so(calls: Calls) -> None:
    found = calls.event(87, 0x1000, reads={0: b"/x"}, late=1)
    assert found.sources == {"pathname": "exit"}


def test_too_few_bytes_are_no_structure(calls: Calls) -> None:
    found = calls.event(42, 3, 0x1000, 1, reads={0: b"socket:[1]", 1: b"\2"})
    assert found.args.uservaddr is None
    assert found.unread["uservaddr"] == "the caller gave fewer bytes than the structure has"


def test_cut_bytes_are_said_to_be_cut(calls: Calls) -> None:
    record = calls.record(87, 0x1000, reads={0: b"/x"})
    data = bytearray(record.tail.data)
    at = data.index(struct.pack("<I", layouts()["syscall"].size << 16 | 2))
    data[at : at + 4] = struct.pack("<I", layouts()["syscall"].size << 16 | 1 << 15 | 2)
    found = calls.made.event(calls.decoder.one(bytes(data)))
    assert (found.args.pathname.given, found.unread) == ("/x", {"pathname": "cut after 2 bytes"})


def test_a_call_in_progress_is_told_once(calls: Calls) -> None:
    record = calls.record(35, 0x1000, 0, reads={0: bytes(16)}, state="ATTEMPT_ENTERED", entered=SECOND, time=SECOND)
    assert list(calls.made.waiting([record], SECOND + 5)) == []
    (found,) = calls.made.waiting([record], 2 * SECOND + 5)
    assert (found.event, found.result, found.seq) == ("nanosleep", None, None)
    assert found.unread["result"] == found.unread["seq"] == "the call has not returned after 1.0 s"
    assert list(calls.made.waiting([record], 3 * SECOND)) == []
    assert list(calls.made.waiting([], 4 * SECOND)) == []


def test_a_thread_that_is_in_no_call_has_no_record() -> None:
    assert under_way(struct.pack("<IIII", 1, 0, 4, 0) + b"datamore") == b"data"
    assert under_way(struct.pack("<IIII", 0, 0, 4, 0) + b"datamore") is None
    assert under_way(struct.pack("<IIII", 2, 0, 4, 0) + b"datamore") is None


def test_a_child_that_was_not_found_has_used_nothing(calls: Calls) -> None:
    found = calls.event(61, -1, 0, 1, 0x1000, reads={3: b""}, unread={1: 2})
    assert (found.args.ru, found.unread["ru"]) == (None, "the call has written nothing there")
    found = calls.event(61, -1, 0, 1, 0x1000, reads={3: bytes(144)}, result=9)
    assert found.args.ru["ru_maxrss"] == 0


def test_the_strings_of_a_new_program_are_a_list(calls: Calls) -> None:
    found = calls.event(59, 0x1000, 0x2000, 0, reads={0: b"/bin/sh", 1: b"sh\0-c\0"}, result=-2)
    assert found.args.argv == ["sh", "-c"]
    assert found.args.subject().startswith('"/bin/sh", ["sh", "-c"]')


def test_any_call_of_the_table_becomes_an_event_from_zeroes(calls: Calls) -> None:
    from ringward.events.syscall_table import ABIS, shipped

    for one in shipped():
        found = calls.event(one.number, abi=ABIS.index(one.abi), unread=dict.fromkeys(range(6), 2))
        assert found.event.removesuffix("_ia32") == one.name
