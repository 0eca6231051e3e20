"""Watching the starts of programs, for tests: each start with the verdicts on it."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ringward.events import Event
from ringward.guard.programs import KernelPrograms
from tests.kernel.conftest import Watch
from tests.kernel.file_systems import run
from tests.kernel.witness import SECONDS


def digest_of(path: Path) -> str:
    """Return the SHA-256 of a file as OpenSSL computes it: a process of sha256sum costs more than the start."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


class Monitor:
    """Tells of every program. `programs` has the counts."""

    def __init__(self, digests: tuple[bytes, ...] = (), **options: Any) -> None:
        self.programs = KernelPrograms(digests, **{"known": True, **options})
        self.w = Watch("program_verdict", elsewhere=self.programs, canary_seconds=None, on_demand=True)

    def close(self) -> None:
        self.w.sensor.close()
        self.programs.close()

    def of(self, pid: int, count: int = 1) -> list[Event]:
        """Wait for the verdicts on what a process has started."""

        def found() -> list[Event]:
            return [e for e in self.w.events if e.event == "program_verdict" and e.process.pid == pid]

        self.w.until(lambda _: len(found()) >= count, SECONDS)
        assert len(found()) == count
        return found()

    def start(self, *command: str | Path, count: int = 1, **options: Any) -> list[Event]:
        """Run a program to its end; return the verdicts."""
        process = subprocess.Popen(list(command), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **options)
        process.wait()
        return self.of(process.pid, count)

    def one(self, program: Path, **options: Any) -> str:
        """Run a program; return how its digest was got, and compare that with OpenSSL's."""
        (event,) = self.start(program, **options)
        assert event.args.digest == digest_of(program)
        assert (event.args.verdict, event.args.role, event.unread) == ("unknown", "program", {})
        return event.args.how

    def lost(self) -> list[Event]:
        """Return the losses so far."""
        return [e for e in self.w.events if e.event == "events_lost"]


def tiny(folder: Path) -> Path:
    """Make the smallest program: static, without a C library. Bytes behind its end change nothing but its digest."""
    source, program = folder / "tiny.S", folder / "tiny"
    source.write_text(
        '.globl _start\n_start: xorl %edi, %edi\nmovl $60, %eax\nsyscall\n.section .note.GNU-stack, "", @progbits\n'
    )
    run("gcc", "-nostdlib", "-static", "-s", "-Wl,--build-id=none,-z,noseparate-code", "-o", program, source)
    source.unlink()
    return program


def opened(make: Callable[[], Monitor]) -> Iterator[Monitor]:
    """Give a monitor; at the end nothing may have been lost."""
    monitor = make()
    yield monitor
    monitor.w.settle(0.2)
    monitor.close()
    assert monitor.lost() == []
