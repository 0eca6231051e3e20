"""Names of what io_uring is asked for: include/uapi/linux/io_uring.h."""

from __future__ import annotations

from ringward.events.syscall_flags import AT, RENAME, bits
from ringward.events.syscall_values import open_flags

_NAMES = (
    "NOP READV WRITEV FSYNC READ_FIXED WRITE_FIXED POLL_ADD POLL_REMOVE SYNC_FILE_RANGE SENDMSG RECVMSG TIMEOUT "
    "TIMEOUT_REMOVE ACCEPT ASYNC_CANCEL LINK_TIMEOUT CONNECT FALLOCATE OPENAT CLOSE FILES_UPDATE STATX READ WRITE "
    "FADVISE MADVISE SEND RECV OPENAT2 EPOLL_CTL SPLICE PROVIDE_BUFFERS REMOVE_BUFFERS TEE SHUTDOWN RENAMEAT UNLINKAT "
    "MKDIRAT SYMLINKAT LINKAT MSG_RING FSETXATTR SETXATTR FGETXATTR GETXATTR SOCKET URING_CMD SEND_ZC SENDMSG_ZC "
    "READ_MULTISHOT WAITID FUTEX_WAIT FUTEX_WAKE FUTEX_WAITV FIXED_FD_INSTALL FTRUNCATE BIND LISTEN RECV_ZC EPOLL_WAIT "
    "READV_FIXED WRITEV_FIXED PIPE"
)
OPERATIONS = tuple(_NAMES.split())
"""enum io_uring_op, without IORING_OP_; a kernel adds new ones at the end."""
SQE_FLAGS = {
    1 << number: f"IOSQE_{name}"
    for number, name in enumerate(
        ("FIXED_FILE", "IO_DRAIN", "IO_LINK", "IO_HARDLINK", "ASYNC", "BUFFER_SELECT", "CQE_SKIP_SUCCESS")
    )
}
_OPENS = ("OPENAT", "OPENAT2")
_AT = ("UNLINKAT", "STATX", "LINKAT")


def operation(number: int) -> str:
    """Return an operation's name; the number of one that is newer than the table."""
    return OPERATIONS[number] if number < len(OPERATIONS) else str(number)


def operation_flags(number: int, value: int) -> tuple[str, ...]:
    """Return the names of the flags that an operation was given of its own."""
    name = operation(number)
    if name in _OPENS:
        return open_flags(value)
    if name == "RENAMEAT":
        return bits(value, RENAME)
    return bits(value, AT if name in _AT else {})
