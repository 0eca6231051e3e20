"""The sensor that needs neither eBPF nor a privilege: the kernel's uevents of modules.

Format of a message: lib/kobject_uevent.c, ``ACTION@DEVPATH`` and then ``KEY=VALUE``, each with
its NUL. A module is announced after its init succeeded (since commit 38dc717e9715, v5.12) and
again when it goes; attempts, arguments and failures are not.
"""

from __future__ import annotations

import errno
import os
import select
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from ringward.events.args import Args
from ringward.events.catalogue.events_lost import EventsLost
from ringward.events.catalogue.module_free import ModuleFree
from ringward.events.catalogue.module_load import ModuleLoad
from ringward.events.context import Event
from ringward.events.fields import decode
from ringward.sensor.clock import Clock, now
from ringward.sensor.info import SensorError
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


class Uevent(NamedTuple):
    """One message of the kernel."""

    action: str
    devpath: str
    subsystem: str | None
    seqnum: int | None
    properties: dict[str, str]


def _seqnum(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) <= 20 else None


def parse(data: bytes) -> Uevent | None:
    """Return the message; None for what is not one of the kernel's (libudev's own, cut, garbage)."""
    head, *rest = data.split(b"\0")
    action, at, devpath = head.partition(b"@")
    if not at or not action or not devpath.startswith(b"/") or not data.endswith(b"\0"):
        return None
    properties: dict[str, str] = {}
    for part in rest[:-1]:
        key, equals, value = part.partition(b"=")
        if not key or not equals:
            return None
        properties[decode(key)] = decode(value)
    # The head repeats two of the properties; a message in which they disagree is not the kernel's.
    if properties.get("ACTION") != decode(action) or properties.get("DEVPATH") != decode(devpath):
        return None
    return Uevent(
        decode(action),
        decode(devpath),
        properties.get("SUBSYSTEM"),
        _seqnum(properties.get("SEQNUM")),
        properties,
    )


def module_name(uevent: Uevent) -> str | None:
    """Return the module that came or went by this message; None when it is about anything else.

    A message that somebody provoked by writing to /sys/module/NAME/uevent has SYNTH_UUID and is
    about nothing that happened.
    """
    folder, _, name = uevent.devpath.rpartition("/")
    if folder != "/module" or uevent.subsystem != "module" or name in ("", ".", ".."):
        return None
    if uevent.action not in ("add", "remove") or "SYNTH_UUID" in uevent.properties:
        return None
    return name


class Facts(NamedTuple):
    """What /sys/module/NAME gives of a module; `unread`: why a value is None."""

    values: dict[str, Any]
    unread: dict[str, str]


