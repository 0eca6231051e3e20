"""What a file is, by its first bytes: which files the database is about."""

from __future__ import annotations

import struct
from typing import NamedTuple, Protocol

from ringward.kmod.compression import MAGIC, SUFFIXES, compression
from ringward.trust.entry import Kind

HEAD = 4096
"""Bytes from the start of a file that tell; the program headers of most are among them."""
_REL, _EXEC, _DYN = 1, 2, 3  # e_type, elf(5)
_DYNAMIC, _INTERP = 2, 3  # p_type
_FLAGS_1, _PIE = 0x6FFFFFFB, 0x08000000  # include/elf.h of the GNU C library
_MOST_HEADERS = 256
_MOST_TAGS = 1 << 14  # bytes


class Reader(Protocol):
    """Reads from the file."""

    def __call__(self, size: int, offset: int, /) -> bytes:
        """Return at most `size` bytes from `offset` on; fewer at the end."""


class _Layout(NamedTuple):
    """Formats and offsets of a class of ELF files (elf(5))."""

    header: str
    header_at: int
    program: int
    size_at: int
    tag: str


_LAYOUTS = {1: _Layout("IIIIHHH", 24, 32, 16, "II"), 2: _Layout("QQQIHHH", 24, 56, 32, "QQ")}


def is_module_name(path: str) -> bool:
    """Return whether a file is named as a kernel module is."""
    return path.endswith(SUFFIXES)


def is_code(head: bytes, path: str) -> bool:
    """Return whether a file whose first 8 bytes and name these are may be of any kind."""
    # Most compressed files are manuals.
    return head.startswith((b"\x7fELF", b"#!")) or (head.startswith(tuple(MAGIC)) and is_module_name(path))


def kind(head: bytes, path: str, mode: int, read: Reader) -> Kind | None:
    """Return what a file is; None: not code that this database is about.

    A file that is linked into others (ET_REL) is a module image: whether it really is one, its contents must tell.

    Args:
        head: its first `HEAD` bytes.
        path: its name tells compressed modules from other compressed files.
        mode: st_mode; a script counts when somebody may execute it.
        read: of the rest, which some programs need.

    Raises:
        OSError: of `read`.

    """
    if head.startswith(b"\x7fELF"):
        return _elf(head, read)
    if head.startswith(b"#!"):
        return Kind.SCRIPT if mode & 0o111 else None
    if compression(head) and is_module_name(path):
        return Kind.MODULE_FILE
    return None


def _elf(head: bytes, read: Reader) -> Kind | None:
    if len(head) < 20:
        return None
    order = "<>"[head[5] == 2]
    layout = _LAYOUTS.get(head[4])
    (form,) = struct.unpack_from(f"{order}H", head, 16)
    if form == _REL:
        return Kind.MODULE_IMAGE
    if form == _EXEC:
        return Kind.PROGRAM
    if form != _DYN or layout is None:
        return None
    return Kind.PROGRAM if _starts(head, read, order, layout) else Kind.LIBRARY


def _starts(head: bytes, read: Reader, order: str, layout: _Layout) -> bool:
    """Return whether an ET_DYN file is a program: it names an interpreter, or says that it is a PIE."""
    form = order + layout.header
    if len(head) < layout.header_at + struct.calcsize(form):
        return False
    _entry, offset, _sections, _flags, _size, each, count = struct.unpack_from(form, head, layout.header_at)
    if each < layout.program or not 0 < count <= _MOST_HEADERS:
        return False
    end = offset + each * count
    table = head[offset:end] if end <= len(head) else read(each * count, offset)
    dynamic = None
    for at in range(0, len(table) - layout.program + 1, each):
        (what,) = struct.unpack_from(f"{order}I", table, at)
        if what == _INTERP:
            return True
        if what == _DYNAMIC:
            word = layout.tag[0]
            (start,) = struct.unpack_from(order + word, table, at + (8 if word == "Q" else 4))
            (size,) = struct.unpack_from(order + word, table, at + layout.size_at)
            dynamic = start, size
    return dynamic is not None and _is_pie(read(min(dynamic[1], _MOST_TAGS), dynamic[0]), order + layout.tag)


def _is_pie(tags: bytes, form: str) -> bool:
    size = struct.calcsize(form)
    pairs = struct.iter_unpack(form, tags[: len(tags) // size * size])
    return any(tag == _FLAGS_1 and value & _PIE for tag, value in pairs)
