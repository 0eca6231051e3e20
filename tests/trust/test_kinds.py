from __future__ import annotations

import struct
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringward.trust.entry import Kind
from ringward.trust.kinds import HEAD, is_code, is_module_name, kind
from tests.kmod.tiny_module import build
from tests.trust.system import library, program


def kind_of(data: bytes, path: str = "x", mode: int = 0o755) -> Kind | None:
    return kind(data[:HEAD], path, mode, lambda size, at: data[at : at + size])


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        (["-static"], Kind.PROGRAM),
        (["-static-pie", "-fPIE"], Kind.PROGRAM),
        (["-no-pie"], Kind.PROGRAM),
        (["-pie", "-fPIE"], Kind.PROGRAM),
        (["-shared", "-fPIC"], Kind.LIBRARY),
        (["-c"], Kind.MODULE_IMAGE),
    ],
)
def test_what_the_compiler_makes(tmp_path: Path, flags: list[str], expected: Kind) -> None:
    target = tmp_path / "x"
    subprocess.run(["gcc", *flags, "-x", "c", "-", "-o", target], input=b"int main(void) { return 0; }", check=True)
    data = target.read_bytes()
    assert is_code(data[:8], "x")
    assert kind_of(data) is expected
    # Whether somebody may execute it says nothing of an ELF file: a library needs no permission to be mapped.
    assert kind_of(data, mode=0o600) is expected


def test_this_machines_files() -> None:
    assert kind_of(program().read_bytes()) is Kind.PROGRAM
    assert kind_of(library().read_bytes()) is Kind.LIBRARY


@pytest.mark.parametrize(
    ("data", "path", "mode", "expected"),
    [
        (b"#!/bin/sh\n", "x", 0o755, Kind.SCRIPT),
        (b"#!/bin/sh\n", "x", 0o641, Kind.SCRIPT),
        (b"#!/bin/sh\n", "x", 0o644, None),
        (b"#!", "x", 0o755, Kind.SCRIPT),
        (b"# !/bin/sh\n", "x", 0o755, None),
        (b"", "x", 0o755, None),
        (b"\xfd7zXZ\0", "x.ko.xz", 0o644, Kind.MODULE_FILE),
        (b"\xfd7zXZ\0", "x.tar.xz", 0o644, None),
        (b"\x28\xb5\x2f\xfd", "/lib/modules/x.ko.zst", 0o644, Kind.MODULE_FILE),
        (b"\x1f\x8b", "x.ko.gz", 0o644, Kind.MODULE_FILE),
        (b"plain", "x.ko.xz", 0o644, None),
        (b"\x7fELF", "x", 0o755, None),
    ],
)
def test_first_bytes(data: bytes, path: str, mode: int, expected: Kind | None) -> None:
    assert kind_of(data, path, mode) is expected
    assert is_code(data[:8], path) or expected is None


def test_a_module(tmp_path: Path) -> None:
    assert kind_of(build(tmp_path, "m").read_bytes()) is Kind.MODULE_IMAGE
    assert is_module_name("/lib/modules/6.1/m.ko.xz")
    assert not is_module_name("/lib/modules/6.1/modules.dep")


def elf(bits: int, order: str, tag: int, value: int) -> bytes:
    """Return an ET_DYN file with nothing but one entry of a dynamic section."""
    ident = b"\x7fELF" + bytes([1 if bits == 32 else 2, 1 if order == "<" else 2, 1]) + bytes(9)
    if bits == 64:
        header = struct.pack(f"{order}HHIQQQIHHHHHH", 3, 62, 1, 0, 64, 0, 0, 64, 56, 1, 0, 0, 0)
        program = struct.pack(f"{order}IIQQQQQQ", 2, 0, 120, 0, 0, 16, 16, 8)
        return ident + header + program + struct.pack(f"{order}QQ", tag, value)
    header = struct.pack(f"{order}HHIIIIIHHHHHH", 3, 3, 1, 0, 52, 0, 0, 52, 32, 1, 0, 0, 0)
    program = struct.pack(f"{order}IIIIIIII", 2, 84, 0, 0, 8, 8, 0, 4)
    return ident + header + program + struct.pack(f"{order}II", tag, value)


@pytest.mark.parametrize("bits", [32, 64])
@pytest.mark.parametrize("order", ["<", ">"])
def test_a_pie_without_interpreter_says_so(bits: int, order: str) -> None:
    assert kind_of(elf(bits, order, 0x6FFFFFFB, 0x08000001)) is Kind.PROGRAM
    assert kind_of(elf(bits, order, 0x6FFFFFFB, 1)) is Kind.LIBRARY
    assert kind_of(elf(bits, order, 5, 0x08000000)) is Kind.LIBRARY


@given(st.binary(max_size=200), st.integers(0, 199), st.integers(0, 255))
def test_damage_is_no_fault(tail: bytes, at: int, value: int) -> None:
    data = bytearray(elf(64, "<", 0x6FFFFFFB, 0x08000001) + tail)
    data[at % len(data)] = value
    assert kind_of(bytes(data)) in {None, *Kind}
    assert kind_of(b"\x7fELF" + tail) in {None, *Kind}


def test_most_files_need_no_second_look() -> None:
    assert not is_code(b"\x1f\x8b\x08\0", "/usr/share/man/man1/ls.1.gz")
    assert not is_code(b"\x89PNG", "x.png")
    assert not is_code(b"", "x.ko")
