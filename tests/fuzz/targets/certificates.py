"""The image of a kernel, and the certificates in it: any bytes are certificates, or it is said why not."""

from __future__ import annotations

import struct

from ringward.kmod import certificates
from ringward.kmod.certificates import of_kernel, payload
from ringward.kmod.errors import KmodError
from tests.fuzz.targets.verify import _CERTIFICATES

COVERS = (certificates.of_kernel, certificates.payload, certificates._has_sizes)
FLOOR = 85
DICTIONARY = (b"HdrS", b"\x30\x82", b"\xa0\x03\x02\x01\x02\x02", b"\x1f\x8b")


def seeds() -> list[bytes]:
    whole = b"".join(_CERTIFICATES.values())
    first = len(next(iter(_CERTIFICATES.values())))
    image = b"kernel" + whole + bytes(5) + struct.pack("<QQ", len(whole), first) + b"more"
    setup = bytearray(2048)
    setup[0x1F1] = 1
    setup[0x202:0x206] = b"HdrS"
    setup[0x248:0x250] = struct.pack("<II", 1024, 64 + 4)
    return [image, b"kernel" + whole, bytes(setup), image[:-30], bytes(setup[:700])]


def one(data: bytes) -> None:
    try:
        assert len(payload(data, "vmlinuz")) <= len(data)
        assert all(each.der in data for each in of_kernel(data, "vmlinuz"))
    except KmodError as error:
        assert str(error).startswith("vmlinuz: ")
