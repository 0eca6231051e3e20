"""The loop of `watch`: from the sensor to the stream, until something ends it."""

from __future__ import annotations

import gc
import os
import select
import signal
import time
from contextlib import ExitStack, suppress
from types import FrameType, TracebackType
from typing import Protocol, Self

from ringward.cli.child import Child
from ringward.cli.errors import CannotRunError
from ringward.cli.stream import Stream, say
from ringward.events import Event
from ringward.sensor.clock import now
from ringward.sensor.info import Totals

POLL = 1.2
"""Seconds that the sensor waits for an event before the ends are looked at; a signal ends it."""
POLL_PROCESS = 0.25
"""The same while the end of a process is waited for."""
POLL_CHILD = 0.05
"""The same while a command runs, whose end should not be noticed late."""
QUIET = 0.1
"""After the command's end: seconds without an event after which no more of it are expected."""
LAST_WORDS = 2.0
"""At most so many seconds for what the kernel still does for the command."""


class Source(Protocol):
    """What gives events: the sensor, or the guard."""

    @property
    def totals(self) -> Totals:
        """Counts so far."""

    def wake_on(self, fd: int) -> None:
        """Let a descriptor that is readable end each `poll`."""

    def poll(self, timeout: float) -> list[Event]:
        """Return the events that are complete; wait up to `timeout` seconds for one."""

    def close(self) -> list[Event]:
        """Detach; return what was still under way."""


class Signals:
    """Notes signals while it is entered.

    Args:
        child: that they are for; None: they end the loop.

    """

    def __init__(self, child: Child | None = None) -> None:
        self.stop: int | None = None
        self.resized = False
        self._child = child
        self._before: dict[int, signal.Handlers | int | None] = {}
        self._came = False

    def __enter__(self) -> Self:
        self._reader, self._writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._writer_before = signal.set_wakeup_fd(self._writer, warn_on_full_buffer=False)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            # What the caller had ignored, as nohup does, stays so.
            if signal.getsignal(number) is not signal.SIG_IGN:
                self._before[number] = signal.signal(number, self._end)  # type: ignore[assignment]
        self._before[signal.SIGWINCH] = signal.signal(signal.SIGWINCH, self._resize)  # type: ignore[assignment]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, before in self._before.items():
            signal.signal(number, before if before is not None else signal.SIG_DFL)
        signal.set_wakeup_fd(self._writer_before)
        os.close(self._reader)
        os.close(self._writer)

    def fileno(self) -> int:
        """Return a descriptor that is readable from a signal on until `clear`."""
        return self._reader

    def clear(self) -> None:
        """Make it unreadable again."""
        if self._came:
            self._came = False
            # What a signal has written may have been read with that of one before it.
            with suppress(BlockingIOError):
                os.read(self._reader, 4096)

    def _end(self, number: int, _frame: FrameType | None) -> None:
        self._came = True
        if self._child is None:
            self.stop = number
        elif number != signal.SIGINT:
            # The terminal sends Ctrl-C to the command itself; it decides.
            self._child.forward(number)

    def _resize(self, _number: int, _frame: FrameType | None) -> None:
        self.resized = self._came = True


class Ends:
    """What ends the loop besides signals.

    Args:
        duration: seconds; None: no limit.
        pids: processes; when all of them have ended, so does the loop.

    Raises:
        CannotRunError: there is no such process.

    """

    def __init__(self, duration: float | None, pids: frozenset[int]) -> None:
        self._duration = duration
        self._poll = select.poll()
        self._alive: dict[int, int] = {}
        for pid in pids:
            try:
                fd = os.pidfd_open(pid)
            except ProcessLookupError:
                raise CannotRunError(f"cannot watch process {pid}: there is none; see: ps -p {pid}") from None
            except OSError:
                # A thread that is no group's leader has no pidfd before Linux 6.9, and some kernels none at all.
                self._alive[-pid] = pid
                continue
            self._alive[fd] = pid
            self._poll.register(fd, select.POLLIN)
        self._any = bool(pids)
        self._until: float | None = None

    def start(self) -> None:
        """Begin to count the duration."""
        if self._duration is not None:
            self._until = time.monotonic() + self._duration

    def left(self) -> float:
        """Return for how many seconds to wait at most."""
        most = POLL_PROCESS if self._any else POLL
        return most if self._until is None else min(max(self._until - time.monotonic(), 0), most)

    def reached(self) -> bool:
        """Return whether the time is up or the last process has ended."""
        if self._until is not None and time.monotonic() >= self._until:
            return True
        for fd, _ in self._poll.poll(0) if self._any else ():
            self._poll.unregister(fd)
            os.close(fd)
            say(f"process {self._alive.pop(fd)} has ended")
        return self._any and not self._alive


def run(sensor: Source, stream: Stream, ends: Ends, child: Child | None, signals: Signals | None = None) -> int | None:
    """Show events until the end; close the sensor. Return the command's status, None without a command.

    Args:
        sensor: gives the events.
        stream: shows them.
        ends: end the loop besides signals.
        child: the command that is watched; None: there is none.
        signals: entered already, by who has read events before; None: from here on.

    Raises:
        StartError: the command could not be started.
        OutputError: the output or the recording could not be written.

    """
    with ExitStack() as stack:
        signals = signals or stack.enter_context(Signals(child))
        sensor.wake_on(signals.fileno())
        if child:
            child.release()
        ends.start()
        # What is there stays: looking through it again and again would find nothing.
        gc.freeze()
        while not (signals.stop or stream.view.full or stream.unread or ends.reached()):
            if child and child.status() is not None:
                _last_words(sensor, stream)
                break
            stream.feed(sensor.poll(POLL_CHILD if child else ends.left()), now())
            signals.clear()
            if signals.resized:
                signals.resized = False
                stream.resize()
        last = sensor.close()
        # The summary stands in a line of its own, not behind the terminal's ^C.
        if signals.stop == signal.SIGINT and os.isatty(2):
            say("")
    stream.feed(last, now())
    stream.finish()
    stream.end_record(sensor.totals)
    return child.wait() if child else None


def _last_words(sensor: Source, stream: Stream) -> None:
    """Show what still comes after the command's end: a load that the kernel was asked for does not wait for it."""
    until = time.monotonic() + LAST_WORDS
    while time.monotonic() < until:
        events = sensor.poll(QUIET)
        if not events:
            return
        stream.feed(events, now())
