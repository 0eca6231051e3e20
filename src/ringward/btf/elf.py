"""One section of a little-endian ELF64 file, by name (elf(5))."""

from __future__ import annotations

import struct

_HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
_SECTION = struct.Struct("<IIQQQQIIQQ")


class ElfError(ValueError):
    """The bytes are not the ELF file that they should be; the message says where."""


def _at(data: bytes, offset: int, size: int, what: str) -> bytes:
    if offset < 0 or offset + size > len(data):
        raise ElfError(f"{what}: bytes {offset}..{offset + size} are past the end ({len(data)})")
    return data[offset : offset + size]


def section(data: bytes, name: str) -> bytes:
    """Return the contents of the section called `name`.

    Raises:
        ElfError: the file is not ELF64 little-endian, is cut off, or has no such section.

    """
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
    names = _at(data, headers[shstrndx][4], headers[shstrndx][5], "section names")
    wanted = name.encode()
    for header in headers:
        end = names.find(b"\0", header[0])
        if names[header[0] : end] == wanted:
            return _at(data, header[4], header[5], f"section {name}")
    raise ElfError(f"no section {name}")
