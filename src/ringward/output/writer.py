"""Bytes to a file descriptor, whole or with a clear error."""

from __future__ import annotations

import errno
import os


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
        self.utf8 = True
        """Whether text may leave ASCII."""

    def write(self, data: bytes | bytearray) -> None:
        """Write all of `data`.

        Raises:
            BrokenPipeError: nobody reads any more.
            OutputError: the disk is full, or any other fault.

        """
        view = memoryview(data)
        while view:
            try:
                view = view[os.write(self.fd, view) :]
            except BlockingIOError:
                # The descriptor may be shared with a program that made it non-blocking.
                os.set_blocking(self.fd, True)
            except BrokenPipeError:
                raise
            except OSError as error:
                free = "; free some space or name a file elsewhere" if error.errno == errno.ENOSPC else ""
                raise OutputError(error.errno, f"cannot write to {self.name}: {error.strerror}{free}") from None

    def line(self, text: str) -> None:
        """Write one line of text; characters that the descriptor has no encoding for are shown by their numbers."""
        self.write(f"{text}\n".encode("utf-8" if self.utf8 else "ascii", "backslashreplace"))
