"""Module.symvers and /proc/kallsyms: any text is exports, or a line is told."""

from __future__ import annotations

from ringward.kmod import symvers
from ringward.kmod.errors import KmodError
from tests.fuzz.inputs import plain, stretched, text

COVERS = (symvers.parse, symvers.of_kallsyms, symvers.Export)
FLOOR = 100
DICTIONARY = (b"0x", b"\tvmlinux\tEXPORT_SYMBOL_GPL\t\n", b" r __ksymtab_", b"\t[dummy]\n", b"\t")


def seeds() -> list[bytes]:
    lines = (
        b"0x0000002a\tkfree\tvmlinux\tEXPORT_SYMBOL\t\n0xdeadbeef\tx\tdrivers/x\tEXPORT_SYMBOL_GPL\tSPACE\n",
        b"ffffffff8a000000 r __ksymtab_kfree\n0000000000000000 r __ksymtab_x\t[x]\n0 r __ksymtab_gpl\n",
    )
    return [plain(line) for line in (*lines, b"0x1\tshort\n", b"zz\ta\tb\n")] + [b"\xffF"]


def one(data: bytes) -> None:
    content = text(stretched(data))
    try:
        found = symvers.parse(content, "x.symvers")
    except KmodError as error:
        assert str(error).startswith("x.symvers: line ")
    else:
        assert all(export.crc is not None and 0 <= export.crc < 1 << 32 for export in found.values())
    assert all(export.crc is None for export in symvers.of_kallsyms(content).values())
