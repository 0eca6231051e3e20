from __future__ import annotations

from pathlib import Path

import pytest

from ringward.kmod.depmod.module import DepmodError, Place
from ringward.kmod.depmod.policy import Override, Policy
from ringward.kmod.depmod.scan import Scan
from tests.kmod.depmod.tiny import TinyTree


@pytest.fixture
def tree(tmp_path: Path) -> TinyTree:
    return TinyTree(tmp_path)


def scan(tree: TinyTree, policy: Policy | None = None, messages: list[str] | None = None) -> Scan:
    def report(_level: str, text: str) -> None:
        assert messages is not None, text
        messages.append(text.replace(str(tree.base), ""))

    return Scan(Place(str(tree.directory)), policy or Policy(), report)


def test_one_file_of_each_name_takes_part(tree: TinyTree) -> None:
    tree.add("kernel/a-b.ko")
    tree.add("updates/a_b.ko.xz")
    tree.add("kernel/c.ko")
    found = scan(tree)
    found.all()
    assert {name: module.relative for name, module in found.modules.items()} == {
        "a_b": "updates/a_b.ko.xz",
        "c": "kernel/c.ko",
    }
    (duplicate,) = found.duplicates
    assert duplicate.name == "a_b"
    assert duplicate.kept == str(tree.directory / "updates/a_b.ko.xz")
    assert duplicate.dropped == str(tree.directory / "kernel/a-b.ko")
    assert duplicate.why == "search updates"


def test_a_name_has_no_dot(tree: TinyTree) -> None:
    tree.add("kernel/a.b.ko")
    found = scan(tree)
    found.all()
    assert list(found.modules) == ["a"]


def test_three_files_of_one_name(tree: TinyTree) -> None:
    for folder in ("kernel", "extra", "updates"):
        tree.add(f"{folder}/a.ko")
    found = scan(tree, Policy([Override("a", "extra", "x.conf:1")]))
    found.all()
    assert found.modules["a"].relative == "extra/a.ko"
    assert len(found.duplicates) == 2
    assert found.duplicates[-1].kept.endswith("/extra/a.ko")


def test_external_directories(tree: TinyTree) -> None:
    tree.add("kernel/a.ko")
    tree.add("../../../else/a.ko")
    tree.add("../../../else/b.ko")
    messages: list[str] = []
    outside = tree.base / "else"
    found = scan(tree, Policy(externals=[f"{tree.base}/none", str(outside)]), messages)
    found.all()
    assert found.modules["a"].relative == "kernel/a.ko"
    assert found.modules["b"].listed == str(outside / "b.ko")
    assert messages == ["could not open directory /none: No such file or directory"]


def test_a_tree_that_is_not_there(tree: TinyTree) -> None:
    messages: list[str] = []
    found = scan(tree, messages=messages)
    found.directory = Place(str(tree.base / "none"))
    with pytest.raises(DepmodError, match="could not search modules: No such file or directory"):
        found.all()
    assert messages == ["could not open directory /none: No such file or directory"]


def test_named_files(tree: TinyTree) -> None:
    inside, outside = tree.add("kernel/a.ko"), tree.add("../../../o.ko").resolve()
    found = scan(tree)
    found.named([str(inside), str(outside)])
    assert [module.listed for module in found.modules.values()] == ["kernel/a.ko", str(outside)]


@pytest.mark.parametrize(
    ("paths", "why"),
    [
        (["a.ko"], "a.ko: not absolute path"),
        (["/none.ko"], "could not create module /none.ko: No such file"),
        (["/"], "could not create module /: No such file"),
        (["TREE/kernel/a.ko", "TREE/kernel/a.ko"], "could not add module .*/a.ko: .*/a.ko has the same name"),
    ],
)
def test_named_files_that_cannot_be_used(tree: TinyTree, paths: list[str], why: str) -> None:
    tree.add("kernel/a.ko")
    with pytest.raises(DepmodError, match=why):
        scan(tree).named([path.replace("TREE", str(tree.directory)) for path in paths])


def test_a_sysroot_holds_the_external_directories_too(tree: TinyTree) -> None:
    tree.add("kernel/a.ko")
    tree.add("../../../else/b.ko")
    root = str(tree.base)
    place = Place(str(tree.directory).removeprefix(root), str(tree.directory))
    found = Scan(place, Policy(externals=["/else"]), lambda *_: None, root)
    found.all()
    assert {module.listed for module in found.modules.values()} == {"kernel/a.ko", "/else/b.ko"}
    assert found.modules["b"].real == f"{root}/else/b.ko"
