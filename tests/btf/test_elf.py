"""The ELF reader: beside readelf on the built objects, and on bytes that are no ELF file."""

from __future__ import annotations

import contextlib
import re
import struct
import subprocess
import time
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringward.btf import ElfError, section, symbols
from ringward.btf.elf import LONGEST_NAME
from tests.btf.built import OBJECTS, tool

PROCESS = next(path for path in OBJECTS if path.name == "process.bpf.o").read_bytes()
HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
SHOFF, SHNUM, SHSTRNDX = 0x28, 0x3C, 0x3E  # elf(5): Elf64_Ehdr

every_object = pytest.mark.parametrize("path", OBJECTS, ids=lambda path: path.name)


def readelf(*arguments: str) -> str:
    return subprocess.run([tool("readelf"), *arguments], check=True, capture_output=True, text=True).stdout


def sections(path: Path) -> list[tuple[int, str, str, int, int]]:
    """Return number, name, type, offset and size of each section, as readelf prints them."""
    row = re.compile(r"\[ *(\d+)\] (\S+) +(\S+) +[0-9a-f]{16} ([0-9a-f]+) ([0-9a-f]+) ")
    found = row.findall(readelf("-SW", str(path)))
    return [(int(n), name, kind, int(at, 16), int(size, 16)) for n, name, kind, at, size in found]


@every_object
def test_sections_are_those_of_readelf(path: Path) -> None:
    data = path.read_bytes()
    found = [row for row in sections(path) if row[2] != "NULL"]
    assert {".BTF", ".symtab"} <= {name for _, name, *_ in found}
    names = [name for _, name, *_ in found]
    for _, name, kind, at, size in found:
        if kind == "NOBITS":
            with pytest.raises(ElfError, match="no bytes in the file"):
                section(data, name)
        elif names.count(name) == 1:
            assert section(data, name) == data[at : at + size]


@every_object
def test_symbols_are_those_of_readelf(path: Path) -> None:
    data = path.read_bytes()
    row = re.compile(r"^ *\d+: ([0-9a-f]+) +(\S+) (\S+) +\S+ +\S+ +(\d+) (\S+)$", re.MULTILINE)
    rows = row.findall(readelf("-sW", str(path)))
    for number, name, kind, *_ in sections(path):
        if kind == "NULL" or name == ".symtab":
            continue
        expected = {
            symbol: (int(value, 16), int(size, 0))
            for value, size, kind, ndx, symbol in rows
            if int(ndx) == number and kind != "SECTION"
        }
        assert symbols(data, name) == expected
    if path.name != "decide.bpf.o":
        assert symbols(data, ".rodata"), "every object that is attached has knobs"


def test_what_is_not_there_is_named() -> None:
    with pytest.raises(ElfError, match=r"no section \.nothing"):
        section(PROCESS, ".nothing")
    with pytest.raises(ElfError, match="not a little-endian ELF64 file"):
        section(b"\x7fELF\x01\x01" + PROCESS[6:], ".BTF")
    with pytest.raises(ElfError, match="not a little-endian ELF64 file"):
        section(b"\x7fELF\x02\x02" + PROCESS[6:], ".BTF")
    with pytest.raises(ElfError, match=r"ELF header: bytes 0\.\.64 are past the end \(40\)"):
        section(PROCESS[:40], ".BTF")
    with pytest.raises(ElfError, match="section header"):
        section(PROCESS[:-1], ".BTF")


def elf(names: bytes, *contents: tuple[int, bytes, int]) -> bytes:
    """Return an ELF file: a section of names, then (name offset, contents, type) each."""
    parts = [(0, names, 3), *contents]
    at = HEADER.size
    headers = b""
    for name, content, kind in parts:
        headers += struct.pack("<IIQQQQIIQQ", name, kind, 0, 0, at, len(content), 0, 0, 1, 0)
        at += len(content)
    ident = b"\x7fELF\x02\x01\x01".ljust(16, b"\0")
    head = HEADER.pack(ident, 1, 247, 1, 0, 0, at, 0, 64, 0, 0, 64, len(parts), 0)
    return head + b"".join(content for _, content, _ in parts) + headers


def test_a_name_is_compared_whole() -> None:
    data = elf(b"\0.BTF.ext\0.BTF\0", (1, b"ext", 1), (10, b"btf", 1))
    assert section(data, ".BTF") == b"btf"
    assert section(data, ".BTF.ext") == b"ext"
    with pytest.raises(ElfError):
        section(elf(b"\0.BTFx", (1, b"no", 1)), ".BTF")


def test_hostile_names_cost_little() -> None:
    """20,000 symbols, each with a name that would be all of a megabyte."""
    symbol = struct.pack("<IBBHQQ", 0, 0, 0, 3, 7, 8)
    tail = b"".join(struct.pack("<I", i) + symbol[4:] for i in range(20_000))
    names = b"\0.symtab\0.strtab\0.rodata\0"
    data = elf(names, (1, tail, 2), (9, b"x" * (1 << 20) + b"\0", 3), (17, b"r", 1))
    assert section(data, ".rodata") == b"r"
    start = time.process_time()
    with pytest.raises(ElfError, match=f"no end within {LONGEST_NAME} bytes"):
        symbols(data, ".rodata")
    assert time.process_time() - start < 2


def test_hostile_counts_cost_little() -> None:
    data = bytearray(PROCESS)
    struct.pack_into("<H", data, SHNUM, 0xFFFF)
    struct.pack_into("<Q", data, SHOFF, 0xFFFF_FFFF_FFFF_0000)
    tracemalloc.start()
    try:
        with pytest.raises(ElfError, match="past the end"):
            section(bytes(data), ".BTF")
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


def looked_at(data: bytes) -> None:
    """Read the file as the sensor does; anything but ElfError goes on to the test."""
    for name in (".BTF", ".rodata", ".bss", ""):
        with contextlib.suppress(ElfError):
            section(data, name)
            symbols(data, name)


@given(st.binary(max_size=4096))
def test_no_bytes_raise_anything_else(data: bytes) -> None:
    looked_at(data)
    looked_at(b"\x7fELF\x02\x01" + data)


@given(st.integers(0, len(PROCESS)))
def test_no_cut_raises_anything_else(end: int) -> None:
    looked_at(PROCESS[:end])


@given(
    st.lists(
        st.tuples(
            # The header, the section headers at the end, and anywhere.
            st.integers(0, 63)
            | st.integers(len(PROCESS) - 24 * 64, len(PROCESS) - 1)
            | st.integers(0, len(PROCESS) - 1),
            st.integers(0, 255),
        ),
        min_size=1,
        max_size=8,
    )
)
def test_no_changed_bytes_raise_anything_else(changes: list[tuple[int, int]]) -> None:
    data = bytearray(PROCESS)
    for at, value in changes:
        data[at] = value
    looked_at(bytes(data))
