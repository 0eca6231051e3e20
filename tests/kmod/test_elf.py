from __future__ import annotations

import re
import struct
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringward.kmod.compression import read_module
from ringward.kmod.contents import scan
from ringward.kmod.elf import Elf, build_id
from ringward.kmod.errors import KmodError
from ringward.kmod.modinfo import read_info
from ringward.kmod.tree import Tree
from tests.kmod.conftest import KernelTree, installed
from tests.kmod.elf_builder import GLOBAL, SHT_NOBITS, WEAK, Module

FORMS = [(32, False), (32, True), (64, False), (64, True)]
SPARC_REGISTER = 0x1D  # STT_SPARC_REGISTER, global


def example(bits: int = 64, big: bool = False) -> Module:
    return Module(
        modinfo=[b"license=GPL", b"import_ns=CRYPTO", b"alias=a\xff", b"import_ns=DMA_BUF"],
        undefined=[(b"printk", GLOBAL), (b"maybe", WEAK), (b"kfree", GLOBAL), (b"", GLOBAL)],
        exports=[(b"absolute", 0xFEDCBA98)],
        relocatable=[(b"first", 0x01020304), (b"second", 5)],
        versions=[(b"module_layout", 7), (b"kfree", 0xFFFFFFFF), (b"printk", 9), (b"only_versions", 0)],
        build_id=bytes(range(20)),
        extra=[(b".bss", SHT_NOBITS, bytes(1 << 20))],
        bits=bits,
        big=big,
    )


@pytest.mark.parametrize(("bits", "big"), FORMS)
def test_every_class_and_byte_order(bits: int, big: bool) -> None:
    elf = Elf(example(bits, big).build(), "x.ko")
    assert (elf.bits, elf.big_endian, elf.type, elf.machine) == (bits, big, 1, 62)
    assert elf.modinfo() == ["license=GPL", "import_ns=CRYPTO", "alias=a\udcff", "import_ns=DMA_BUF"]
    assert elf.namespaces() == ["CRYPTO", "DMA_BUF"]
    assert elf.exports() == [("absolute", 0xFEDCBA98), ("first", 0x01020304), ("second", 5)]
    assert elf.wants() == [
        ("printk", 9, False),
        ("maybe", None, True),
        ("kfree", 0xFFFFFFFF, False),
        ("module_layout", 7, False),
        ("only_versions", 0, False),
    ]
    assert elf.versions() == [("module_layout", 7), ("kfree", 0xFFFFFFFF), ("printk", 9), ("only_versions", 0)]
    assert elf.build_id() == bytes(range(20))
    assert [(s.name, s.value, s.section) for s in elf.symbols()][-2:] == [("__crc_first", 0, 4), ("__crc_second", 4, 4)]
    assert elf.sections[4].name == "__kcrctab"
    assert elf.section("__kcrctab") == struct.pack(">II" if big else "<II", 0x01020304, 5)
    assert elf.section(".bss") is None
    assert elf.section("nowhere") is None


def test_without_symbol_versions_exports_are_those_of_ksymtab_strings() -> None:
    assert Elf(Module(ksymtab_strings=[b"one", b"two"]).build()).exports() == [("one", 0), ("two", 0)]
    both = Module(exports=[(b"crc", 1)], ksymtab_strings=[b"one", b"crc"]).build()
    assert Elf(both).exports() == [("crc", 1)]


def test_registers_of_sparc_are_no_wants() -> None:
    symbols = [(b"g2", SPARC_REGISTER), (b"printk", GLOBAL)]
    assert Elf(Module(undefined=symbols, machine=43).build()).wants() == [("printk", None, False)]
    assert len(Elf(Module(undefined=symbols).build()).wants()) == 2


def test_an_image_without_anything() -> None:
    elf = Elf(Module(symtab=False).build())
    assert (elf.modinfo(), elf.exports(), elf.wants(), elf.symbols(), elf.versions()) == ([], [], [], [], [])
    assert elf.build_id() is None


def fault(image: bytes) -> KmodError:
    with pytest.raises(KmodError) as found:
        everything(image)
    assert found.value.path == "x.ko"
    return found.value


def everything(image: bytes) -> None:
    elf = Elf(image, "x.ko")
    elf.modinfo(), elf.exports(), elf.wants(), elf.versions(), elf.symbols(), elf.build_id()
    for one in elf.sections:
        elf.section(one.name)


def patched(module: Module, at: int, new: bytes) -> bytes:
    image = bytearray(module.build())
    image[at : at + len(new)] = new
    return bytes(image)


