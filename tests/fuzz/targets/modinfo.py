"""Modules: any ELF image says something of itself, or it is said where it is damaged."""

from __future__ import annotations

import struct

from ringward.kmod import elf, modinfo, module_image, taint
from ringward.kmod.contents import scan
from ringward.kmod.elf import Elf
from ringward.kmod.errors import KmodError
from ringward.kmod.modinfo import ModInfo, image_info, read_info
from ringward.kmod.module_image import ModuleImage
from tests.fuzz.inputs import folder
from tests.kmod.elf_builder import GLOBAL, WEAK, Module
from tests.kmod.signing import appended
from tests.native.fuzzing import elf_seeds

COVERS = (
    *(elf.Elf, elf.Section, elf.Symbol, elf.build_id, ModInfo, modinfo.Parameter, modinfo.parameters),
    *(modinfo.plain_fields, modinfo.image_info, module_image, taint.taints, taint.licence),
)
FLOOR = 92
RUNS = 1500
NATIVE = ("ringward.kmod._elf",)
LONGEST = 8192
DICTIONARY = (b".modinfo", b".note.gnu.build-id", b"__versions", b"parm=", b"parmtype=", b"license=GPL\0", b"GNU\0")
_FILE = folder() / "x.ko"


def seeds() -> list[bytes]:
    told = [b"name=x", b"license=GPL", b"depends=a,b", b"parm=p:text", b"parmtype=p:int", b"parm=bad", b"intree=Y"]
    whole = Module(
        [*told, b"staging=Y", b"import_ns=X"],
        [(b"printk", GLOBAL), (b"maybe", WEAK)],
        [(b"out", 7)],
        build_id=bytes(range(20)),
        extra=[(b".init.text", 1, b"code"), (b".data..ro_after_init", 1, b"data")],
    ).build()
    return [whole, allocated(whole) + appended(b"0123456789"), *elf_seeds()]


def allocated(image: bytes) -> bytes:
    """Return an ELF64 image of this byte order with its sections in memory: executable, read only and writable ones."""
    out = bytearray(image)
    (start,), (count,) = struct.unpack_from("<Q", image, 0x28), struct.unpack_from("<H", image, 0x3C)
    for number in range(1, count):
        struct.pack_into("<Q", out, start + 64 * number + 8, (2, 3, 6)[number % 3])  # SHF_ALLOC, WRITE, EXECINSTR
    return bytes(out)


def one(data: bytes) -> None:
    try:
        image = Elf(data, "x.ko")
        assert image.bits in {32, 64}
        for section in image.sections:
            image.section(section.name)
        image.exports()
        image.wants()
        image.versions()
        image.symbols()
        image.namespaces()
        image.build_id()
    except KmodError as error:
        assert error.path == "x.ko"
    try:
        info = image_info(data, "x.ko")
        assert info.size == len(data)
        info.fields()
        info.parameters()
        module = ModuleImage(data, "x.ko")
        assert module.size() >= 0
    except KmodError as error:
        assert error.path == "x.ko"
    _FILE.write_bytes(data)
    for read in (scan, read_info):
        for limit in (LONGEST, len(data) // 2):
            try:
                read(str(_FILE), limit)
            except KmodError as error:
                assert error.path == str(_FILE)
