"""One line on a terminal that tells how far long work is."""

from __future__ import annotations

import os
import time

from ringward.cli import terminal
from ringward.output.text import cut

_FIRST = 0.5
_EVERY = 0.1


class ProgressLine:
    """Shows itself after half a second, on a terminal only, and leaves nothing behind.

    Args:
        fd: where; standard error, so that a pipe gets the result alone.

    """

    def __init__(self, fd: int = 2) -> None:
        self._fd = fd
        self._terminal = os.isatty(fd)
        self._next = time.monotonic() + _FIRST
        self._shown = False

    def show(self, text: str) -> None:
        """Show a text in place of the last one, unless that was just now."""
        now = time.monotonic()
        if not self._terminal or now < self._next:
            return
        self._next = now + _EVERY
        self._shown = True
        self._write(f"\r\x1b[K{cut(text, terminal.width(self._fd) - 1)}")

    def end(self) -> None:
        """Take it away."""
        if self._shown:
            self._write("\r\x1b[K")
            self._shown = False

    def _write(self, text: str) -> None:
        os.write(self._fd, text.encode())


def bar(part: float, width: int = 24) -> str:
    """Return a bar and a percentage of a part, 0 to 1."""
    full = int(part * width)
    return f"[{'#' * full}{'.' * (width - full)}] {part:4.0%}"
