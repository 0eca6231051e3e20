from __future__ import annotations

from array import array
from pathlib import Path

import pytest

from ringward.kmod.depmod.module import DepmodError, Module, Place
from ringward.kmod.depmod.symbols import Symbols
from ringward.kmod.elf import WEAK


def module(name: str, exports: dict[str, int], wants: dict[str, int], weak: str = "") -> Module:
    made = Module(name, f"/m/{name}.ko")
    made.exports, made.export_crcs = list(exports), list(exports.values())
    made.wants = list(wants)
    made.want_crcs = array("I", wants.values()).tobytes()
    made.want_flags = bytes(WEAK if want == weak else 0 for want in wants)
    return made


class Told:
    """Collects messages."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def __call__(self, level: str, text: str) -> None:
        self.lines.append(f"{level} {text}")


def needs(symbols: Symbols, *modules: Module) -> list[str]:
    symbols.add_modules(list(modules))
    symbols.resolve(list(modules))
    return ["".join(need.name for need in each.needs) for each in modules]


def test_needs_are_in_the_order_of_first_use_and_of_two_owners_the_last_counts() -> None:
    a = module("a", {"x": 1, "y": 1}, {})
    b = module("b", {"y": 1, "z": 1}, {"x": 1, "nobody": 1})
    c = module("c", {}, {"z": 1, "y": 1, "x": 1})
    assert needs(Symbols(), a, b, c) == ["", "a", "ba"]


def test_a_dot_and_the_prefix_in_front_do_not_count() -> None:
    a = module("a", {"x": 1, "_y": 1, ".z": 1}, {})
    wants = [
        module(f"w{number}", {}, {name: 1}) for number, name in enumerate((".x", "_y", "y", ".z", "z", "_x", "._y"))
    ]
    assert needs(Symbols(), a, *wants) == ["", "a", "a", "", "", "", "", "a"]
    assert needs(Symbols("_"), a, *wants) == ["", "a", "a", "a", "", "", "a", "a"]
    assert needs(Symbols("."), a, *wants) == ["", "a", "a", "", "a", "a", "", "a"]


def test_the_needs_that_are_listed() -> None:
    a, b = module("a", {"x": 1, "y": 1}, {}), module("b", {}, {"y": 1, "x": 1, "nobody": 1})
    symbols, told = Symbols(), Told()
    needs(symbols, a, b)
    symbols.list_needs(b, told)
    assert told.lines == ['LIST /m/b.ko needs "y": /m/a.ko']


def test_the_kernel_is_needed_by_nobody_but_known(tmp_path: Path) -> None:
    file = tmp_path / "System.map"
    file.write_text("ff T init\nff r __ksymtab_known\n0 R __ksymtab_x\nbad\n1 2\n")
    symbols, told = Symbols(), Told()
    symbols.add_system_map(Place(str(file)), told)
    assert told.lines == [f"ERROR {file}:4: invalid line: bad\n", f"ERROR {file}:5: invalid line: 1 2\n"]
    a, b = module("a", {"x": 1}, {}), module("b", {}, {"known": 1, "x": 2, "gone": 1, "weak": 1}, weak="weak")
    assert needs(symbols, a, b) == ["", "a"]
    faults = symbols.check(b, told, versions=False)
    assert [(fault.module, fault.symbol, fault.version) for fault in faults] == [(b, "gone", False)]
    assert told.lines[2:] == ["WARNING /m/b.ko needs unknown symbol gone"]


def test_versions(tmp_path: Path) -> None:
    file = tmp_path / "Module.symvers"
    file.write_text(
        "0x00000005\tknown\tvmlinux\tEXPORT_SYMBOL\n7 old vmlinux e\n0x6\tx\tvmlinux\te\n0x1 other fs/ext4 e\n"
        "0x1 short vmlinux\n0xg bad vmlinux e\n\n"
    )
    symbols, told = Symbols(with_crcs=True), Told()
    symbols.add_symvers(Place(str(file)), told)
    assert told.lines == [f"ERROR {file}:6 Invalid symbol version 0xg: not a number of base 16"]
    assert symbols.crcs == {"known": 5, "old": 7, "x": 6}
    a = module("a", {"x": 1}, {})
    b = module("b", {}, {"known": 5, "old": 8, "x": 1, "short": 1, "weak": 3}, weak="weak")
    assert needs(symbols, a, b) == ["", "a"]
    symbols.check(b, told, versions=True)
    assert told.lines[1:] == [
        "WARNING /m/b.ko disagrees about version of symbol old",
        "WARNING /m/b.ko needs unknown symbol short",
    ]


def test_the_prefix_in_the_kernels_files(tmp_path: Path) -> None:
    system_map, symvers = tmp_path / "map", tmp_path / "symvers"
    system_map.write_text("0 r v__ksymtab_vx\n0 r __ksymtab_y\n")
    symvers.write_text("1 vx vmlinux e\n1 y vmlinux e\n")
    for add, known in ((Symbols.add_system_map, {"vx", "y"}), (Symbols.add_symvers, {"x", "y"})):
        symbols = Symbols("v")
        add(symbols, Place(str(system_map if add is Symbols.add_system_map else symvers)), Told())
        assert set(symbols.owners) == known


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(DepmodError, match="could not load SHOWN: No such file or directory"):
        Symbols().add_symvers(Place("SHOWN", str(tmp_path / "none")), Told())
    symbols = Symbols()
    symbols.add_system_map(Place(str(tmp_path)), Told())
    assert symbols.owners == {}
