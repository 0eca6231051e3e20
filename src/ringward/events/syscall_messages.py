"""What calls about sockets and their likes take and return: messages, events of epoll."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

from ringward.events import syscall_compat as compat
from ringward.events import syscall_flags as flags
from ringward.events import syscall_values as values
from ringward.events.syscall_values import Value

# struct message_head of bpf/syscall_record.h, and the room for the name behind it
_HEAD = struct.Struct("<5QiIII")
_NAME = 112
MESSAGE_SIZE = _HEAD.size + _NAME + 16 * values.VECTORS
_EVENT = struct.Struct("<IQ")
"""struct epoll_event, packed for all callers (include/uapi/linux/eventpoll.h)."""


def _message(raw: bytes, vectors: Callable[[bytes], Any]) -> Value:
    if len(raw) < _HEAD.size:
        raise ValueError("fewer bytes than a message's head")
    name, iov, count, control, controllen, length, flagged, name_read, iov_read = _HEAD.unpack_from(raw)
    at = _HEAD.size + _NAME
    address: Value | str | None
    try:
        address = values.sockaddr(raw[_HEAD.size : _HEAD.size + name_read])
    except ValueError:  # there is none, or it could not be read
        address = hex(name) if name else None
    return {
        "msg_name": address,
        "msg_namelen": length,
        "msg_iov": vectors(raw[at : at + iov_read]) if iov_read or not count else hex(iov),
        "msg_iovlen": count,
        "msg_control": hex(control),
        "msg_controllen": controllen,
        "msg_flags": flags.bits(flagged, flags.MSG),
    }


def message(raw: bytes) -> Value:
    """Return a struct user_msghdr: name and vectors as the kernel part has read them, or their addresses."""
    return _message(raw, values.iovecs)


def compat_message(raw: bytes) -> Value:
    """Return a struct compat_msghdr."""
    return _message(raw, compat.iovecs)


def epoll_events(raw: bytes) -> tuple[Value, ...]:
    """Return an array of struct epoll_event."""
    found = _EVENT.iter_unpack(raw[: len(raw) // _EVENT.size * _EVENT.size])
    return tuple({"events": flags.bits(events, flags.EPOLL), "data": data} for events, data in found)


def epoll_event(raw: bytes) -> Value:
    """Return a struct epoll_event."""
    found = epoll_events(raw[: _EVENT.size])
    if not found:
        raise ValueError("fewer bytes than a struct epoll_event")
    return found[0]