def test_faults_say_what_and_where() -> None:
    module = example()
    image = module.build()
    headers = module.offsets[b"headers"]
    names = [section.name for section in Elf(image).sections]
    symtab, versions = (headers + 64 * names.index(name) for name in (".symtab", "__versions"))
    cases = [
        (b"", "too short", 0),
        (b"\x7fELF", "too short", 0),
        (b"hello" * 20, "not an ELF file", 0),
        (patched(module, 4, b"\3"), "neither a 32-bit nor", 4),
        (patched(module, 5, b"\0"), "no known byte order", 5),
        (image[:60], "header is cut off", 0),
        (image[:-1], "section headers reach past", headers),
        (patched(module, 40, b"\xff" * 8), "section headers reach past", 2**64 - 1),
        (patched(module, 58, b"\x38"), "unknown size", 58),
        (patched(module, 60, b"\0\0"), "no section holds the names", headers),
        (patched(module, 62, b"\xff\xff"), "no section holds the names", headers),
        (patched(module, symtab, b"\xff\xff"), "name is not in the table", symtab),
        (patched(module, symtab + 24, b"\xff" * 8), "past the end", symtab),
        (patched(module, symtab + 32, b"\xff" * 8), "past the end", symtab),
        (patched(module, symtab + 32, b"\x19"), "not made of whole symbols", module.offsets[b".symtab"]),
        (patched(module, versions + 32, b"\x3f\0"), "not made of whole entries", module.offsets[b"__versions"]),
        (
            patched(module, module.offsets[b"__versions"] + 64 + 8, b"n" * 56),
            "name in __versions has no end",
            module.offsets[b"__versions"] + 64,
        ),
        (
            patched(module, module.offsets[b".symtab"] + 24, b"\xff\xff"),
            "name is not in the table",
            module.offsets[b".symtab"] + 24,
        ),
    ]
    for data, why, offset in cases:
        error = fault(data)
        assert why in error.why, error
        assert error.offset == offset, error


def test_a_checksum_outside_of_its_section() -> None:
    module = Module(relocatable=[(b"one", 1)])
    image = module.build()
    at = module.offsets[b".symtab"] + 24 + 8
    assert "not in its section" in fault(image[:at] + b"\1" + image[at + 1 :]).why
    assert "in no section" in fault(image[: at - 2] + b"\x77" + image[at - 1 :]).why


def test_a_build_id_that_is_cut_off() -> None:
    note = struct.pack("<III", 4, 20, 3) + b"GNU\0" + bytes(20)
    assert build_id(note, "x", big_endian=False) == bytes(20)
    with pytest.raises(KmodError, match="note at 0"):
        build_id(note[:-1], "x", big_endian=False)
    other = struct.pack("<III", 5, 3, 9) + b"Linux\0\0\0" + bytes(4)
    assert build_id(other + note, "x", big_endian=False) == bytes(20)
    assert build_id(other, "x", big_endian=False) is None


@pytest.mark.parametrize(("bits", "big"), FORMS)
def test_cut_off_anywhere(bits: int, big: bool) -> None:
    image = example(bits, big).build()
    for size in range(len(image)):
        fault(image[:size])


@given(st.sampled_from(FORMS), st.lists(st.tuples(st.integers(0, 5000), st.integers(0, 255)), min_size=1, max_size=12))
@settings(max_examples=1500, deadline=None)
def test_any_damage_is_a_fault_or_another_module(form: tuple[int, bool], changes: list[tuple[int, int]]) -> None:
    image = bytearray(example(*form).build())
    for at, value in changes:
        image[at % len(image)] = value
    why = "nothing"
    try:
        everything(bytes(image))
    except KmodError as error:
        why = error.why
    assert why


@given(st.binary(max_size=300))
@settings(max_examples=500, deadline=None)
def test_any_bytes(data: bytes) -> None:
    for start in (b"", b"\x7fELF\x02\x01\x01", b"\x7fELF\x01\x02\x01"):
        with pytest.raises(KmodError):
            everything(start + data)


def test_a_file_is_read_as_its_image_is(tmp_path: Path) -> None:
    """The native module reads only parts of a file; none of them may be read wrongly."""
    for size in (0, 100, 20_000, 70_000):
        for form in FORMS:
            module = example(*form)
            module.extra = [(b".text", 1, bytes(size)), *module.extra]
            image = module.build()
            path = tmp_path / "x.ko"
            path.write_bytes(image)
            elf, contents, info = Elf(image), scan(str(path)), read_info(str(path))
            assert contents.modinfo == info.strings == elf.modinfo()
            assert list(zip(contents.exports, contents.export_crcs, strict=True)) == elf.exports()
            assert contents.wants == [name for name, _crc, _weak in elf.wants()]
            assert info.build_id == elf.build_id()


