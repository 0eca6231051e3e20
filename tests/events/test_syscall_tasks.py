"""What calls about processes take and return."""

from __future__ import annotations

import ctypes
import resource
import signal
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringward.events import syscall_tasks as tasks

LIBC = ctypes.CDLL(None, use_errno=True)


def test_what_was_used_is_what_python_reads() -> None:
    buffer = ctypes.create_string_buffer(144)
    assert LIBC.syscall(98, resource.RUSAGE_CHILDREN, buffer) == 0
    found, wanted = tasks.rusage(buffer.raw), resource.getrusage(resource.RUSAGE_CHILDREN)
    assert (found["ru_minflt"], found["ru_nivcsw"], found["ru_maxrss"]) == (
        wanted.ru_minflt,
        wanted.ru_nivcsw,
        wanted.ru_maxrss,
    )
    time = found["ru_utime"]["tv_sec"] + found["ru_utime"]["tv_usec"] / 1e6
    assert time == pytest.approx(wanted.ru_utime)


def test_both_structures_of_what_was_used_say_the_same() -> None:
    assert tasks.rusage(struct.pack("<18q", *range(18))) == tasks.compat_rusage(struct.pack("<18i", *range(18)))


def test_an_action_is_the_one_that_was_set() -> None:
    before = signal.signal(signal.SIGUSR2, signal.SIG_IGN)
    buffer = ctypes.create_string_buffer(32)
    assert LIBC.syscall(13, signal.SIGUSR2, None, buffer, 8) == 0
    signal.signal(signal.SIGUSR2, before)
    found = tasks.sigaction(buffer.raw)
    assert (found["sa_handler"], found["sa_mask"]) == ("SIG_IGN", ())


def test_all_three_structures_of_an_action_say_the_same() -> None:
    said = {
        "sa_handler": "0x1234",
        "sa_mask": ("SIGINT",),
        "sa_flags": ("SA_RESTORER", "SA_RESTART"),
        "sa_restorer": "0x5678",
    }
    assert tasks.sigaction(struct.pack("<QQQQ", 0x1234, 0x14000000, 0x5678, 2)) == said
    assert tasks.compat_sigaction(struct.pack("<IIIQ", 0x1234, 0x14000000, 0x5678, 2)) == said
    assert tasks.old_sigaction(struct.pack("<IIII", 0x1234, 2, 0x14000000, 0x5678)) == said


@pytest.mark.parametrize(
    ("raw", "found"),
    [
        (b"", []),
        (b"\0", [""]),
        (b"sh\0-c\0a b\0", ["sh", "-c", "a b"]),
        (b"\0\0x\0", ["", "", "x"]),
        (b"sh\0cut", ["sh", "cut"]),
    ],
)
def test_strings_end_with_a_nul(raw: bytes, found: list[str]) -> None:
    assert tasks.strings(raw) == found


@given(st.binary(max_size=200))
def test_any_bytes_are_a_value_or_a_value_error(raw: bytes) -> None:
    for read in (tasks.rusage, tasks.compat_rusage, tasks.sigaction, tasks.compat_sigaction, tasks.old_sigaction):
        try:
            assert read(raw)
        except ValueError:
            assert len(raw) < 144
    assert len(tasks.strings(raw)) == (raw.removesuffix(b"\0").count(b"\0") + 1 if raw else 0)
