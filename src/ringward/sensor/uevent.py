"""The sensor that needs neither eBPF nor a privilege: the kernel's uevents of modules."""

from __future__ import annotations

import errno
import select
import socket
from collections.abc import Iterator
from pathlib import Path

from ringward.events.catalogue.events_lost import EventsLost
from ringward.events.catalogue.module_free import ModuleFree
from ringward.events.catalogue.module_load import ModuleLoad
from ringward.events.context import Event, Process
from ringward.sensor import procfs
from ringward.sensor.clock import Clock, now
from ringward.sensor.ebpf import own_event
from ringward.sensor.info import SensorError
from ringward.sensor.kobject_uevent import Uevent, module_name, parse, read_module, read_seqnum
from ringward.sensor.suspect import LOAD_CALLS, UNLOAD_CALLS, suspect

NETLINK_KOBJECT_UEVENT = 15  # include/uapi/linux/netlink.h
KERNEL_GROUP = 1
MESSAGE_MAX = 8192  # include/linux/kobject.h: UEVENT_BUFFER_SIZE is 2048
BUFFER_BYTES = 16 << 20
BATCH = 1024
OVERFLOW_NS = 200_000_000
"""How long after an overflow a message may still come before it counts as lost."""
SO_RCVBUFFORCE = 33  # include/uapi/asm-generic/socket.h
SEQNUM_FILE = "/sys/kernel/uevent_seqnum"

_NOT_TOLD = "uevents do not tell it"
_GONE = "the module is gone"


