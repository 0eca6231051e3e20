from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ringward.kmod.depmod.module import DepmodError, Place
from ringward.kmod.depmod.run import Options, Result, all_files, find, text_files
from ringward.kmod.index import Index
from tests.kmod.depmod.tiny import VERSION, TinyTree


@pytest.fixture
def tree(tmp_path: Path) -> TinyTree:
    return TinyTree(tmp_path)


@pytest.fixture
def told() -> list[str]:
    return []


def options(tree: TinyTree) -> Options:
    return Options(Place(str(tree.directory)), VERSION)


def run(tree: TinyTree, told: list[str], chosen: Options | None = None) -> Result:
    def report(level: str, text: str) -> None:
        if "modules.order" not in text:
            told.append(f"{level} {text.replace(str(tree.directory), 'TOP')}")

    return find(chosen or options(tree), report)


def lines(result: Result) -> list[str]:
    return dict(text_files(result, lambda *_: None))["modules.dep"].decode().splitlines()


def test_plain_and_compressed_modules(tree: TinyTree, told: list[str]) -> None:
    tree.add("kernel/a.ko", exports=[("x", 1)], wants=[("y", 1)])
    tree.add("kernel/b.ko.xz", exports=[("y", 1)])
    tree.order("kernel/a.ko", "kernel/b.ko")
    assert lines(run(tree, told)) == ["kernel/a.ko: kernel/b.ko.xz", "kernel/b.ko.xz:"]
    assert told == []


def test_the_files_and_their_order(tree: TinyTree, told: list[str]) -> None:
    tree.add("kernel/a.ko")
    result = run(tree, told)
    names = [name for name, _ in all_files(result, Place(str(tree.directory)), lambda *_: None, warn_duplicates=False)]
    assert names == [
        "modules.dep",
        "modules.dep.bin",
        "modules.alias",
        "modules.alias.bin",
        "modules.softdep",
        "modules.weakdep",
        "modules.symbols",
        "modules.symbols.bin",
        "modules.builtin.bin",
        "modules.builtin.alias.bin",
        "modules.devname",
    ]
    assert [name for name, _ in text_files(result, lambda *_: None)] == [
        name for name in names if not name.endswith(".bin")
    ]


def test_a_damaged_module_takes_part_with_its_name(tree: TinyTree, told: list[str]) -> None:
    tree.write("kernel/a.ko", b"no ELF")
    tree.write("kernel/b.ko", b"")
    tree.add("kernel/c.ko")
    result = run(tree, told)
    assert sorted(lines(result)) == ["kernel/a.ko:", "kernel/b.ko:", "kernel/c.ko:"]
    assert {module.name for module in result.damaged} == {"a", "b"}
    assert sorted(line.partition(": ")[0] for line in told) == [
        "ERROR failed to load symbols from TOP/kernel/a.ko",
        "ERROR failed to load symbols from TOP/kernel/b.ko",
    ]
    assert all(line.partition(": ")[2] for line in told)


def test_a_cycle(tree: TinyTree, told: list[str]) -> None:
    tree.chain({"a": "b", "b": "c", "c": "a", "d": "a"})
    result = run(tree, told)
    assert told == ["ERROR Cycle detected: c -> a -> b -> c", "ERROR Found 3 modules in dependency cycles!"]
    assert result.needs == []


def test_what_is_written_in_spite_of_a_cycle(tree: TinyTree, told: list[str]) -> None:
    tree.chain({"a": "b", "b": "ac", "c": "", "d": "a"})
    chosen = options(tree)
    chosen.keep_going = True
    found = {line.partition(":")[0]: set(line.split()[1:]) for line in lines(run(tree, told, chosen))}
    paths = {name: f"kernel/{name}.ko" for name in "abcd"}
    assert found == {
        paths["a"]: {paths["b"], paths["c"]},
        paths["b"]: {paths["a"], paths["c"]},
        paths["c"]: set(),
        paths["d"]: {paths["a"], paths["b"], paths["c"]},
    }
    assert told[-1] == "ERROR Found 2 modules in dependency cycles!"


