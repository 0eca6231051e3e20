"""The uevent sensor: its parser on any bytes, its events on modules made of files, its losses."""

from __future__ import annotations

import errno
import os
import socket
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ringward.events.catalogue.events_lost import EventsLost
from ringward.sensor import uevent
from ringward.sensor.info import SensorError
from ringward.sensor.uevent import UeventSensor, module_name, parse, read_module

ADD = b"add@/module/dummy\0ACTION=add\0DEVPATH=/module/dummy\0SUBSYSTEM=module\0SEQNUM=4711\0"
UNICAST = b"libudev\0\xfe\xed\xca\xfe\x28\0\0\0\x28\0\0\0\x10\0\0\0ACTION=add\0"


def message(action: str = "add", devpath: str = "/module/dummy", **more: str) -> bytes:
    values = {"ACTION": action, "DEVPATH": devpath, "SUBSYSTEM": "module", "SEQNUM": "7", **more}
    return b"\0".join([f"{action}@{devpath}".encode(), *(f"{k}={v}".encode() for k, v in values.items())]) + b"\0"


def test_a_module_is_named() -> None:
    found = parse(ADD)
    assert found is not None
    assert (found.action, found.devpath, found.subsystem, found.seqnum) == ("add", "/module/dummy", "module", 4711)
    assert module_name(found) == "dummy"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0",
        b"add",
        b"@/module/x\0",
        b"add@module/x\0ACTION=add\0DEVPATH=module/x\0",
        ADD[:-1],
        ADD[:40],
        UNICAST,
        b"add@/module/a\0ACTION=add\0DEVPATH=/module/b\0SUBSYSTEM=module\0",
        b"add@/module/a\0ACTION=remove\0DEVPATH=/module/a\0SUBSYSTEM=module\0",
        b"add@/module/a\0ACTION=add\0DEVPATH=/module/a\0nonsense\0",
    ],
)
def test_what_is_no_message_of_the_kernel_is_none(data: bytes) -> None:
    assert parse(data) is None


@pytest.mark.parametrize(
    "data",
    [
        message(SUBSYSTEM="pci"),
        message(devpath="/module/dummy/drivers/x"),
        message(devpath="/devices/module/dummy"),
        message(devpath="/module/.."),
        message(devpath="/module/"),
        message(action="change"),
        message(SYNTH_UUID="0"),
    ],
)
def test_what_is_not_a_load_or_unload_names_no_module(data: bytes) -> None:
    found = parse(data)
    assert found is not None
    assert module_name(found) is None


def test_seqnum_that_is_no_number_is_none() -> None:
    for text in ("", "-1", "1e3", "٣", "9" * 21):
        found = parse(message(SEQNUM=text))
        assert found is not None
        assert found.seqnum is None


@given(st.binary(max_size=4096))
@example(ADD)
@example(b"a@/" + b"\xff" * 2000 + b"\0")
def test_no_bytes_crash_the_parser(data: bytes) -> None:
    found = parse(data)
    if found is not None:
        assert data.startswith(f"{found.action}@".encode()[:1]) or not found.action.isascii()
        name = module_name(found)
        assert name is None or ("/" not in name and name not in ("", ".", ".."))


@given(st.integers(0, len(ADD) - 1), st.integers(0, 255))
def test_a_changed_byte_never_crashes(at: int, value: int) -> None:
    data = ADD[:at] + bytes([value]) + ADD[at + 1 :]
    found = parse(data)
    if found is not None and module_name(found) == "dummy" and data != ADD:
        # Only the number and the keys behind the address can change without changing what it says.
        assert at >= data.index(b"SEQNUM") - 1 or data[at] in b"add"


@given(
    st.dictionaries(
        st.text(st.characters(codec="ascii", exclude_characters="=\0"), min_size=1),
        st.text(st.characters(codec="utf-8", exclude_characters="\0")),
    )
)
def test_properties_come_back(more: dict[str, str]) -> None:
    more = {k: v for k, v in more.items() if k not in ("ACTION", "DEVPATH", "SUBSYSTEM", "SEQNUM", "SYNTH_UUID")}
    data = message() + b"".join(f"{k}={v}".encode() + b"\0" for k, v in more.items())
    found = parse(data)
    assert found is not None
    assert {k: v for k, v in found.properties.items() if k in more} == more


def make_module(root: Path, **files: str) -> None:
    (root / "dummy" / "holders").mkdir(parents=True)
    for name, text in files.items():
        (root / "dummy" / name).write_text(text + "\n")


def test_what_sysfs_gives_of_a_module(tmp_path: Path) -> None:
    make_module(tmp_path, version="1.2", srcversion="ABC", taint="OE", coresize="16384")
    for used in ("fat", "psnap"):
        (tmp_path / used / "holders" / "dummy").mkdir(parents=True)
    found = read_module("dummy", tmp_path)
    assert found.values == {
        "version": "1.2",
        "srcversion": "ABC",
        "taints": ("O", "E"),
        "size": 16384,
        "uses": ("fat", "psnap"),
    }
    assert found.unread == {}


def test_what_sysfs_does_not_give_has_a_reason(tmp_path: Path) -> None:
    make_module(tmp_path, taint="", coresize="many")
    found = read_module("dummy", tmp_path)
    assert found.values == {"version": None, "srcversion": None, "taints": (), "size": None, "uses": ()}
    assert set(found.unread) == {"version", "srcversion", "size"}
    gone = read_module("nothing", tmp_path)
    assert set(gone.unread) == set(gone.values) == {"version", "srcversion", "taints", "size", "uses"}
    assert all(value is None for value in gone.values.values())


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


def sensor(monkeypatch: pytest.MonkeyPatch, *items: bytes | int | tuple[bytes, int], last: int = 0) -> UeventSensor:
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


def test_a_broken_socket_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SensorError, match="read the kernel's uevents: .* start again"):
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
    """Write to the uevent file of a built-in module: the message comes, and is not taken for a load."""
    target = next((p for p in sorted(Path("/sys/module").glob("*/uevent")) if os.access(p, os.W_OK)), None)
    if target is None:
        assert os.geteuid() != 0, "root, and no module has a uevent file that can be written"
        pytest.skip("not root: /sys/module/NAME/uevent cannot be written")
    with socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM, uevent.NETLINK_KOBJECT_UEVENT) as witness:
        witness.bind((0, uevent.KERNEL_GROUP))
        witness.settimeout(10)
        listener = UeventSensor()
        listener.open()
        try:
            target.write_text("add")
            while True:
                found = parse(witness.recv(8192))
                if found and found.devpath == f"/module/{target.parent.name}":
                    break
            assert found.properties["SYNTH_UUID"] == "0"
            assert target.parent.name not in [e.args.name for e in listener.poll(1) if e.event == "module_load"]
            assert listener._last is not None
            assert found.seqnum is not None
            assert listener._last >= found.seqnum, "the sensor did not hear the message"
        finally:
            listener.close()
