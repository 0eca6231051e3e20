"""The exports in a kernel's image: any image has some, none, or it is said why not."""

from __future__ import annotations

import struct

from ringward.kmod import ksymtab
from ringward.kmod.errors import KmodError
from tests.kmod.test_ksymtab import entry, kernel

COVERS = (ksymtab.exports, ksymtab._table, ksymtab._string)
FLOOR = 90
DICTIONARY = (b"__ksymtab", b"__kcrctab", b"__ksymtab_strings")


def seeds() -> list[bytes]:
    whole = entry(0, b"kfree", b"SPACE") + entry(1, b"gpl_thing", None)
    short = entry(0, b"kfree", None, size=8)
    crcs = struct.pack("<II", 1, 2)
    return [kernel(whole, crcs), kernel(short, crcs[:4]), kernel(whole, crcs[:4]), kernel(bytes(12), crcs[:4])]


def one(data: bytes) -> None:
    try:
        for name, export in ksymtab.exports(data, "vmlinux").items():
            assert name
            assert 0 <= (export.crc or 0) < 1 << 32
    except KmodError as error:
        assert str(error).startswith("vmlinux: ")
