"""Structures of 32-bit callers, beside those of 64-bit ones with the same in them."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringward.events import syscall_compat as compat
from ringward.events import syscall_values as values

PADDED = struct.pack("<qIIqII", 5, 6, 77, 7, 8, 77)
PAIRS = [
    (compat.timespec, struct.pack("<ii", 5, 6), values.timespec, struct.pack("<qq", 5, 6)),
    (compat.timespec, struct.pack("<ii", -5, 6), values.timespec, struct.pack("<qq", -5, 6)),
    (compat.timespecs, struct.pack("<4i", 5, 6, 7, 8), values.timespecs, struct.pack("<4q", 5, 6, 7, 8)),
    (compat.timeval, struct.pack("<ii", 5, 6), values.timeval, struct.pack("<qq", 5, 6)),
    (compat.timevals, struct.pack("<4i", 5, 6, 7, 8), values.timevals, struct.pack("<4q", 5, 6, 7, 8)),
    (compat.itimerspec, struct.pack("<4i", 5, 6, 7, 8), values.itimerspec, struct.pack("<4q", 5, 6, 7, 8)),
    (compat.itimerval, struct.pack("<4i", 5, 6, 7, 8), values.itimerval, struct.pack("<4q", 5, 6, 7, 8)),
    (compat.padded_timespec, struct.pack("<qII", 5, 6, 77), values.timespec, struct.pack("<qq", 5, 6)),
    (compat.padded_timespecs, PADDED, values.timespecs, struct.pack("<4q", 5, 6, 7, 8)),
    (compat.padded_itimerspec, PADDED, values.itimerspec, struct.pack("<4q", 5, 6, 7, 8)),
    (compat.rlimit, struct.pack("<II", 7, 2**32 - 1), values.rlimit, struct.pack("<QQ", 7, 2**64 - 1)),
    (compat.iovecs, struct.pack("<4I", 0x1000, 5, 0x2000, 6), values.iovecs, struct.pack("<4Q", 0x1000, 5, 0x2000, 6)),
]  # fmt: skip


@pytest.mark.parametrize(("narrow", "short", "wide", "long"), PAIRS)
def test_the_same_is_said_of_both_layouts(narrow: object, short: bytes, wide: object, long: bytes) -> None:
    assert callable(narrow)
    assert callable(wide)
    assert narrow(short) == wide(long)


def test_both_structures_of_a_file_have_its_members() -> None:
    said = {
        "st_dev": "8:1", "st_ino": 99, "st_mode": "S_IFREG|0644", "st_nlink": 2, "st_uid": 3, "st_gid": 4,
        "st_rdev": "1:3", "st_size": 5, "st_blksize": 4096, "st_blocks": 6, "st_atime": 7, "st_mtime": 8, "st_ctime": 9,
    }  # fmt: skip
    narrow = struct.pack("<II4H10I8x", 0x801, 99, 0o100644, 2, 3, 4, 0x103, 5, 4096, 6, 7, 0, 8, 0, 9, 0)
    assert compat.stat(narrow) == said
    wide = struct.pack("<Q4xI4IQ4xqIQ6IQ", 0x801, 1, 0o100644, 2, 3, 4, 0x103, 5, 4096, 6, 7, 0, 8, 0, 9, 0, 99)
    assert len(wide) == 96
    assert compat.stat64(wide) == said


def test_times_that_are_none_have_names() -> None:
    found = compat.timespecs(struct.pack("<4i", 0, 0x3FFFFFFF, 0, 0x3FFFFFFE))
    assert [one["tv_nsec"] for one in found] == ["UTIME_NOW", "UTIME_OMIT"]


@given(st.binary(max_size=120))
def test_any_bytes_are_a_value_or_a_value_error(raw: bytes) -> None:
    for read in (*{pair[0] for pair in PAIRS} - {compat.iovecs}, compat.stat, compat.stat64):
        try:
            assert read(raw)
        except ValueError:
            assert len(raw) < 96
    assert len(compat.iovecs(raw)) == len(raw) // 8
