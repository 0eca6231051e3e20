"""How one argument of a system call is read by the kernel part, and shown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

FIXED, RESULT = "", "result"
HEAD = 1024
"""Bytes of a buffer or structure that can be read: STR_MAX of bpf/buffer.bpf.h."""


@dataclass(frozen=True)
class Kind:
    """How one argument is read and shown.

    Attributes:
        reading: nothing, string, in, out, fd, dirfd, strings, msg_in or msg_out: `enum arg_reading` of bpf/events.h.
        show: what is shown of the number, or of the bytes where bytes are read.
        hint: type of what it returns.
        size: bytes of the argument's own type; of memory that is read, how many at most.
        signed: how the number is taken.
        length: name of the argument that says how many are to be read; FIXED; RESULT: the call's own result.
        scale: bytes of one of these.
        path: the string is a path; `base` is the directory descriptor that it begins at, empty: the working directory.
        base: name of an argument.

    """

    reading: str
    show: Callable[[Any], Any]
    hint: Any
    size: int = 8
    signed: bool = False
    length: str = FIXED
    scale: int = 1
    path: bool = False
    base: str = ""


def memory(show: Callable[[bytes], Any], size: int, reading: str = "in", **more: Any) -> Kind:
    """Return the kind of a pointer to a structure of so many bytes."""
    return Kind(reading, show, dict[str, Any] | None, size, **more)


def array(show: Callable[[bytes], Any], size: int, reading: str = "in", **more: Any) -> Kind:
    """Return the kind of a pointer to several of the same, of so many bytes together at most."""
    return Kind(reading, show, tuple[Any, ...] | None, size, **more)
