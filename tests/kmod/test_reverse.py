from __future__ import annotations

from pathlib import Path

import pytest

from ringward.kmod.config import load_config
from ringward.kmod.names import path_to_name
from ringward.kmod.reverse import Reverse, Want
from ringward.kmod.tree import Tree
from tests.kmod.conftest import KernelTree
from tests.kmod.lab import Lab

# d needs c, which needs b; a is needed by d alone; x and y need each other, as depmod --keep-going writes it.
DEPS = {"a": [], "b": [], "c": ["b"], "d": ["c", "b", "a"], "e": ["b"], "x": ["y"], "y": ["x"], "z": ["x", "y"]}


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    found = Lab(tmp_path / "lab")
    found.modules(DEPS, aliases=[("bus:*", "a"), ("bus:1", "b")], builtin=["own"])
    return found


def reverse(lab: Lab, *, all_softdeps: bool = False) -> Reverse:
    return Reverse(lab.tree(), lab.config(), all_softdeps=all_softdeps)


def short(wants: list[Want]) -> list[tuple[str, str, str, int]]:
    return [(each.module, each.kind, each.word, each.directive.line) for each in wants]


def test_who_needs_a_module(lab: Lab) -> None:
    found = reverse(lab)
    assert found.all_dependents("b") == ["c", "d", "e"]
    assert found.dependents("b") == ["c", "e"]
    assert found.dependents("a") == ["d"]
    assert found.all_dependents("d") == []
    assert found.dependents("not-there") == []


def test_modules_that_need_each_other_hide_nobody(lab: Lab) -> None:
    found = reverse(lab)
    assert found.all_dependents("x") == ["y", "z"]
    assert found.dependents("x") == ["y"]
    assert found.dependents("y") == ["x"]


def test_who_names_a_module_in_a_softdep(lab: Lab) -> None:
    lab.configure("softdep c pre: a post: e", "softdep d post: bus:1", "weakdep e a", "softdep c pre: b")
    found = reverse(lab)
    assert short(found.soft("a")) == [("c", "pre", "a", 1), ("d", "post", "bus:1", 2), ("e", "weak", "a", 3)]
    assert short(found.soft("e")) == [("c", "post", "e", 1)]
    assert short(found.soft("b")) == [("d", "post", "bus:1", 2)]


def test_all_lines_count_when_asked_for(lab: Lab) -> None:
    lab.configure("softdep c pre: a", "softdep c pre: b", "weakdep e a", "weakdep e b")
    assert short(reverse(lab).soft("b")) == []
    assert short(reverse(lab, all_softdeps=True).soft("b")) == [("c", "pre", "b", 2), ("e", "weak", "b", 4)]


def test_a_pattern_is_for_every_name_that_modprobe_can_arrive_at(lab: Lab) -> None:
    lab.configure("softdep [deo]* pre: a", "install extra true", "alias short otherwise")
    names = [each.module for each in reverse(lab).soft("a")]
    assert names == ["d", "e", "own", "extra", "otherwise"]


def test_softdeps_that_modules_bring_along_count(lab: Lab) -> None:
    (lab.directory / "modules.softdep").write_text("# kmod's own\nsoftdep d pre: e\n")
    wants = reverse(lab).soft("e")
    assert short(wants) == [("d", "pre", "e", 2)]
    assert wants[0].directive.path == str(lab.directory / "modules.softdep")


def test_it_agrees_with_the_text_that_depmod_wrote(kernel_tree: KernelTree) -> None:
    lines = Path(f"{kernel_tree.directory}/modules.dep").read_text().splitlines()
    needed = {path_to_name(path): rest.split() for path, _, rest in (line.partition(":") for line in lines)}
    every: dict[str, set[str]] = {}
    for name, paths in needed.items():
        for path in paths:
            every.setdefault(path_to_name(path), set()).add(name)
    config = load_config([], cmdline="", module_dir=kernel_tree.directory)
    found = Reverse(Tree(kernel_tree.base, kernel_tree.version), config)
    for name in needed:
        assert set(found.all_dependents(name)) == every.get(name, set())
        near = set(found.dependents(name))
        assert near <= every.get(name, set())
        # All the others are reached through the near ones.
        assert every.get(name, set()) == near.union(*(every.get(each, set()) for each in near))
    # modules.softdep's own text: crc32c is an alias, and libcrc32c the first of those that name it.
    wants = found.soft("crc32c_generic")
    assert ("libcrc32c", "pre", "crc32c") in [(each.module, each.kind, each.word) for each in wants]
