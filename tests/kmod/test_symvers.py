from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from ringward.kmod import symvers
from ringward.kmod.errors import KmodError
from ringward.kmod.tree import Tree

TEXT = (
    "0x0000002a\tkfree\tvmlinux\tEXPORT_SYMBOL\t\n"
    "0xdeadbeef\tgpl_thing\tdrivers/base/x\tEXPORT_SYMBOL_GPL\tSPACE\n"
    "0x00000001\told_style\tvmlinux\n"
)


def test_lines_are_exports() -> None:
    found = symvers.parse(TEXT, "Module.symvers")
    assert {name: (one.crc, one.module, one.gpl, one.namespace) for name, one in found.items()} == {
        "kfree": (42, "vmlinux", False, ""),
        "gpl_thing": (0xDEADBEEF, "drivers/base/x", True, "SPACE"),
        "old_style": (1, "vmlinux", False, ""),
    }


@pytest.mark.parametrize(
    "line", ["nonsense", "0x1\tname", "0xg\tname\tvmlinux\tEXPORT_SYMBOL\t", "0x100000000\ta\tb", "-1\ta\tb"]
)
def test_other_lines_are_told(line: str) -> None:
    with pytest.raises(KmodError, match=r"x\.symvers: line 4: not 'CRC symbol module type namespace'"):
        symvers.parse(TEXT + line, "x.symvers")


@pytest.mark.parametrize(
    ("place", "packed"), [("lib/modules/1.0/build/Module.symvers", False), ("boot/symvers-1.0.gz", True)]
)
def test_where_it_is_found(tmp_path: Path, place: str, packed: bool) -> None:
    file = tmp_path / place
    file.parent.mkdir(parents=True)
    file.write_bytes(gzip.compress(TEXT.encode()) if packed else TEXT.encode())
    for tree in (Tree("", "1.0", root=str(tmp_path)), Tree(str(tmp_path), "1.0")):
        found, where = symvers.find(tree)
        assert found is not None
        assert len(found) == 3
        assert where.endswith(place)


def test_what_keeps_it_from_being_found_is_told(tmp_path: Path) -> None:
    tree = Tree("", "1.0", root=str(tmp_path))
    assert symvers.find(tree) == (None, "no Module.symvers of 1.0: install this kernel's headers")
    file = tmp_path / "lib/modules/1.0/Module.symvers"
    file.parent.mkdir(parents=True)
    file.write_text("nonsense\n")
    found, why = symvers.find(tree)
    assert found is None
    assert "/lib/modules/1.0/Module.symvers: line 1: not" in why


def test_exports_of_a_running_kernel() -> None:
    text = (
        "ffffffff81000000 T _text\n"
        "ffffffff82000000 r __ksymtab_kfree\n"
        "ffffffff82000010 r __ksymtab_printk\n"
        "ffffffff82000020 r __ksymtab_of_module\t[some]\n"
    )
    found = symvers.of_kallsyms(text)
    assert {name: (one.crc, one.module) for name, one in found.items()} == {
        "kfree": (None, "vmlinux"),
        "printk": (None, "vmlinux"),
    }
