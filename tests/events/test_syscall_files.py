"""What calls about files return, beside what the kernel says by other ways."""

from __future__ import annotations

import ctypes
import os
import struct
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from ringward.events import syscall_files as files

LIBC = ctypes.CDLL(None, use_errno=True)


def test_a_statx_is_what_python_reads() -> None:
    buffer = ctypes.create_string_buffer(256)
    assert LIBC.syscall(332, -100, b"/dev/null", 0, 0xFFF, buffer) == 0
    found, wanted = files.statx(buffer.raw[: files.STATX_SIZE]), Path("/dev/null").stat()
    assert (found["stx_ino"], found["stx_nlink"], found["stx_uid"]) == (wanted.st_ino, wanted.st_nlink, wanted.st_uid)
    assert found["stx_mode"] == f"S_IFCHR|0{wanted.st_mode & 0o7777:o}"
    assert found["stx_rdev"] == "1:3"
    assert found["stx_dev"] == f"{os.major(wanted.st_dev)}:{os.minor(wanted.st_dev)}"
    assert (found["stx_atime"], found["stx_mtime"]) == (int(wanted.st_atime), int(wanted.st_mtime))
    assert found["stx_ctime"] == int(wanted.st_ctime)
    assert "STATX_BASIC_STATS" in found["stx_mask"]


def test_a_statfs_is_what_python_reads() -> None:
    buffer = ctypes.create_string_buffer(120)
    assert LIBC.syscall(137, b"/proc", buffer) == 0
    found, wanted = files.statfs(buffer.raw), os.statvfs("/proc")
    assert (found["f_type"], found["f_bsize"], found["f_namelen"]) == ("PROC", wanted.f_bsize, wanted.f_namemax)
    assert "ST_VALID" in found["f_flags"]


def test_all_three_structures_of_a_file_system_say_the_same() -> None:
    wide = files.statfs(struct.pack("<12Q24x", 0xEF53, 4096, 5, 4, 3, 2, 1, 9, 255, 4096, 0x21, 0))
    narrow = files.compat_statfs(struct.pack("<7IQ3I16x", 0xEF53, 4096, 5, 4, 3, 2, 1, 9, 255, 4096, 0x21))
    packed = files.compat_statfs64(struct.pack("<2I5QQ3I16x", 0xEF53, 4096, 5, 4, 3, 2, 1, 9, 255, 4096, 0x21))
    assert wide == narrow == packed
    assert (wide["f_type"], wide["f_ffree"], wide["f_flags"]) == ("EXT4", 1, ("ST_RDONLY", "ST_VALID"))
    unknown = files.compat_statfs(struct.pack("<7IQ3I16x", 0xF00, *[0] * 10))
    assert unknown["f_type"] == "0xf00"


@given(st.binary(max_size=200))
def test_any_bytes_are_a_value_or_a_value_error(raw: bytes) -> None:
    for read in (files.statx, files.statfs, files.compat_statfs, files.compat_statfs64):
        try:
            assert read(raw)
        except ValueError:
            assert len(raw) < 160
