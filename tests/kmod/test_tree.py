from __future__ import annotations

from pathlib import Path

import pytest

from ringward.kmod.errors import KmodError
from ringward.kmod.tree import ALIAS, SYMBOLS, Tree
from tests.kmod.conftest import KernelTree
from tests.kmod.lab import VERSION, Lab


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    found = Lab(tmp_path / "lab")
    found.modules(
        {"a-x": [], "b": ["a-x"], "c": ["b", "a-x"]},
        aliases=[("pci:*", "b"), ("pci:*7", "a_x")],
        symbols=[("s", "b")],
        builtin=["own"],
        builtin_aliases=[("own:*", "own")],
        missing=["b"],
    )
    return found


def test_a_line_of_modules_dep(lab: Lab) -> None:
    tree = lab.tree()
    line = tree.dep("c")
    assert line is not None
    assert (line.name, line.path) == ("c", f"{lab.directory}/kernel/c.ko")
    assert line.deps == (f"{lab.directory}/kernel/b.ko", f"{lab.directory}/kernel/a-x.ko")
    assert tree.dep("a-x") is None  # names are normalised
    assert tree.dep("no") is None


def test_absolute_paths_stay(lab: Lab) -> None:
    lab.index("dep", [("m", "/extra/m.ko: kernel/b.ko\t/other/n.ko", 0)])
    line = lab.tree().dep("m")
    assert line is not None
    assert (line.path, line.deps) == ("/extra/m.ko", (f"{lab.directory}/kernel/b.ko", "/other/n.ko"))


def test_the_other_indexes(lab: Lab) -> None:
    tree = lab.tree()
    assert tree.alias("pci:7") == ["a_x", "b"]
    assert [match.pattern for match in tree.aliases("pci:7")] == ["pci:*7", "pci:*"]
    assert tree.symbol("symbol:s") == ["b"]
    assert (tree.builtin("own"), tree.builtin("b")) == (True, False)
    assert (tree.builtin_alias("own:1"), tree.builtins()) == (["own"], ["own"])


def test_modules_come_in_their_order(lab: Lab) -> None:
    lab.modules({"z": [], "m": [], "a": []})
    assert lab.tree().modules() == ["z", "m", "a"]
    assert [line.path.rpartition("/")[2] for line in lab.tree().lines()] == ["z.ko", "m.ko", "a.ko"]


def test_what_leads_to_a_module(lab: Lab) -> None:
    tree = lab.tree()
    assert tree.keys(ALIAS, "b") == ["pci:*"]
    assert tree.keys(ALIAS, "c") == []
    assert tree.keys(SYMBOLS, "b") == ["symbol:s"]
    (lab.directory / "modules.alias.bin").unlink()
    assert lab.tree().keys(ALIAS, "b") == []


def test_a_missing_index_has_no_entries(lab: Lab) -> None:
    for path in lab.directory.glob("*.bin"):
        path.unlink()
    tree = lab.tree()
    assert tree.dep("c") is None
    assert (tree.alias("pci:7"), tree.symbol("symbol:s"), tree.modules(), tree.builtins()) == ([], [], [], [])
    assert tree.builtin("own") is False
    assert Tree(str(lab.root), "no/such").modules() == []


def test_a_damaged_index_is_told(lab: Lab) -> None:
    (lab.directory / "modules.alias.bin").write_bytes(b"no index at all")
    with pytest.raises(KmodError, match=r"modules\.alias\.bin: offset 0: not an index"):
        lab.tree().alias("x")
    lab.index("dep", [("m", "no colon", 0)])
    with pytest.raises(KmodError, match="the entry of m has no colon"):
        lab.tree().dep("m")


def test_an_index_that_depmod_leaves_empty_has_no_entries(lab: Lab) -> None:
    """Without the kernel's lists of its own parts; an empty modules.dep is damage."""
    for name in ("builtin", "builtin.alias", "dep"):
        (lab.directory / f"modules.{name}.bin").write_bytes(b"")
    assert lab.tree().builtins() == []
    assert lab.tree().builtin_alias("own:1") == []
    with pytest.raises(KmodError, match=r"modules\.dep\.bin: offset 0: an index has 12 bytes of header"):
        lab.tree().dep("b")


def test_which_files_there_are(lab: Lab) -> None:
    tree = lab.tree()
    assert tree.exists(f"{lab.directory}/kernel/c.ko")
    assert not tree.exists(f"{lab.directory}/kernel/b.ko")


def test_a_relative_base_is_made_absolute(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(lab.root.parent)
    assert Tree("lab", VERSION).directory == f"{lab.root}/lib/modules/{VERSION}"
    assert Tree("", VERSION).directory == f"/lib/modules/{VERSION}"
    assert Tree("/x/", VERSION).directory == f"/x//lib/modules/{VERSION}"  # as kmod prints it


def test_below_a_sysroot_paths_are_told_without_it(lab: Lab) -> None:
    # The image has /lib as a link that would lead out of it.
    (lab.root / "lib").rename(lab.root / "usr-lib")
    (lab.root / "lib").symlink_to("/usr-lib")
    tree = Tree("", VERSION, root=str(lab.root))
    line = tree.dep("c")
    assert line is not None
    assert line.path == f"/lib/modules/{VERSION}/kernel/c.ko"
    assert tree.exists(line.path)
    assert tree.real(line.path) == f"{lab.root}/usr-lib/modules/{VERSION}/kernel/c.ko"
    assert Tree("base", VERSION, root=str(lab.root)).directory == f"/base/lib/modules/{VERSION}"


def test_modules_order(lab: Lab) -> None:
    (lab.directory / "modules.order").write_text("kernel/b.ko\nkernel/a-x.ko\n\n")
    assert lab.tree().order() == ["kernel/b.ko", "kernel/a-x.ko"]
    (lab.directory / "modules.order").unlink()
    with pytest.raises(FileNotFoundError):
        lab.tree().order()


def test_modules_dep_of_a_real_tree(kernel_tree: KernelTree) -> None:
    tree = Tree(kernel_tree.base, kernel_tree.version)
    text = Path(kernel_tree.directory, "modules.dep").read_text()
    wanted = {}
    for row in text.splitlines():
        path, _, rest = row.partition(":")
        wanted[f"{kernel_tree.directory}/{path}"] = tuple(f"{kernel_tree.directory}/{word}" for word in rest.split())
    assert {line.path: line.deps for line in tree.lines()} == wanted
    suffix = ".ko.xz" if tree.order()[0] + ".xz" in text else ".ko"
    assert len(tree.modules()) == len(wanted)
    order = [f"{kernel_tree.directory}/{path.removesuffix('.ko')}{suffix}" for path in tree.order()]
    known = [line.path for line in tree.lines()]
    assert [path for path in known if path in set(order)] == order
