"""The event `io_uring`."""

from __future__ import annotations

import os.path
from collections.abc import Callable
from typing import Annotated, ClassVar

from ringward.events.args import Args
from ringward.events.fields import Convert, Flags, K, Tail, U, file_name
from ringward.events.hooks import Hook
from ringward.events.io_uring_ops import SQE_FLAGS, operation, operation_flags
from ringward.events.syscall_args import written
from ringward.events.syscall_types import AT_FDCWD
from ringward.events.syscall_values import Descriptor, PathValue

# bpf/events.h: RING_*
_FILE, _DIRECTORY, _PATH, _NEW, _REFUSED, _BUFFER = 1, 2, 4, 8, 16, 32
_FIXED = 1
_CUT = 0x8000
_NONE = "the operation has none"
REFUSED = "the kernel refused the request as it stands, and made nothing of it"
REGISTERED = "a registered file is looked up when the request is complete, and it is not, or it had none by then"
NO_BASE = "the directory that it begins at could not be read"
LINK_TEXT = "the text of a symbolic link begins nowhere"


def _operation(_tail: Tail, number: int) -> str:
    return operation(number)


def _op_flags(_tail: Tail, number: int, value: int) -> tuple[str, ...]:
    return operation_flags(number, value)


def _hex(_tail: Tail, value: int) -> str:
    return hex(value)


def _buffer(tail: Tail, targets: int, address: int) -> str | None:
    return hex(address) if _is_there(tail, "buf", targets, _BUFFER) else None


def _length(tail: Tail, targets: int, length: int) -> int | None:
    return length if _is_there(tail, "len", targets, _BUFFER) else None


def _bool(_tail: Tail, value: int) -> bool:
    return bool(value)


def _is_there(tail: Tail, field: str, targets: int, bits: int) -> bool:
    if targets & _REFUSED:
        tail.missing(field, REFUSED)
    return bool(targets & bits)


def _fd(field: str, directory: int, file: int = 0) -> Callable[..., Descriptor | None]:
    def read(tail: Tail, targets: int, fd: int, loc: int, flags: int) -> Descriptor | None:
        if not _is_there(tail, field, targets, directory | file):
            return None
        path = file_name(tail.raw(loc)) if loc >> 16 else None
        if path is None:
            tail.missing(f"{field}.path", REGISTERED if targets & file and flags & _FIXED else loc)
        elif loc & _CUT:
            tail.missing(f"{field}.path", "the first components are cut")
        return Descriptor("AT_FDCWD" if targets & directory and fd == AT_FDCWD else fd, path)

    return read


def _path(field: str, bit: int, directory: int) -> Callable[..., PathValue | None]:
    def read(tail: Tail, targets: int, loc: int, base: int) -> PathValue | None:
        given = tail.text(field, loc) if _is_there(tail, field, targets, bit) else None
        if given is None:
            return None
        if given.startswith("/"):
            return PathValue(given, given)
        if not targets & directory or not base >> 16:
            tail.missing(f"{field}.path", NO_BASE if targets & directory else LINK_TEXT)
            return PathValue(given, None)
        start = file_name(tail.raw(base))
        return PathValue(given, os.path.join(start, given) if given else start)  # noqa: PTH118 - text, not a file

    return read


