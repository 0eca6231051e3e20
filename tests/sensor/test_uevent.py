"""The uevent sensor: its events, its losses, what it says of itself."""

from __future__ import annotations

import errno
import os
import socket
from pathlib import Path

import pytest

from ringward.events.catalogue.events_lost import EventsLost
from ringward.sensor import uevent
from ringward.sensor.info import SensorError
from ringward.sensor.kobject_uevent import parse
from ringward.sensor.uevent import UeventSensor
from tests import nulls


def message(action: str = "add", devpath: str = "/module/dummy", **more: str) -> bytes:
    values = {"ACTION": action, "DEVPATH": devpath, "SUBSYSTEM": "module", "SEQNUM": "7", **more}
    return b"\0".join([f"{action}@{devpath}".encode(), *(f"{k}={v}".encode() for k, v in values.items())]) + b"\0"


class FakeSocket:
    """Gives messages and errors in turn, then says that there is nothing."""

    def __init__(self, *items: bytes | int | tuple[bytes, int]) -> None:
        self.items = list(items)
        self.closed = False

    def recvmsg(self, size: int) -> tuple[bytes, list[object], int, tuple[int, int]]:
        if not self.items:
            raise BlockingIOError
        item = self.items.pop(0)
        if isinstance(item, int):
            raise OSError(item, os.strerror(item))
        data, sender = item if isinstance(item, tuple) else (item, 0)
        return data[:size], [], 0, (sender, 1)

    def fileno(self) -> int:
        return 0

    def close(self) -> None:
        self.closed = True


def sensor(
    monkeypatch: pytest.MonkeyPatch, *items: bytes | int | tuple[bytes, int], last: int | None = 0
) -> UeventSensor:
    found = UeventSensor(guess=False)
    found._socket = FakeSocket(*items)  # type: ignore[assignment]
    found._last = last
    monkeypatch.setattr(UeventSensor, "_current", staticmethod(lambda: 20))
    return found


def test_add_and_remove_are_events_without_a_process(monkeypatch: pytest.MonkeyPatch) -> None:
    events = sensor(monkeypatch, message(), message("remove", SEQNUM="8")).poll(0)
    assert [(e.event, e.args.name, e.hook, e.seq) for e in events] == [
        ("module_load", "dummy", "uevent", 7),
        ("module_free", "dummy", "uevent", 8),
    ]
    for event in events:
        assert nulls.faults(event) == []
        assert event.process is None
        assert event.unread["process"]
        args = event.args
        absent = {f for f in args.__struct_fields__ if getattr(args, f) is None}
        assert absent == set(event.unread) - {"process"}


def test_a_message_of_another_process_is_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert sensor(monkeypatch, (message(), 1234)).poll(0) == []


def test_an_overflow_names_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    items = (message(SEQNUM="5"), errno.ENOBUFS, message(SEQNUM="6"), message(SEQNUM="10"))
    events = sensor(monkeypatch, *items, last=4).poll(0)
    assert [e.event for e in events] == ["module_load", "module_load", "events_lost", "module_load"]
    lost = events[2].args
    assert isinstance(lost, EventsLost)
    assert (lost.count, lost.first_seq, lost.last_seq) == (3, 7, 9)


def test_a_gap_without_overflow_is_no_loss(monkeypatch: pytest.MonkeyPatch) -> None:
    # Uevents of devices in other network namespaces take numbers and do not come here.
    events = sensor(monkeypatch, message(SEQNUM="5"), message(SEQNUM="10"), last=4).poll(0)
    assert [e.event for e in events] == ["module_load", "module_load"]


def test_an_overflow_after_which_nothing_comes_is_told_too(monkeypatch: pytest.MonkeyPatch) -> None:
    found = sensor(monkeypatch, message(SEQNUM="5"), errno.ENOBUFS, last=4)
    assert [e.event for e in found.poll(0)] == ["module_load"]
    (event,) = found.close()
    assert (event.args.count, event.args.first_seq, event.args.last_seq) == (15, 6, 20)
    assert found.close() == []


def test_an_overflow_of_which_no_number_is_known_is_not_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    found = sensor(monkeypatch, errno.ENOBUFS, last=None)
    assert found.poll(0) == []
    (event,) = found.close()
    assert (event.event, event.args.count, event.args.subject()[:17]) == ("events_lost", None, "an unknown number")
    assert nulls.faults(event) == []


def test_a_broken_socket_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SensorError, match=r"read the kernel's uevents: .* start again"):
        sensor(monkeypatch, errno.ENOMEM).poll(0)


def test_a_closed_sensor_says_so() -> None:
    with pytest.raises(SensorError, match="open"):
        UeventSensor().poll(0)


def test_a_refused_socket_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_args: object) -> None:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(uevent.socket, "socket", refuse)
    with pytest.raises(SensorError, match="listen to the kernel's uevents: Operation not permitted; run outside"):
        UeventSensor().open()


def test_the_real_kernel_is_heard_and_a_provoked_message_is_no_load() -> None:
    """Write to a uevent file: the message comes, and is not taken for a load even where it is a module's."""
    files = [*sorted(Path("/sys/module").glob("*/uevent")), *Path("/sys/devices/virtual").glob("*/null/uevent")]
    target = next((path for path in files if os.access(path, os.W_OK)), None)
    if target is None:
        assert os.geteuid() != 0, "root, and there is no uevent file to write to"
        pytest.skip("not root: no uevent file can be written")
    devpath = str(target.parent.resolve()).removeprefix("/sys")
    with socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM, uevent.NETLINK_KOBJECT_UEVENT) as witness:
        witness.bind((0, uevent.KERNEL_GROUP))
        witness.settimeout(10)
        listener = UeventSensor()
        listener.open()
        try:
            target.write_text("add")
            while True:
                found = parse(witness.recv(8192))
                if found and found.devpath == devpath:
                    break
            assert found.properties["SYNTH_UUID"] == "0"
            assert [e for e in listener.look() if e.event == "module_load" and e.args.name == target.parent.name] == []
            assert found.seqnum is not None
            assert listener._last is not None
            assert listener._last >= found.seqnum, "the sensor did not hear the message"
        finally:
            listener.close()
