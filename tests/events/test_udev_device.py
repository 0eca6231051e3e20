"""The properties of a libudev message, as an event shows them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ringward.events.catalogue.udev_device import UdevDevice, find_property
from ringward.events.fields import Tail

PROPERTIES = b"ACTION=add\0DEVPATH=/devices/x\0SUBSYSTEM=usb\0MODALIAS=usb:v1\0SEQNUM=12\0"


def read(data: bytes, cut: int = 0) -> tuple[dict[str, object], dict[str, str]]:
    base = 8  # offset 0 of a str_loc means "not read"
    tail = Tail(bytes(base) + data, 0, {1: "a fault"})
    loc = base << 16 | cut << 15 | len(data) if data else 1
    values = {
        name: spec.convert(name)(tail, loc)
        for name, spec in UdevDevice.specs().items()
        if spec.members == ("properties",)
    }
    return values, tail.unread or {}


def test_each_property_is_a_field() -> None:
    values, unread = read(PROPERTIES)
    assert values == {
        "action": "add",
        "devpath": "/devices/x",
        "subsystem": "usb",
        "modalias": "usb:v1",
        "seqnum": 12,
    }
    assert unread == {}


def test_what_is_not_there_has_a_reason() -> None:
    values, unread = read(b"ACTION=add\0SEQNUM=many\0")
    assert [name for name, value in values.items() if value is None] == ["devpath", "subsystem", "modalias", "seqnum"]
    assert set(unread) == {"devpath", "subsystem", "modalias", "seqnum"}
    assert unread["seqnum"] == "not a number: many"


def test_a_cut_list_is_told_from_an_absent_property() -> None:
    whole, absent = read(b"ACTION=add\0")
    cut_values, cut = read(b"ACTION=add\0MODALIAS=usb:v", cut=1)
    assert whole["modalias"] is None
    assert cut_values["modalias"] is None, "half a property is not a value"
    assert absent["modalias"] != cut["modalias"]
    assert "first 25 bytes" in cut["modalias"]


def test_properties_that_could_not_be_read_say_why() -> None:
    values, unread = read(b"")
    assert set(values.values()) == {None}
    assert set(unread.values()) == {"a fault"}


def test_the_last_of_several_counts() -> None:
    # As systemd's sd_device takes a message in: a later property replaces an earlier one.
    assert find_property(b"A=1\0A=2\0", b"A") == "2"
    assert find_property(b"AA=1\0", b"A") is None


@given(st.binary(max_size=512))
def test_no_bytes_crash(data: bytes) -> None:
    values, unread = read(data)
    assert {name for name, value in values.items() if value is None} == set(unread)
