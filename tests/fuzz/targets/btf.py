"""Objects and their BTF: any bytes are types and layouts, or it is said what is wrong."""

from __future__ import annotations

import contextlib

from ringward.btf import Btf, BtfError, ElfError, LayoutError, elf, layout, layouts, section, symbols, types
from ringward.btf.layout import enum_values
from tests.btf.built import OBJECTS, Maker
from tests.kmod.elf_builder import GLOBAL, Module

COVERS = (elf, types.Btf, layout)
FLOOR = 90
LONGEST = 1 << 15
DICTIONARY = (b"\x7fELF\x02\x01", b"\x9f\xeb\x01\x00", b".BTF\0", b".symtab\0", b"event_")
_NAMES = (".BTF", ".rodata", ".text", "__kcrctab")


def seeds() -> list[bytes]:
    made = Maker()
    number, small = made.integer("__u32", 4), made.integer("__u8", 1, 1)
    inner = made.struct("inner", 4, ("a", number, 0))
    text = made.array(small, 4)
    alias = made.add(8, "pid_nr", number)
    record = made.struct("thing", 16, ("h", inner, 0), ("b", text, 32), ("c", alias, 64), ("d", number, 96))
    made.mark("thing", record)
    made.enum("colour", red=1, green=-2)
    made.add(10, "", record)
    made.add(13, "", 0, 1, bytes(8))
    made.add(15, ".data", 4, 1, bytes(12))
    whole = Module(
        undefined=[(b"x", GLOBAL)],
        relocatable=[(b"knob", 2)],
        extra=[(b".BTF", 1, made.bytes()), (b".rodata", 1, bytes(8)), (b".text", 8, b"")],
    ).build()
    smallest = min((path.read_bytes() for path in OBJECTS), key=len)
    return [made.bytes(), section(smallest, ".BTF")[:LONGEST], whole]


def one(data: bytes) -> None:
    if data.startswith(b"\x7fELF"):
        found = b""
        for name in _NAMES:
            with contextlib.suppress(ElfError):
                found = found or section(data, name)
            with contextlib.suppress(ElfError):
                symbols(data, name)
        data = found
    try:
        btf = Btf(data)
    except BtfError:
        return
    for number in range(len(btf.types[:50])):
        with contextlib.suppress(BtfError):
            assert btf.size_of(number) >= 0
    with contextlib.suppress(BtfError, LayoutError):
        for name, found_layout in layouts(btf).items():
            assert found_layout.name == name
            assert found_layout.unpacker().size == found_layout.size
    with contextlib.suppress(BtfError, LayoutError):
        enum_values(btf, "colour")