class UeventSensor:
    """Modules that come and go, by the kernel's uevents.

    Args:
        guess: look in /proc for the process; what is found is marked as a guess.
        buffer_bytes: size asked for the receive buffer.

    """

    def __init__(self, *, guess: bool = True, buffer_bytes: int = BUFFER_BYTES) -> None:
        self._guess = guess
        self._buffer_bytes = buffer_bytes
        self._socket: socket.socket | None = None
        self._host = procfs.host()
        self._clock = Clock()
        self._last: int | None = None  # SEQNUM
        self._waker: int | None = None
        self._overflow: int | None = None  # nanoseconds since boot
        self._reached = 0  # SEQNUM at the overflow

    def open(self) -> None:
        """Listen to the kernel's group.

        Raises:
            SensorError: the socket cannot be had.

        """
        kind = socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK
        try:
            self._socket = socket.socket(socket.AF_NETLINK, kind, NETLINK_KOBJECT_UEVENT)
            self._enlarge(self._socket)
            self._socket.bind((0, KERNEL_GROUP))
        except OSError as error:
            self.close()
            raise SensorError(
                f"listen to the kernel's uevents: {error.strerror}; run outside a sandbox that forbids AF_NETLINK,"
                " or read a recording with: ringward replay FILE"
            ) from error
        self._last = self._current()

    def _enlarge(self, sock: socket.socket) -> None:
        try:
            sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, self._buffer_bytes)
        except PermissionError:  # no CAP_NET_ADMIN: net.core.rmem_max is the limit
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self._buffer_bytes)

    @staticmethod
    def _current() -> int | None:
        try:
            return read_seqnum(Path(SEQNUM_FILE).read_text().strip())
        except OSError:
            return None

    def _sock(self) -> socket.socket:
        if self._socket is None:
            raise SensorError("the sensor is not open: call open() first")
        return self._socket

    def fileno(self) -> int:
        """Return the socket's descriptor: readable when there is something."""
        return self._sock().fileno()

    def close(self) -> list[Event]:
        """Stop listening; return what had come."""
        if self._socket is None:
            return []
        try:
            events = self.look(settle=True)
        except SensorError:
            events = []
        self._socket.close()
        self._socket = None
        return events

    def look(self, *, settle: bool = False) -> list[Event]:
        """Return what has come, without waiting. `settle`: count what an overflow took as lost at once."""
        events = list(self._read())
        if self._overflow is not None and (settle or now() - self._overflow >= OVERFLOW_NS):
            events.extend(self._settle())
        return events

    def wake_on(self, fd: int) -> None:
        """Let a descriptor that is readable end each wait."""
        self._waker = fd

    def wait(self, nanoseconds: int) -> bool:
        """Wait until something comes, or the time is over; return whether the descriptor of `wake_on` ended it."""
        if self._overflow is not None:
            nanoseconds = min(nanoseconds, OVERFLOW_NS)
        poller = select.poll()
        poller.register(self._sock(), select.POLLIN)
        if self._waker is not None:
            poller.register(self._waker, select.POLLIN)
        return any(fd == self._waker for fd, _ in poller.poll(max(nanoseconds, 0) / 1e6))

    def poll(self, timeout: float) -> list[Event]:
        """Return what has come; wait up to `timeout` seconds for a message."""
        deadline = now() + int(timeout * 1e9)
        while True:
            events = self.look()
            left = deadline - now()
            if events or left <= 0:
                return events
            self.wait(left)

    def _read(self) -> Iterator[Event]:
        """Yield the events of the messages that wait."""
        sock = self._sock()
        for _ in range(BATCH):
            try:
                data, _ancillary, flags, sender = sock.recvmsg(MESSAGE_MAX)
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno != errno.ENOBUFS:
                    raise SensorError(f"read the kernel's uevents: {error.strerror}; start again") from error
                self._overflow = now()
                self._reached = self._current() or 0
                continue
            # The kernel's own port is 0; another sender with CAP_NET_ADMIN is not believed.
            if sender[0] == 0 and not flags & socket.MSG_TRUNC:
                uevent = parse(data)
                if uevent:
                    yield from self._message(uevent)

    def _message(self, uevent: Uevent) -> Iterator[Event]:
        if uevent.seqnum is not None:
            if self._overflow is not None and self._last is not None and uevent.seqnum > self._last + 1:
                yield self._lost(self._last + 1, uevent.seqnum - 1)
            if self._last is None or uevent.seqnum > self._last:
                self._last = uevent.seqnum
        name = module_name(uevent)
        if name:
            yield self._loaded(uevent, name) if uevent.action == "add" else self._freed(uevent, name)

    def _settle(self) -> Iterator[Event]:
        """Yield the loss of an overflow after which nothing more came."""
        self._overflow = None
        if self._last is None or not self._reached:
            yield self._lost(None, None)
        elif self._reached > self._last:
            first, self._last = self._last + 1, self._reached
            yield self._lost(first, self._reached)

    def _lost(self, first: int | None, last: int | None) -> Event:
        reason = "the uevent socket's buffer was full; the numbers are SEQNUM of uevents of any kind"
        if first is None or last is None:
            return own_event(self._clock, self._host, EventsLost(None, None, None, None, reason))
        return own_event(self._clock, self._host, EventsLost(last - first + 1, None, first, last, reason))

    def _who(self, calls: frozenset[int]) -> tuple[Process | None, str]:
        return suspect(calls) if self._guess else (None, "uevents name no process")

    def _loaded(self, uevent: Uevent, name: str) -> Event:
        process, said = self._who(LOAD_CALLS)
        facts = read_module(name)
        sources = {field: "sysfs" for field, value in facts.values.items() if value is not None}
        unread = {**facts.unread, "base": _NOT_TOLD, "process": said}
        return self._make(ModuleLoad(name=name, base=None, **facts.values), uevent, process, unread, sources)

    def _freed(self, uevent: Uevent, name: str) -> Event:
        process, said = self._who(UNLOAD_CALLS)
        unread = {"version": _GONE, "srcversion": _GONE, "base": _NOT_TOLD, "process": said}
        return self._make(ModuleFree(name, None, None, None), uevent, process, unread, {})

    def _make(
        self,
        args: ModuleLoad | ModuleFree,
        uevent: Uevent,
        process: Process | None,
        unread: dict[str, str],
        sources: dict[str, str],
    ) -> Event:
        ktime = now()
        self._clock.adjust()
        return Event(
            event=args.event_name(),
            time=self._clock.text(ktime),
            ktime=ktime,
            host=self._host,
            cpu=None,
            seq=uevent.seqnum,
            hook="uevent",
            process=process,
            args=args,
            tags=type(args).tags(),
            sources=sources,
            unread=unread,
        )
