"""Structures in user memory, beside what the C library and the kernel put there."""

from __future__ import annotations

import ctypes
import os
import resource
import struct
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringward.events import syscall_values as values

LIBC = ctypes.CDLL(None, use_errno=True)
READERS = [
    values.timespec, values.timeval, values.itimerspec, values.itimerval, values.rlimit, values.stat, values.open_how,
    values.clone_args, values.number64,
]  # fmt: skip
LISTS = [values.iovecs, values.pollfds, values.integers, values.signals, values.data, values.text, values.utsname]


def test_a_stat_is_what_python_reads(tmp_path: object) -> None:
    buffer = ctypes.create_string_buffer(144)
    assert LIBC.syscall(4, b"/dev/null", buffer) == 0  # stat
    found, wanted = values.stat(buffer.raw), Path("/dev/null").stat()
    assert (found["st_ino"], found["st_size"], found["st_nlink"]) == (wanted.st_ino, wanted.st_size, wanted.st_nlink)
    assert found["st_rdev"] == f"{os.major(wanted.st_rdev)}:{os.minor(wanted.st_rdev)}" == "1:3"
    assert found["st_mode"] == f"S_IFCHR|0{wanted.st_mode & 0o7777:o}"
    assert (found["st_uid"], found["st_mtime"]) == (wanted.st_uid, int(wanted.st_mtime))


def test_times_and_limits_are_what_the_kernel_wrote() -> None:
    buffer = ctypes.create_string_buffer(16)
    assert LIBC.syscall(228, 0, buffer) == 0  # clock_gettime
    assert abs(values.timespec(buffer.raw)["tv_sec"] - time.time()) < 5
    assert LIBC.syscall(97, resource.RLIMIT_NOFILE, buffer) == 0  # getrlimit
    found = values.rlimit(buffer.raw)
    wanted = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert [-1 if one == "RLIM_INFINITY" else one for one in found.values()] == list(wanted)


def test_a_utsname_is_the_machines() -> None:
    buffer = ctypes.create_string_buffer(390)
    assert LIBC.syscall(63, buffer) == 0  # uname
    found = values.utsname(buffer.raw)
    assert (found["sysname"], found["release"], found["machine"]) == (
        os.uname().sysname,
        os.uname().release,
        os.uname().machine,
    )


@pytest.mark.parametrize(
    ("raw", "found"),
    [
        (struct.pack("<H", 1) + b"/run/x\0junk", {"family": "AF_UNIX", "path": "/run/x"}),
        (struct.pack("<H", 1) + b"\0bus", {"family": "AF_UNIX", "path": "@bus"}),
        (struct.pack("<H", 1), {"family": "AF_UNIX", "path": ""}),
        (struct.pack("<H", 2) + b"\x00\x50\x7f\0\0\1", {"family": "AF_INET", "address": "127.0.0.1", "port": 80}),
        (
            struct.pack("<H", 10) + b"\x01\xbb" + bytes(4) + bytes(15) + b"\1",
            {"family": "AF_INET6", "address": "::1", "port": 443},
        ),
        (struct.pack("<HHII", 16, 0, 7, 1), {"family": "AF_NETLINK", "pid": 7, "groups": 1}),
        (struct.pack("<H", 777), {"family": "777"}),
    ],
)
def test_addresses_by_family(raw: bytes, found: values.Value) -> None:
    assert values.sockaddr(raw) == found


def test_open_how_and_clone_args_have_names() -> None:
    how = struct.pack("<QQQ", os.O_CREAT | os.O_WRONLY, 0o640, 8)
    assert values.open_how(how) == {"flags": ("O_WRONLY", "O_CREAT"), "mode": "0640", "resolve": ("RESOLVE_BENEATH",)}
    found = values.clone_args(struct.pack("<8Q", 0x100, 0, 0, 0, 17, 0, 0, 0))
    assert (found["flags"], found["exit_signal"]) == (("CLONE_VM",), "SIGCHLD")
    assert "cgroup" not in found
    assert values.clone_args(bytes(88))["cgroup"] == 0


def test_arrays_have_whole_elements_only() -> None:
    assert values.iovecs(struct.pack("<QQ", 0x1000, 5) + b"half") == ({"iov_base": "0x1000", "iov_len": 5},)
    assert values.pollfds(struct.pack("<ihh", 3, 1, 0)) == ({"fd": 3, "events": ("POLLIN",)},)
    assert values.integers(struct.pack("<ii", 3, -1)) == (3, -1)
    assert values.signals(struct.pack("<Q", 1 << 1 | 1 << 8)) == ("SIGINT", "SIGKILL")


def test_bytes_are_printable_and_the_backslash_is_no_escape() -> None:
    assert values.data(b"a\x1b[2J\\\xff\n") == r"a\x1b[2J\x5c\xff\x0a"


@given(st.binary(max_size=400))
def test_any_bytes_are_a_value_or_a_value_error(raw: bytes) -> None:
    for read in (*READERS, values.sockaddr):
        try:
            assert read(raw) is not None
        except ValueError:
            assert len(raw) < 400
    for show in LISTS:
        assert show(raw) is not None
    assert all(0x20 <= ord(one) < 0x7F for one in values.data(raw))


@pytest.mark.parametrize(("number", "shown"), [(0o100644, "S_IFREG|0644"), (0o40755, "S_IFDIR|0755"), (0, "0")])
def test_modes_of_files(number: int, shown: str) -> None:
    assert values.file_mode(number) == shown
