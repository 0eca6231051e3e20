"""Messages of the kernel's uevent socket: any bytes are one, or none."""

from __future__ import annotations

from ringward.sensor import kobject_uevent
from ringward.sensor.kobject_uevent import module_name, parse

COVERS = (kobject_uevent.parse, kobject_uevent.module_name, kobject_uevent.read_seqnum)
FLOOR = 100
DICTIONARY = (b"\0SEQNUM=", b"\0SUBSYSTEM=module", b"\0ACTION=add", b"\0DEVPATH=/module/", b"remove@/module/")


def seeds() -> list[bytes]:
    found = []
    for action, path, rest in (
        (b"add", b"/module/dummy", b"SUBSYSTEM=module\0SEQNUM=1234\0"),
        (b"remove", b"/module/dummy", b"SUBSYSTEM=module\0SYNTH_UUID=0\0"),
        (b"bind", b"/devices/x", b"SUBSYSTEM=usb\0"),
    ):
        found.append(action + b"@" + path + b"\0ACTION=" + action + b"\0DEVPATH=" + path + b"\0" + rest)
    return [
        *found,
        b"libudev\0",
        found[0].replace(b"ACTION=add", b"ACTION"),
        found[0].replace(b"ACTION=add", b"ACTION=x"),
    ]


def one(data: bytes) -> None:
    found = parse(data)
    if found is None:
        return
    assert found.properties["ACTION"] == found.action
    assert found.seqnum is None or 0 <= found.seqnum < 10**20
    name = module_name(found)
    assert name is None or (name and "/" not in name)
