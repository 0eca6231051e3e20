"""Programs under measurement: started, followed to the end of their work, and their time and memory read."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

RINGWARD = (str(Path(sys.executable).parent / "ringward"),)
TICK = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Cpu:
    """Seconds of processor time."""

    user: float
    system: float

    def __sub__(self, other: Cpu) -> Cpu:
        return Cpu(self.user - other.user, self.system - other.system)

    @property
    def total(self) -> float:
        """User and system together."""
        return self.user + self.system


class Watched:
    """A running program and the file that it writes to."""

    def __init__(self, process: subprocess.Popen[bytes], out: Path, err: Path) -> None:
        self.process = process
        self.out = out
        self.err = err

    def cpu(self) -> Cpu:
        """Return what it has used so far (proc_pid_stat(5): fields 14 and 15, of all threads)."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return Cpu(int(fields[11]) / TICK, int(fields[12]) / TICK)

    def memory(self, field: str = "VmRSS") -> float:
        """Return its resident memory (or VmHWM: the most there was), MB of 10^6 bytes."""
        found = re.search(rf"^{field}:\s+(\d+) kB", Path(f"/proc/{self.process.pid}/status").read_text(), re.MULTILINE)
        if not found:
            raise RuntimeError(f"no {field} of process {self.process.pid}: it has ended: {self.err.read_text()}")
        return int(found.group(1)) * 1024 / 1e6

    def wait_for(self, what: Callable[[], bool], seconds: float, name: str) -> None:
        """Wait until `what` is true.

        Raises:
            RuntimeError: it is not within `seconds`, or the program ended.

        """
        end = time.monotonic() + seconds
        while not what():
            if self.process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"{name} was waited for in vain: {self.err.read_text()[-500:]}")
            time.sleep(0.02)

    def settle(self, quiet: float = 1.0, seconds: float = 60) -> None:
        """Wait until its output has not grown for `quiet` seconds."""
        end = time.monotonic() + seconds
        size, since = -1, time.monotonic()
        while time.monotonic() - since < quiet and time.monotonic() < end:
            time.sleep(0.05)
            if self.out.stat().st_size != size:
                size, since = self.out.stat().st_size, time.monotonic()

    def end(self) -> str:
        """End it as Ctrl-C does; return what it wrote to standard error."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        return self.err.read_text()


@contextlib.contextmanager
def watched(
    folder: Path, command: tuple[str, ...], ready: str, name: str, *, keep: bool = True, seconds: float = 30
) -> Iterator[Watched]:
    """Start a program that writes to a file; wait until `ready` stands in what it wrote.

    Args:
        folder: where its output goes.
        command: what to start.
        ready: what it writes when it has attached, to either stream.
        name: of the program, for the names of files.
        keep: False: empty its output file as it goes; for what would fill the disk.
        seconds: that it may take to be ready.

    """
    out, err = folder / f"{name}.out", folder / f"{name}.err"
    with out.open("ab") as stdout, err.open("wb") as stderr:
        out.write_bytes(b"")
        process = subprocess.Popen(command, stdout=stdout, stderr=stderr, stdin=subprocess.DEVNULL)
    one = Watched(process, out, err)
    try:
        one.wait_for(lambda: ready in out.read_text()[:100_000] + err.read_text(), seconds, f"'{ready}' of {name}")
        time.sleep(0.5)
        if not keep:
            os.truncate(out, 0)
        yield one
    finally:
        one.end()


def count(path: Path, word: bytes) -> int:
    """Return how many lines of a file hold `word`."""
    with path.open("rb") as file:
        return sum(word in line for line in file)


def run(*command: str | Path | int) -> int:
    """Run a program that prints one number; return it."""
    return int(subprocess.run([str(part) for part in command], check=True, capture_output=True, text=True).stdout)
