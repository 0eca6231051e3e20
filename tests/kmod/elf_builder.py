"""Makes small ELF files that look like kernel modules, for tests; any class and byte order."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field

SHT_PROGBITS, SHT_SYMTAB, SHT_STRTAB, SHT_NOTE, SHT_NOBITS = 1, 2, 3, 7, 8
SHN_ABS = 0xFFF1
GLOBAL, WEAK = 0x10, 0x20


@dataclass
class Module:
    """What a module is to say; `build` makes its bytes."""

    modinfo: Sequence[bytes] = ()
    undefined: Sequence[tuple[bytes, int]] = ()
    """Name and info (GLOBAL or WEAK) of undefined symbols."""
    exports: Sequence[tuple[bytes, int]] = ()
    """Name and CRC; written as absolute __crc_ symbols."""
    relocatable: Sequence[tuple[bytes, int]] = ()
    """Name and CRC; written as __crc_ symbols of the section __kcrctab."""
    ksymtab_strings: Sequence[bytes] = ()
    versions: Sequence[tuple[bytes, int]] = ()
    build_id: bytes | None = None
    extra: Sequence[tuple[bytes, int, bytes]] = ()
    """Name, type and bytes of more sections."""
    bits: int = 64
    big: bool = False
    machine: int = 62
    raw_modinfo: bytes | None = None
    symtab: bool = True
    appended: bytes = b""
    offsets: dict[bytes, int] = field(default_factory=dict)
    """Of each section, after `build`."""

    def pack(self, form: str, *values: int) -> bytes:
        return struct.pack((">" if self.big else "<") + form, *values)

    def _symbol(self, name: int, value: int, info: int, section: int) -> bytes:
        if self.bits == 64:
            return self.pack("IBBHQQ", name, info, 0, section, value, 0)
        return self.pack("IIIBBH", name, value, 0, info, 0, section)

    def _symbols(self, kcrctab: int) -> tuple[bytes, bytes]:
        names = bytearray(1)
        table = bytearray(self._symbol(0, 0, 0, 0))
        wanted = [
            *((name, 0, info, 0) for name, info in self.undefined),
            *((b"__crc_" + name, crc, GLOBAL, SHN_ABS) for name, crc in self.exports),
            *((b"__crc_" + name, 4 * i, GLOBAL, kcrctab) for i, (name, _crc) in enumerate(self.relocatable)),
        ]
        for name, value, info, section in wanted:
            table += self._symbol(len(names), value, info, section)
            names += name + b"\0"
        return bytes(table), bytes(names)

    def build(self) -> bytes:
        word = "Q" if self.bits == 64 else "I"
        size = self.bits // 8
        modinfo = b"".join(text + b"\0" for text in self.modinfo) if self.raw_modinfo is None else self.raw_modinfo
        sections: list[tuple[bytes, int, bytes]] = [(b"", 0, b"")]
        if modinfo or self.raw_modinfo is not None:
            sections.append((b".modinfo", SHT_PROGBITS, modinfo))
        if self.build_id is not None:
            note = self.pack("III", 4, len(self.build_id), 3) + b"GNU\0" + self.build_id
            sections.append((b".note.gnu.build-id", SHT_NOTE, note))
        if self.versions:
            entries = (self.pack(word, crc) + name.ljust(64 - size, b"\0") for name, crc in self.versions)
            sections.append((b"__versions", SHT_PROGBITS, b"".join(entries)))
        if self.ksymtab_strings:
            sections.append((b"__ksymtab_strings", SHT_PROGBITS, b"".join(s + b"\0" for s in self.ksymtab_strings)))
        kcrctab = len(sections)
        if self.relocatable:
            sections.append((b"__kcrctab", SHT_PROGBITS, b"".join(self.pack("I", crc) for _n, crc in self.relocatable)))
        sections += self.extra
        if self.symtab:
            table, names = self._symbols(kcrctab)
            sections += [(b".symtab", SHT_SYMTAB, table), (b".strtab", SHT_STRTAB, names)]
        shstrtab = b"\0".join(name for name, _type, _bytes in sections) + b"\0.shstrtab\0"
        sections.append((b".shstrtab", SHT_STRTAB, shstrtab))
        return self._lay_out(sections, shstrtab) + self.appended

    def _lay_out(self, sections: list[tuple[bytes, int, bytes]], shstrtab: bytes) -> bytes:
        wide = self.bits == 64
        header_size, entry_size = (64, 64) if wide else (52, 40)
        body = b""
        headers = b""
        at = 0
        for name, kind, data in sections:
            offset = header_size + len(body)
            self.offsets[name] = offset
            size = len(data)
            entry = (24 if wide else 16) if kind == SHT_SYMTAB else 0
            headers += self.pack("IIQQQQIIQQ" if wide else "IIIIIIIIII", at, kind, 0, 0, offset, size, 0, 0, 1, entry)
            if kind != SHT_NOBITS:
                body += data + bytes(-size % 8)
            at += len(name) + 1
        assert shstrtab.count(b"\0") == len(sections)
        self.offsets[b"headers"] = header_size + len(body)
        ident = b"\x7fELF" + bytes([2 if wide else 1, 2 if self.big else 1, 1]) + bytes(9)
        header = ident + self.pack(
            "HHIQQQIHHHHHH" if wide else "HHIIIIIHHHHHH",
            1,
            self.machine,
            1,
            0,
            0,
            header_size + len(body),
            0,
            header_size,
            0,
            0,
            entry_size,
            len(sections),
            len(sections) - 1,
        )
        return header + body + headers