class IoUring(Args, frozen=True):
    """io_uring is asked for an operation: an open, a remove, a read without a system call.

    A program writes what it wants into a ring that it shares with the kernel; one system call,
    io_uring_enter(2), submits many requests, and with a polling kernel thread (`sq_thread`) there
    is no call at all. One event tells a request from its submission to its completion, with result
    and duration. A request that takes long is shown without a result after a second, and once more
    when it is complete.

    The process is the one that has submitted the request; with a polling thread, the one that the
    thread works for. Paths are the kernel's own copies, which the caller can change no more.
    """

    group: ClassVar[str] = "calls"
    default: ClassVar[bool] = False
    hooks = (
        Hook(
            "io_uring_submit_req, io_uring_req_failed, io_uring_complete",
            "tp_btf",
            "The request when it is taken, and its result when it is complete; and those that the kernel refuses.",
            "io_uring",
            ("ring_submit_req", "ring_req_failed", "ring_complete"),
        ),
        Hook(
            "io_uring_submit_sqe, io_uring_req_failed, io_uring_complete",
            "tp_btf",
            "The same, by the name that the first tracepoint had before Linux 6.4.",
            "io_uring",
            ("ring_submit_sqe", "ring_req_failed", "ring_complete"),
        ),
    )
    gives = frozenset({"result", "duration"})
    extra = frozenset({"request", "submitted", "result", "state"})
    use_case = (
        "See what programs do past the system calls: opens, removes and renames that neither strace nor a seccomp "
        "filter sees, and that a watch of openat or unlink misses."
    )
    issues = (
        "Descriptors are looked up when the request is taken; a linked request can come to work on another file by "
        "then. A registered file has its index in `fd`, and is looked up when the request is complete.\n\n"
        "What a request without word of its success (IOSQE_CQE_SKIP_SUCCESS) has come to is not known: it is told "
        "when it is taken, without a result. Of a request that is completed several times (multishot) the last "
        "completion is the result.\n\n"
        "Of reads, writes, sends and receives there are address and length, not what is there; of other operations "
        "neither. With IOSQE_BUFFER_SELECT the kernel picks the buffer, and the address says nothing. Messages "
        "(SENDMSG, RECVMSG) have their descriptor alone.\n\n"
        "More than 4,096 requests in progress are told when they are taken, without a result.\n\n"
        "A request that was in progress when Ringward attached is not seen."
    )
    related = ("syscall", "process_exec")

    operation: Annotated[
        str,
        Convert(
            "u8",
            "What is asked for, as the kernel calls it (IORING_OP_*): OPENAT, UNLINKAT, READ.",
            U,
            members=("opcode",),
            function=_operation,
        ),
    ]
    fd: Annotated[
        Descriptor | None,
        Convert(
            "int",
            "The file that it works on, or the directory that `path` begins at.",
            U,
            members=("targets", "fd", "fd_path", "flags"),
            function=_fd("fd", _DIRECTORY, _FILE),
            none=_NONE,
        ),
    ]
    path: Annotated[
        PathValue | None,
        Convert(
            "struct filename *",
            "The path, as the kernel has copied it; of a rename or link the old one.",
            K,
            members=("targets", "path", "fd_path"),
            function=_path("path", _PATH, _DIRECTORY),
            none=_NONE,
        ),
    ]
    new_fd: Annotated[
        Descriptor | None,
        Convert(
            "int",
            "The directory that `new_path` begins at.",
            U,
            members=("targets", "new_fd", "new_fd_path", "flags"),
            function=_fd("new_fd", _NEW),
            none=_NONE,
        ),
    ]
    new_path: Annotated[
        PathValue | None,
        Convert(
            "struct filename *",
            "The new path of a rename or link.",
            K,
            members=("targets", "new_path", "new_fd_path"),
            function=_path("new_path", _NEW, _NEW),
            none=_NONE,
        ),
    ]
    op_flags: Annotated[
        tuple[str, ...],
        Convert(
            "u64",
            "Flags of the operation itself: O_* of an open, AT_* of a remove, link or stat, RENAME_*.",
            U,
            members=("opcode", "op_flags"),
            function=_op_flags,
        ),
    ]
    buf: Annotated[
        str | None,
        Convert(
            "u64",
            "Address of the buffer of a read, write, send or receive; of READV and WRITEV that of the iovecs; of "
            "READ_FIXED and WRITE_FIXED within a registered one.",
            U,
            members=("targets", "buf"),
            function=_buffer,
            none=_NONE,
        ),
    ]
    len: Annotated[
        int | None,
        Convert(
            "u32",
            "Bytes of the buffer, or how many iovecs there are.",
            U,
            members=("targets", "len"),
            function=_length,
            none=_NONE,
        ),
    ]
    user_data: Annotated[
        str,
        Convert(
            "u64",
            "The program's own mark, which comes back with the completion.",
            U,
            members=("user_data",),
            function=_hex,
        ),
    ]
    flags: Annotated[tuple[str, ...], Flags("u8", "How the ring treats the request: IOSQE_*.", U, names=SQE_FLAGS)]
    sq_thread: Annotated[
        bool,
        Convert(
            "bool",
            "Taken by the ring's kernel thread (IORING_SETUP_SQPOLL): the program made no system call.",
            K,
            members=("sq_thread",),
            function=_bool,
        ),
    ]

    def subject(self) -> str:
        """Return the operation and what it works on."""
        first = self.path or self.fd
        what = [written(one) for one in (first, self.new_path) if one is not None]
        return " ".join((self.operation, *what))
