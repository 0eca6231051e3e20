"""The binary indexes, modules.*.bin: any bytes give answers that agree with each other, or the damage is told."""

from __future__ import annotations

from ringward.kmod import index
from ringward.kmod.errors import KmodError
from ringward.kmod.index import Index
from ringward.kmod.index_writer import IndexWriter
from tests.fuzz.real import entries_of, module_directories

COVERS = (index.Index, index._Hunt)
FLOOR = 90
SECONDS = 4.0  # ten searches, each with as many steps as it may take
DICTIONARY = (b"\xb0\x07\xf4\x57\x00\x02\x00\x01", b"\x00\x00\x00\x01", b"pci:v*", b"[0-9]\x00")
KEYS = ("", "dummy", "pci:v00008086d00001234sv00000000sd00000000bc02sc00i00", "usb:v1d6Bp0002d0612", "a[b]\\c")
_PLACE = "x.bin"


def seeds() -> list[bytes]:
    found = []
    for directory in module_directories():
        for name in ("dep", "alias", "symbols", "builtin", "builtin.alias"):
            found += [made(entries_of(directory, name, start, 12)) for start in (0, 700)]
    found.append(made([("a[0-9]b", "x", 1), ("a[!x]*", "y", 2), ("a\\*b", "z", 3), ("", "none", 0)]))
    return found


def made(entries: list[tuple[str, str, int]]) -> bytes:
    writer = IndexWriter()
    for key, value, priority in entries:
        if key:
            writer.insert(key, value, priority)
    return writer.content()


def one(data: bytes) -> None:
    try:
        found = Index(data, _PLACE)
        known = list(found.entries())
        assert [(key, value) for key, value, _ in known] == list(found.walk())
        if len({key for key, _, _ in known}) == len(known):  # else two nodes may have one key
            assert all(found.exact(key) == [value] for key, value, _ in known[:8])
        for key in (*KEYS, *(key for key, _, _ in known[:4])):
            found.exact(key)
            found.wild(key)
    except KmodError as error:
        assert error.path == _PLACE
        assert error.offset is not None
        assert 0 <= error.offset <= index.OFFSET
    # Without a whole walk the same questions are asked, as modprobe does.
    for key in KEYS:
        try:
            Index(data, _PLACE).wild(key)
        except KmodError as error:
            assert str(error).startswith(_PLACE)
