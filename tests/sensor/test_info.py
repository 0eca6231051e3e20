"""What the sensor tells about itself is data that can be written down."""

from __future__ import annotations

import msgspec
import pytest

from ringward.sensor import Attachment, SensorInfo, Totals
from ringward.sensor.info import ModuleCounts

INFO = SensorInfo(
    kernel="6.12.0",
    host="h",
    kind="ebpf",
    attached={"module_load": Attachment("tp_btf", "module:module_load", "", (7, 8))},
    missing={"udev_device": "no such function"},
    degraded=None,
    modules=ModuleCounts(3, 1, 2),
    modules_unread=None,
)


def test_it_can_be_written_as_json_and_read_back() -> None:
    assert msgspec.json.decode(msgspec.json.encode(INFO), type=SensorInfo) == INFO
    without = msgspec.structs.replace(INFO, modules=None, modules_unread="this kernel has no module support")
    assert msgspec.json.decode(msgspec.json.encode(without), type=SensorInfo) == without


def test_what_was_attached_cannot_be_changed_afterwards() -> None:
    with pytest.raises(AttributeError):
        INFO.kind = "uevent"  # type: ignore[misc]
    with pytest.raises(AttributeError):
        INFO.attached["module_load"].rung = "lsm"  # type: ignore[misc]


def test_an_attachment_without_programs_has_none() -> None:
    assert Attachment("uevent", "NETLINK_KOBJECT_UEVENT", "much").programs == ()


def test_counts_begin_at_nothing() -> None:
    assert Totals() == Totals(events=0, filtered=0, lost=0)
    assert Totals().is_complete


def test_what_nobody_has_counted_is_in_no_sum() -> None:
    counted, unknown = Totals(), Totals()
    counted.lose(3)
    unknown.lose(None)
    assert (counted.lost, counted.lost_uncounted, counted.is_complete) == (3, 0, False)
    assert (unknown.lost, unknown.lost_uncounted, unknown.is_complete) == (0, 1, False)
