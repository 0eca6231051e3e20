"""What an ELF image of a kernel module says: sections, symbols, `.modinfo`, versions (elf(5)).

The bytes are read by the native module `ringward.kmod._elf`, which checks every offset, size and
string. Names are str; what is not UTF-8 in them is kept as lone surrogates (PEP 383).
"""

from __future__ import annotations

import struct

from ringward.kmod import _elf
from ringward.kmod.errors import KmodError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing_extensions import Buffer

WEAK = 1
"""Flag of a wanted symbol: nobody has to define it (STB_WEAK)."""
HAS_CRC = 2
"""Flag of a wanted symbol: __versions has a checksum of it."""
_NOTE_GNU_BUILD_ID = 3
_NOBITS = 8


class Section:
    """A section header.

    Attributes:
        name: of the section.
        type: SHT_*.
        flags: SHF_*.
        address: where it is to be in memory; 0 in a module.
        offset: in bytes, from the image's start.
        size: in bytes.
        link: index of a section that belongs to it.
        info: what depends on the type.
        entry_size: bytes of an entry; 0: it has none.

    """

    __slots__ = ("address", "entry_size", "flags", "info", "link", "name", "offset", "size", "type")

    def __init__(self, fields: _elf.Section) -> None:
        (
            self.name,
            self.type,
            self.flags,
            self.address,
            self.offset,
            self.size,
            self.link,
            self.info,
            self.entry_size,
        ) = fields


class Symbol:
    """A symbol of the symbol table.

    Attributes:
        name: of the symbol; of a section's own symbol empty.
        value: in a module, the offset in its section.
        size: in bytes.
        info: binding (upper four bits, STB_*) and type (lower four, STT_*).
        section: index of the section that defines it; 0: undefined; from 0xff00 on SHN_*.

    """

    __slots__ = ("info", "name", "section", "size", "value")

    def __init__(self, name: str, value: int, size: int, info: int, section: int) -> None:
        self.name = name
        self.value = value
        self.size = size
        self.info = info
        self.section = section


class Elf:
    """The image of a module; 32 or 64 bits, either byte order.

    Args:
        image: the ELF file's bytes; what is appended (a signature) does no harm.
        path: named in errors.

    Attributes:
        bits: 32 or 64.
        big_endian: whether the most significant byte comes first.
        type: ET_*; 1 (ET_REL) for a module.
        machine: EM_*.
        sections: all, the null section included, so that a symbol's `section` is an index.

    Raises:
        KmodError: not an ELF file, cut off, or with headers that contradict the file's size.

    """

    __slots__ = ("_image", "big_endian", "bits", "machine", "path", "sections", "type")

    def __init__(self, image: Buffer, path: str = "") -> None:
        self.path = path
        self._image = memoryview(image).cast("B")
        self.bits, self.big_endian, self.type, self.machine, sections = _elf.sections(self._image, path)
        self.sections = [Section(fields) for fields in sections]

    def section(self, name: str) -> memoryview | None:
        """Return the bytes of the first section of that name; None: there is none, or it has no bytes in the file."""
        for one in self.sections[1:]:
            if one.name == name:
                return None if one.type == _NOBITS else self._image[one.offset : one.offset + one.size]
        return None

    def modinfo(self) -> list[str]:
        """Return the strings of `.modinfo`, ``key=value`` each, in file order; the last one may lack its NUL."""
        return _elf.modinfo(self._image, self.path)

    def exports(self) -> list[tuple[str, int]]:
        """Return each exported symbol with its CRC; 0: the module was built without symbol versions.

        Raises:
            KmodError: the symbol table contradicts itself or the file's size.

        """
        names, crcs, *_ = _elf.symbols(self._image, self.path)
        return list(zip(names, crcs, strict=True))

    def wants(self) -> list[tuple[str, int | None, bool]]:
        """Return each symbol that it needs: name, CRC that it was built with, whether the need is weak.

        First the undefined symbols in the order of the symbol table, then what only `__versions`
        names; that is the order in which depmod looks them up. A CRC of None: `__versions` has none.

        Raises:
            KmodError: the symbol table or `__versions` contradicts itself or the file's size.

        """
        _, _, names, crcs, flags = _elf.symbols(self._image, self.path)
        return [
            (name, crc if flag & HAS_CRC else None, bool(flag & WEAK))
            for name, crc, flag in zip(names, memoryview(crcs).cast("I"), flags, strict=True)
        ]

    def versions(self) -> list[tuple[str, int]]:
        """Return symbol and CRC of each entry of `__versions` (include/linux/module.h: struct modversion_info).

        Raises:
            KmodError: it is not made of whole entries, or a name has no end.

        """
        return _elf.versions(self._image, self.path)

    def symbols(self) -> list[Symbol]:
        """Return the symbol table without its null symbol.

        Raises:
            KmodError: it contradicts itself or the file's size.

        """
        return [Symbol(*fields) for fields in _elf.table(self._image, self.path)]

    def namespaces(self) -> list[str]:
        """Return the symbol namespaces that it imports (MODULE_IMPORT_NS)."""
        return [text.removeprefix("import_ns=") for text in self.modinfo() if text.startswith("import_ns=")]

    def build_id(self) -> bytes | None:
        """Return the linker's build ID; None: there is none.

        Raises:
            KmodError: its note is cut off.

        """
        note = self.section(".note.gnu.build-id")
        return build_id(bytes(note), self.path, big_endian=self.big_endian) if note else None


def build_id(note: bytes, path: str, *, big_endian: bool) -> bytes | None:
    """Return the build ID in a section of notes; None: there is none.

    Args:
        note: the section's bytes.
        path: named in errors.
        big_endian: whether the most significant byte comes first.

    Raises:
        KmodError: a note is cut off.

    """
    at = 0
    while at + 12 <= len(note):
        size, length, kind = struct.unpack_from(">III" if big_endian else "<III", note, at)
        start = at + 12 + (size + 3 & ~3)
        if start + length > len(note):
            raise KmodError(path, f"the note at {at} in .note.gnu.build-id reaches past the section's end")
        if kind == _NOTE_GNU_BUILD_ID and note[at + 12 : at + 12 + size] == b"GNU\0":
            return note[start : start + length]
        at = start + (length + 3 & ~3)
    return None
