"""fstab(5): any text gives mount points that something wanted is below, and a unit waits for each or cannot name it."""

from __future__ import annotations

import os

from ringward.guard import unit
from ringward.guard.unit import own_mounts
from tests.fuzz.inputs import SEPARATOR, parts, plain, stretched

COVERS = (own_mounts, unit.text, unit.quoted)
FLOOR = 95
LONGEST = 1024
DICTIONARY = (b"/", b"\\040", b"\\012", b"#", b" ", b"\t", b"\n", b"ext4", b"..", b"usr", b"UUID=", SEPARATOR)


def seeds() -> list[bytes]:
    tables = (
        b"UUID=1 / ext4 defaults 0 1\n/dev/sdb1\t/usr ext4 ro 0 2\nnone swap swap sw 0 0\n",
        b"# /dev/sda /opt\n/dev/sda /opt\\040x/../y xfs\n/dev/sdb /opt//a",
        b"LABEL=a /srv\\012b ext4\nshort\n  \n/dev/x relative ext4",
    )
    return [plain(table) + SEPARATOR + b"/usr/bin\n/opt/y/z\n/srv\nb/c" for table in tables]


def one(data: bytes) -> None:
    table, places = parts(data, 2)
    needs = {f"/{os.path.normpath(name).strip('/.')}" for name in places.decode("utf-8", "replace").split("\n")}
    found = own_mounts(stretched(table, 4096).decode("utf-8", "replace"), needs)
    assert found == sorted(set(found))
    for point in found:
        assert point not in ("/", "/usr")
        assert any(need == point or need.startswith(f"{point}/") for need in needs)
    try:
        printed = unit.text(["/bin/ringward"], needs, found)
    except ValueError:
        assert any(char in word for word in (*found, *needs) for char in "\n\r\0")
        return
    lines = printed.split("\n")
    assert len(lines) == len(unit.text(["/bin/ringward"], (), found and ["/a"]).split("\n"))
    assert all(unit.quoted(point) in printed for point in found)
