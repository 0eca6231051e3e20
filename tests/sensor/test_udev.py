"""Which device a udev worker is at."""

from __future__ import annotations

from ringward.sensor.origin import Device
from ringward.sensor.udev import KEPT, Workers

DISK, NET, USB = Device("/devices/disk", "scsi:t-0x00"), Device("/devices/net", None), Device("/devices/usb", "usb:v1")


def test_between_received_and_processed_it_is_that_device() -> None:
    workers, late = Workers(), []
    workers.tell("7@1", "received", DISK)
    assert workers.at("7@1", late.append) == DISK
    workers.tell("7@1", "processed", DISK)
    assert workers.at("7@1", late.append) is None
    workers.tell("7@1", "received", NET)
    assert workers.at("7@1", late.append) == NET
    assert late == []


def test_the_first_device_is_named_when_it_is_done() -> None:
    workers, late = Workers(), []
    assert workers.at("7@1", late.append) is None
    assert workers.at("7@1", late.append) is None
    workers.tell("7@1", "processed", USB)
    assert late == [USB, USB]
    workers.tell("7@1", "received", NET)
    workers.tell("7@1", "processed", NET)
    assert late == [USB, USB]


def test_what_was_unseen_is_not_named_by_a_later_device() -> None:
    workers, late = Workers(), []
    workers.at("7@1", late.append)
    workers.tell("7@1", "received", NET)  # the first one's end was lost
    workers.tell("7@1", "processed", NET)
    assert late == []


def test_workers_are_apart() -> None:
    workers, late = Workers(), []
    workers.tell("7@1", "received", DISK)
    assert workers.at("8@1", late.append) is None
    workers.tell("7@1", "processed", DISK)
    assert late == []
    workers.tell("8@1", "processed", USB)
    assert late == [USB]


def test_the_memory_is_bounded() -> None:
    workers = Workers()
    for number in range(KEPT + 10):
        workers.tell(f"{number}@1", "received", DISK)
    assert len(workers._workers) == KEPT
    assert workers.at("0@1", lambda _device: None) is None
    assert workers.at(f"{KEPT}@1", lambda _device: None) == DISK