def test_more_cycles_than_can_be_told(tree: TinyTree, told: list[str]) -> None:
    tree.chain(dict.fromkeys("abcdefgh", "abcdefgh"))
    run(tree, told)
    assert told[-2:] == [
        "ERROR There are more cycles than can be told.",
        "ERROR Found 8 modules in dependency cycles!",
    ]


def test_the_kernels_symbols(tree: TinyTree, told: list[str]) -> None:
    tree.add("kernel/a.ko", wants=[("known", 2), ("gone", 1)])
    symvers, system_map = tree.base / "symvers", tree.base / "map"
    symvers.write_text("0x1\tknown\tvmlinux\tEXPORT_SYMBOL\n")
    system_map.write_text("0 r __ksymtab_gone\n")
    chosen = options(tree)
    chosen.report_missing = True
    chosen.symvers = Place(str(symvers))
    chosen.system_map = Place(str(system_map))
    result = run(tree, told, chosen)
    assert [(each.module.name, each.symbol, each.version) for each in result.unresolved] == [
        ("a", "known", True),
        ("a", "gone", False),
    ]
    chosen.symvers = None
    assert [each.symbol for each in run(tree, told, chosen).unresolved] == ["known"]
    chosen.report_missing = False
    assert run(tree, told, chosen).unresolved == []


def test_what_cannot_be_done(tree: TinyTree, told: list[str]) -> None:
    chosen = options(tree)
    chosen.symvers = Place("SHOWN", str(tree.base / "none"))
    with pytest.raises(DepmodError, match="could not load SHOWN"):
        run(tree, told, chosen)
    chosen = Options(Place(str(tree.base / "none")), VERSION)
    with pytest.raises(DepmodError, match="could not search modules"):
        run(tree, told, chosen)


def test_names_that_are_not_utf8(tree: TinyTree, told: list[str]) -> None:
    raw = bytes(tree.directory) + b"/kernel/\xff\xfe.ko"
    tree.add("kernel/a.ko")
    Path(raw.decode(errors="surrogateescape")).write_bytes((tree.directory / "kernel/a.ko").read_bytes())
    result = run(tree, told)
    files = dict(all_files(result, Place(str(tree.directory)), lambda *_: None, warn_duplicates=False))
    assert b"kernel/\xff\xfe.ko:" in files["modules.dep"].splitlines()
    assert b"kernel/a.ko" in files["modules.dep.bin"]


PIECES = (
    b"kernel/a.ko",
    b"\n",
    b"\0",
    b".alias=",
    b"a",
    b" ",
    b"\t",
    b"vmlinux",
    b"0x",
    b"__ksymtab_",
    b"[",
    b"-",
    b"\xff",
    b"\xc3\xa9",
)
damage = st.lists(st.sampled_from(PIECES) | st.binary(max_size=4), max_size=30).map(b"".join)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(damage, damage, damage, damage, st.binary(max_size=100))
def test_damaged_files_are_no_end(
    tmp_path: Path, order: bytes, builtin: bytes, modinfo: bytes, kernel: bytes, module: bytes
) -> None:
    tree = TinyTree(tmp_path)
    tree.add("kernel/a.ko", wants=[("gone", 1)])
    tree.write("kernel/b.ko", module)
    for name, content in (("order", order), ("builtin", builtin), ("builtin.modinfo", modinfo), ("kernel", kernel)):
        (tree.directory / f"modules.{name}").write_bytes(content)
    chosen = options(tree)
    chosen.report_missing = True
    for chosen.symvers in (None, Place(str(tree.directory / "modules.kernel"))):
        chosen.system_map = Place(str(tree.directory / "modules.kernel"))
        result = run(tree, [], chosen)
        assert [module.name for module in result.damaged] == ["b"]
        files = dict(all_files(result, chosen.directory, lambda *_: None, warn_duplicates=True))
        assert sorted(files["modules.dep"].splitlines()) == [b"kernel/a.ko:", b"kernel/b.ko:"]
        for name, content in files.items():
            if name.endswith(".bin") and content:
                (tree.directory / name).write_bytes(content)
                assert all(key.isascii() for key, _ in Index.open(str(tree.directory / name)).walk())
