"""Bytes to a file descriptor, whole or with a clear error."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable

PIECE = 1 << 16
"""Bytes that are written at once at most. A file system with large folios (ext4 since Linux 6.16) takes blocks of
memory as large as one write, and large free blocks are what a virtual machine has given back to its host (virtio's
free page reporting, from 128 KiB): each page of them is a fault that costs several times what writing it does."""


class OutputError(OSError):
    """Output could not be written. The message: what, why, and what to do next."""


class Writer:
    """Writes to a descriptor: terminal, pipe or file.

    Args:
        fd: open for writing; it is not closed here.
        name: of the file, for messages.

    """

    def __init__(self, fd: int, name: str) -> None:
        self.fd = fd
        self.name = name

    def write(self, data: bytes | bytearray) -> None:
        """Write all of `data`.

        Raises:
            BrokenPipeError: nobody reads any more.
            OutputError: the disk is full, or any other fault.

        """
        view = memoryview(data)
        while view:
            try:
                view = view[os.write(self.fd, view[:PIECE]) :]
            except BlockingIOError:
                # The descriptor may be shared with a program that made it non-blocking.
                os.set_blocking(self.fd, True)
            except BrokenPipeError:
                raise
            except OSError as error:
                free = "; free some space or name a file elsewhere" if error.errno == errno.ENOSPC else ""
                raise OutputError(error.errno, f"cannot write to {self.name}: {error.strerror}{free}") from None

    def lines(self, texts: Iterable[str]) -> None:
        """Write lines of text at once."""
        data = "".join(f"{text}\n" for text in texts)
        if data:
            self.write(data.encode("utf-8", "backslashreplace"))
