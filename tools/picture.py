"""Make an SVG of what a command prints on a terminal: python -m tools.picture FILE.svg COLUMNS COMMAND ARG..."""

from __future__ import annotations

import os
import pty
import struct
import sys
from fcntl import ioctl
from io import StringIO
from pathlib import Path
from termios import TIOCSWINSZ

from rich.console import Console
from rich.text import Text

ROWS = 50


def run_on_terminal(command: list[str], columns: int) -> str:
    """Return what `command` prints on a terminal of so many columns."""
    pid, fd = pty.fork()
    if pid == 0:
        os.execvp(command[0], command)  # noqa: S606 - the caller's own command
    ioctl(fd, TIOCSWINSZ, struct.pack("HHHH", ROWS, columns, 0, 0))
    out = bytearray()
    while True:
        try:
            data = os.read(fd, 65536)
        except OSError:  # EIO: the other side is closed
            break
        if not data:
            break
        out += data
    os.waitpid(pid, 0)
    return out.decode(errors="replace").replace("\r\n", "\n")


def main() -> int:
    """Run the command and write the picture."""
    target, columns, *command = sys.argv[1:]
    os.environ["COLUMNS"] = columns
    text = run_on_terminal(command, int(columns))
    console = Console(record=True, width=int(columns), file=StringIO(), force_terminal=True)
    console.print(Text.from_ansi(text.rstrip("\n")))
    title = " ".join(Path(word).name for word in command)
    Path(target).write_text(console.export_svg(title=title))
    return 0


if __name__ == "__main__":
    sys.exit(main())