def test_overlapping_sections_do_not_fill_the_memory(tmp_path: Path) -> None:
    """Each of the tables as large as the file: more than a file of sections side by side could hold."""
    module = example()
    module.extra = [(b".text", 1, bytes(1 << 20))]
    image = bytearray(module.build())
    names = [section.name for section in Elf(image).sections]
    headers = module.offsets[b"headers"]
    for name in (".modinfo", "__versions", "__kcrctab", ".symtab", ".strtab"):
        struct.pack_into("<QQ", image, headers + 64 * names.index(name) + 24, 0, 24 * 64 * 680)
    path = tmp_path / "x.ko"
    path.write_bytes(image)
    with pytest.raises(KmodError, match="overlap"):
        scan(str(path))


def test_a_small_file_that_unpacks_to_a_large_one_does_not_fill_the_memory() -> None:
    """Lists of strings take many times the bytes that they are read from."""
    large = [
        Module(raw_modinfo=b"a\0" * (3 << 20)),
        Module(ksymtab_strings=[b"a"] * (3 << 20)),
        Module(undefined=[(b"", GLOBAL)] * (1 << 20)),
        Module(versions=[(b"a", 1)] * (1 << 19)),
    ]
    for module in large:
        assert "larger than any module's" in fault(module.build()).why
    for module in (Module(undefined=[(b"n" * 1024, GLOBAL)]), Module(exports=[(b"n" * 1024, 1)])):
        assert "longer than any module's" in fault(module.build()).why
    longest = Module(undefined=[(b"n" * 1023, GLOBAL)]).build()
    assert [len(name) for name, _crc, _weak in Elf(longest).wants()] == [1023]
    assert "name is not in the table" in fault(Module(extra=[(b"n" * 1024, 1, b"x")]).build()).why


def some_modules(tree: KernelTree, count: int) -> list[str]:
    paths = [line.path for line in Tree(tree.base, tree.version).lines()]
    return paths[:: len(paths) // count]


def test_sections_and_symbols_as_readelf_has_them(kernel_tree: KernelTree, tmp_path: Path) -> None:
    for path in some_modules(kernel_tree, 10):
        image = read_module(path)
        plain = tmp_path / "m.ko"
        plain.write_bytes(image)
        listing = subprocess.run(
            ["readelf", "-W", "-S", "-s", str(plain)], check=True, capture_output=True, text=True, env={"LC_ALL": "C"}
        ).stdout
        elf = Elf(image, path)
        sections = re.findall(
            r"^ +\[ *\d+\] (\S*) +[A-Z]\S+ +[0-9a-f]{16} ([0-9a-f]+) ([0-9a-f]+)", listing, re.MULTILINE
        )
        assert len(sections) > 20
        assert [(s.name, s.offset, s.size) for s in elf.sections[1:]] == [
            (name, int(offset, 16), int(size, 16)) for name, offset, size in sections if name != "NULL"
        ][-len(elf.sections) + 1 :]
        symbols = re.findall(r"^ +\d+: ([0-9a-f]{16}) +(\S+) \w+ +(\w+) +\w+ +(\S+)(?: (\S+))?$", listing, re.MULTILINE)
        undefined = [(name, bind == "WEAK") for _value, _size, bind, index, name in symbols if index == "UND" and name]
        assert len(undefined) >= 3
        assert [(name, weak) for name, _crc, weak in elf.wants()][: len(undefined)] == undefined
        named = [(int(value, 16), name) for value, _size, _bind, _index, name in symbols if name]
        assert [(s.value, s.name or elf.sections[s.section].name) for s in elf.symbols()] == named


@pytest.mark.parametrize(("option", "method"), [("--show-exports", "exports"), ("--show-modversions", "versions")])
def test_checksums_as_kmod_has_them(kernel_tree: KernelTree, option: str, method: str) -> None:
    modprobe = installed("modprobe")
    seen = 0
    for path in some_modules(kernel_tree, 150):
        told = subprocess.run([modprobe, option, path], check=False, capture_output=True, text=True).stdout
        theirs = [(name, int(crc, 16)) for crc, name in (line.split("\t") for line in told.splitlines())]
        assert getattr(Elf(read_module(path), path), method)() == theirs
        seen += len(theirs)
    assert seen > 100