def read_module(name: str, root: Path = Path("/sys/module")) -> Facts:
    """Return version, srcversion, taints, size and uses of a loaded module, read now."""
    values: dict[str, Any] = dict.fromkeys(("version", "srcversion", "taints", "size", "uses"))
    unread: dict[str, str] = {}
    folder = root / name
    if not folder.is_dir():
        reason = f"the module was gone before {folder} could be read"
        return Facts(values, dict.fromkeys(values, reason))
    files = {"version": "version", "srcversion": "srcversion", "taints": "taint", "size": "coresize"}
    for field, file in files.items():
        try:
            text = (folder / file).read_text(errors="backslashreplace").strip()
            values[field] = tuple(text) if field == "taints" else int(text) if field == "size" else text
        except FileNotFoundError:
            unread[field] = "the module has none" if "version" in field else f"no {folder / file}"
        except (OSError, ValueError) as error:
            unread[field] = f"{folder / file}: {getattr(error, 'strerror', None) or error}"
    try:
        values["uses"] = tuple(sorted(entry.parent.parent.name for entry in root.glob(f"*/holders/{name}")))
    except OSError as error:
        unread["uses"] = f"{root}: {error.strerror}"
    return Facts(values, unread)


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
        self._host = os.uname().nodename
        self._clock = Clock()
        self._last: int | None = None  # SEQNUM
        self._overflow: int | None = None  # nanoseconds since boot
        self._reached = 0  # SEQNUM at the overflow

    def open(self) -> None:
        """Listen to the kernel's group.

        Raises:
            SensorError: the socket cannot be had.

        """
        try:
            # Set first, so that __exit__ and close() find what is there.
            self._socket = socket.socket(
                socket.AF_NETLINK,
                socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK,
                NETLINK_KOBJECT_UEVENT,
            )
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
            return _seqnum(Path(SEQNUM_FILE).read_text().strip())
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
            events = list(self._read())
            events.extend(self._settle(now() + OVERFLOW_NS))
        except SensorError:
            events = []
        self._socket.close()
        self._socket = None
        return events

    def poll(self, timeout: float) -> list[Event]:
        """Return what has come; wait up to `timeout` seconds for a message."""
        poller = select.poll()
        poller.register(self._sock(), select.POLLIN)
        deadline = now() + int(timeout * 1e9)
        while True:
            events = list(self._read())
            events.extend(self._settle(now()))
            left = deadline - now()
            if events or left <= 0:
                return events
            wait = min(left, OVERFLOW_NS) if self._overflow is not None else left
            poller.poll(wait / 1e6)

    def _read(self) -> Iterator[Event]:
        """Yield the events of the messages that wait."""
        sock = self._sock()
        for _ in range(BATCH):
            try:
                data, _anc, flags, sender = sock.recvmsg(MESSAGE_MAX)
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno == errno.ENOBUFS:
                    self._overflow = now()
                    self._reached = self._current() or 0
                    continue
                if error.errno == errno.EINTR:
                    continue
                raise SensorError(f"read the kernel's uevents: {error.strerror}; start again") from error
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
            yield self._event(uevent, name)

    def _settle(self, time: int) -> Iterator[Event]:
        """Yield the loss of an overflow after which nothing more came."""
        if self._overflow is None or time - self._overflow < OVERFLOW_NS:
            return
        if self._last is None or not self._reached:
            yield self._lost(None, None)
        elif self._reached > self._last:
            first, self._last = self._last + 1, self._reached
            yield self._lost(first, self._reached)
        self._overflow = None

    def _lost(self, first: int | None, last: int | None) -> Event:
        reason = "the uevent socket's buffer was full; the numbers are SEQNUM of uevents of any kind"
        if first is None or last is None:
            return self._make("events_lost", EventsLost(1, None, None, None, f"{reason}; at least one"), "sensor")
        return self._make("events_lost", EventsLost(last - first + 1, None, first, last, reason), "sensor")

    def _event(self, uevent: Uevent, name: str) -> Event:
        process, said = (None, "uevents name no process")
        calls = LOAD_CALLS if uevent.action == "add" else UNLOAD_CALLS
        if self._guess:
            process, said = suspect(calls)
        if uevent.action == "remove":
            unread = {"version": "the module is gone", "srcversion": "the module is gone", "base": _NOT_TOLD}
            free = ModuleFree(name, None, None, None)
            return self._make("module_free", free, "uevent", unread | {"process": said}, process, uevent.seqnum)
        facts = read_module(name)
        load = ModuleLoad(name=name, base=None, **facts.values)
        sources = {field: "sysfs" for field, value in facts.values.items() if value is not None}
        unread = {**facts.unread, "base": _NOT_TOLD, "process": said}
        return self._make("module_load", load, "uevent", unread, process, uevent.seqnum, sources)

    def _make(
        self,
        name: str,
        args: Args,
        hook: str,
        unread: dict[str, str] | None = None,
        process: Any = None,
        seq: int | None = None,
        sources: dict[str, str] | None = None,
    ) -> Event:
        ktime = now()
        self._clock.adjust()
        return Event(
            event=name,
            time=self._clock.text(ktime),
            ktime=ktime,
            host=self._host,
            cpu=None,
            seq=seq,
            hook=hook,
            process=process,
            args=args,
            tags=type(args).tags(),
            sources=sources or {},
            unread=unread or {},
        )
