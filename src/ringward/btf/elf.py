"""Sections and symbols of a little-endian ELF64 file, by name (elf(5))."""

from __future__ import annotations

import struct

_HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
_SECTION = struct.Struct("<IIQQQQIIQQ")
_SYMBOL = struct.Struct("<IBBHQQ")
_NOBITS = 8  # SHT_NOBITS: a size, and no bytes in the file
LONGEST_NAME = 512
"""Bytes of a symbol's name, the NUL included (include/linux/kallsyms.h: KSYM_NAME_LEN)."""


class ElfError(ValueError):
    """The bytes are not the ELF file that they should be; the message says where."""


def _at(data: bytes, offset: int, size: int, what: str) -> bytes:
    if offset < 0 or offset + size > len(data):
        raise ElfError(f"{what}: bytes {offset}..{offset + size} are past the end ({len(data)})")
    return data[offset : offset + size]


def _headers(data: bytes) -> list[tuple[int, ...]]:
    """Return the section headers, the names' own index made sure of."""
    if data[:6] != b"\x7fELF\x02\x01":
        raise ElfError("not a little-endian ELF64 file")
    fields = _HEADER.unpack(_at(data, 0, _HEADER.size, "ELF header"))
    shoff, shentsize, shnum, shstrndx = fields[6], fields[11], fields[12], fields[13]
    if shentsize != _SECTION.size:
        raise ElfError(f"section headers have {shentsize} bytes, not {_SECTION.size}")
    headers = [
        _SECTION.unpack(_at(data, shoff + i * shentsize, shentsize, f"section header {i}")) for i in range(shnum)
    ]
    if shstrndx >= len(headers):
        raise ElfError(f"section {shstrndx} should hold the names; there are {len(headers)}")
    return [headers[shstrndx], *headers]


def _index(data: bytes, name: str) -> tuple[int, list[tuple[int, ...]]]:
    strings, *headers = _headers(data)
    names = _at(data, strings[4], strings[5], "section names")
    wanted = name.encode() + b"\0"
    for number, header in enumerate(headers):
        if names.startswith(wanted, header[0]):
            return number, headers
    raise ElfError(f"no section {name}")


def section(data: bytes, name: str) -> bytes:
    """Return the contents of the section called `name`.

    Raises:
        ElfError: the file is not ELF64 little-endian, is cut off, or has no such section, or that has no bytes.

    """
    number, headers = _index(data, name)
    if headers[number][1] == _NOBITS:
        raise ElfError(f"section {name} has a size and no bytes in the file")
    return _at(data, headers[number][4], headers[number][5], f"section {name}")


def symbols(data: bytes, name: str) -> dict[str, tuple[int, int]]:
    """Return value and size, in bytes, of every symbol that is defined in the section called `name`.

    Raises:
        ElfError: as for `section`; also when there is no symbol table.

    """
    number, _ = _index(data, name)
    table, names = section(data, ".symtab"), section(data, ".strtab")
    found: dict[str, tuple[int, int]] = {}
    for at in range(0, len(table) - _SYMBOL.size + 1, _SYMBOL.size):
        offset, _info, _other, shndx, value, size = _SYMBOL.unpack_from(table, at)
        if shndx != number:
            continue
        end = names.find(b"\0", offset, offset + LONGEST_NAME)
        if end < 0:
            raise ElfError(f"symbol at byte {at}: its name has no end within {LONGEST_NAME} bytes of {offset}")
        if end > offset:  # the section's own symbol has no name
            found[names[offset:end].decode(errors="replace")] = (value, size)
    return found
