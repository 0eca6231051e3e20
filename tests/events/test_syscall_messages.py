"""Messages and events."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringward.btf import types
from ringward.events import syscall_messages as messages
from ringward.sensor import objects

NAME = struct.pack("<H", 2) + b"\x00\x50\x7f\0\0\1" + bytes(8)


def record(name: bytes, vectors: bytes, count: int, flagged: int = 0) -> bytes:
    head = struct.pack("<5QiIII", 0x1000, 0x2000, count, 0x3000, 5, 16, flagged, len(name), len(vectors))
    return head + name.ljust(112, b"\0") + vectors.ljust(128, b"\0")


def test_the_head_is_that_of_the_object() -> None:
    btf = objects.load("syscall").btf
    found = btf.find(types.STRUCT, "message_head")
    assert found is not None
    assert len(record(b"", b"", 0)) == messages.MESSAGE_SIZE == btf.size_of(found) + 112 + 128
    offsets = {one.name: one.offset for one in btf.resolve(found).members}
    assert list(offsets.values()) == [0, 8, 16, 24, 32, 40, 44, 48, 52]
    assert list(offsets) == [
        "name",
        "iov",
        "iovlen",
        "control",
        "controllen",
        "namelen",
        "flags",
        "name_read",
        "iov_read",
    ]


def test_a_message_has_its_name_and_its_vectors() -> None:
    said = {
        "msg_name": {"family": "AF_INET", "address": "127.0.0.1", "port": 80},
        "msg_namelen": 16,
        "msg_iov": ({"iov_base": "0x4000", "iov_len": 7},),
        "msg_iovlen": 1,
        "msg_control": "0x3000",
        "msg_controllen": 5,
        "msg_flags": ("MSG_TRUNC",),
    }
    assert messages.message(record(NAME, struct.pack("<QQ", 0x4000, 7), 1, 0x20)) == said
    assert messages.compat_message(record(NAME, struct.pack("<II", 0x4000, 7), 1, 0x20)) == said


def test_what_could_not_be_read_of_a_message_is_an_address() -> None:
    found = messages.message(record(b"", b"", 3))
    assert (found["msg_name"], found["msg_iov"]) == ("0x1000", "0x2000")
    assert messages.message(record(b"", b"", 0))["msg_iov"] == ()


def test_a_message_without_a_name_has_none() -> None:
    raw = bytes(8) + record(b"", b"", 0)[8:]
    assert messages.message(raw)["msg_name"] is None


def test_events_are_packed() -> None:
    two = struct.pack("<IQIQ", 1, 5, 0x80000010, 6) + b"half"
    assert messages.epoll_events(two) == (
        {"events": ("EPOLLIN",), "data": 5},
        {"events": ("EPOLLHUP", "EPOLLET"), "data": 6},
    )
    assert messages.epoll_event(two) == {"events": ("EPOLLIN",), "data": 5}
    with pytest.raises(ValueError, match="epoll_event"):
        messages.epoll_event(b"short")


@given(st.binary(max_size=400))
def test_any_bytes_are_a_value_or_a_value_error(raw: bytes) -> None:
    for read in (messages.message, messages.compat_message, messages.epoll_event):
        try:
            assert read(raw)
        except ValueError:
            assert len(raw) < 56
    assert len(messages.epoll_events(raw)) == len(raw) // 12
