from __future__ import annotations

import struct

import pytest

from ringward.kmod import ksymtab, symvers
from ringward.kmod.certificates import LIMIT, payload
from ringward.kmod.compression import decompress, read_file
from ringward.kmod.errors import KmodError
from ringward.kmod.symvers import Export
from tests.kmod.conftest import KernelTree
from tests.kmod.elf_builder import SHT_PROGBITS, Module
from vmtest.errors import VmtestError
from vmtest.trees import fetch_headers

STRINGS = b"\0kfree\0SPACE\0gpl_thing\0"


def entry(index: int, name: bytes, space: bytes | None, *, size: int = 12, order: str = "<") -> bytes:
    """Return an entry of a table at the address 0, as are the strings."""
    start = index * size
    fields = [0, STRINGS.index(name + b"\0") - start - 4]
    if size == 12:
        fields.append(0 if space is None else STRINGS.index(space + b"\0") - start - 8)
    return struct.pack(f"{order}{size // 4}i", *fields)


def kernel(table: bytes, crcs: bytes, strings: bytes = STRINGS, *, big: bool = False) -> bytes:
    return Module(
        extra=[
            (b"__ksymtab_gpl", SHT_PROGBITS, table),
            (b"__kcrctab_gpl", SHT_PROGBITS, crcs),
            (b"__ksymtab_strings", SHT_PROGBITS, strings),
        ],
        big=big,
    ).build()


def facts(found: dict[str, Export]) -> dict[str, tuple[int | None, str, str, bool]]:
    return {name: (each.crc, each.module, each.namespace, each.gpl) for name, each in found.items()}


def test_a_kernel_exports_what_its_module_symvers_says(kernel_tree: KernelTree) -> None:
    try:
        headers = fetch_headers(kernel_tree.version)
    except VmtestError as error:
        pytest.skip(f"no headers of {kernel_tree.version}: {error}")
    place = f"{kernel_tree.base}/boot/vmlinuz-{kernel_tree.version}"
    found = ksymtab.exports(decompress(payload(read_file(place), place), place, LIMIT), place)
    told = symvers.parse((headers / "Module.symvers").read_text(), "Module.symvers")
    assert len(found) > 5000
    assert facts(found) == {name: each for name, each in facts(told).items() if each[1] == symvers.KERNEL}


@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize("size", [8, 12])
def test_entries_with_and_without_a_namespace(size: int, big: bool) -> None:
    order = ">" if big else "<"
    table = b"".join(
        entry(index, name, space, size=size, order=order)
        for index, (name, space) in enumerate([(b"kfree", b"SPACE"), (b"gpl_thing", None)])
    )
    found = ksymtab.exports(kernel(table, struct.pack(f"{order}II", 7, 0xDEADBEEF), big=big), "vmlinux")
    space = "SPACE" if size == 12 else ""
    assert facts(found) == {
        "kfree": (7, symvers.KERNEL, space, True),
        "gpl_thing": (0xDEADBEEF, symvers.KERNEL, "", True),
    }


def test_an_image_without_tables() -> None:
    assert ksymtab.exports(Module().build(), "vmlinux") == {}
    assert ksymtab.exports(kernel(b"", b""), "vmlinux") == {}


@pytest.mark.parametrize(
    ("table", "crcs", "strings", "why"),
    [
        (bytes(12), bytes(5), STRINGS, "12 bytes at offset .* for 5 bytes of __kcrctab_gpl"),
        (bytes(13), bytes(4), STRINGS, "13 bytes at offset"),
        (bytes(16), bytes(4), STRINGS, "16 bytes at offset"),
        (struct.pack("<3i", 0, 4096, 0), bytes(4), STRINGS, "entry 0 of __ksymtab_gpl refers to no string"),
        (struct.pack("<3i", 0, -5, 0), bytes(4), STRINGS, "refers to no string"),
        (struct.pack("<3i", 0, -4, 0), bytes(4), STRINGS, "refers to no string"),
        (struct.pack("<3i", 0, -3, 4096), bytes(4), STRINGS, "refers to no string"),
        (struct.pack("<3i", 0, -4, 0), bytes(4), b"endless", "refers to no string"),
    ],
)
def test_tables_that_contradict_themselves(table: bytes, crcs: bytes, strings: bytes, why: str) -> None:
    with pytest.raises(KmodError, match=f"vmlinux: .*{why}"):
        ksymtab.exports(kernel(table, crcs, strings), "vmlinux")
