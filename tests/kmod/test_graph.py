from __future__ import annotations

import random
import re
import subprocess
from pathlib import Path

import pytest

from ringward.kmod import graph as module
from ringward.kmod.config import load_config
from ringward.kmod.graph import ABSENT, BUILTIN, COMMAND, MODULE, NAMED, NEEDED_BY, NEEDS, WEAK, Graph, Grapher, Node
from ringward.kmod.names import path_to_name
from ringward.kmod.step import DEPENDENCY, POST, PRE
from ringward.kmod.tree import Tree
from tests.kmod.conftest import KernelTree
from tests.kmod.graph_lab import graph, make_lab
from tests.kmod.lab import Lab


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return make_lab(tmp_path / "lab")


def links(found: Graph, side: str) -> set[tuple[str, str, str, str, int]]:
    """Return user, needed, kind, word and line of each link of a side."""
    return {
        (link.user.name, link.needed.name, link.kind, link.word, link.directive.line if link.directive else 0)
        for link in found.links
        if side in {link.user.side, link.needed.side}
    }


def one(found: Graph, name: str, side: str = NEEDS) -> Node:
    (node,) = [node for node in found.nodes if (node.name, node.side) == (name, side)]
    return node


def test_what_a_module_pulls_in(lab: Lab) -> None:
    assert links(graph(lab), NEEDS) == {
        ("asked", "top", DEPENDENCY, "", 0),
        ("top", "mid", DEPENDENCY, "", 0),
        ("mid", "base", DEPENDENCY, "", 0),
        ("asked", "side", DEPENDENCY, "", 0),
        ("side", "only", PRE, "only", 4),
        ("asked", "soft_x", PRE, "bus:7", 1),
        ("soft_x", "base", DEPENDENCY, "", 0),
        ("asked", "no-such", PRE, "no-such", 1),
        ("asked", "own", PRE, "own", 1),
        ("asked", "gone", PRE, "gone", 1),
        ("asked", "late", POST, "late", 1),
        ("asked", "friend", WEAK, "friend", 5),
        ("asked", "nobody", WEAK, "nobody", 5),
    }


def test_who_pulls_a_module_in(lab: Lab) -> None:
    found = graph(lab)
    assert links(found, NEEDED_BY) == {
        ("user1", "asked", DEPENDENCY, "", 0),
        ("user2", "user1", DEPENDENCY, "", 0),
        ("late", "asked", DEPENDENCY, "", 0),
        ("wants", "asked", PRE, "asked", 3),
    }
    assert {node.name for node in found.pulls_in()} == {"user1", "user2", "late", "wants"}
    assert {node.name for node in found.pulls_in(directly=True)} == {"user1", "late", "wants"}


def test_what_each_is(lab: Lab) -> None:
    found = graph(lab, top="live", base="coming")
    kinds = {node.name: node.kind for node in found.side(NEEDS)}
    assert {name for name, kind in kinds.items() if kind != MODULE} == {"own", "no-such", "gone", "only", "nobody"}
    assert (kinds["own"], kinds["only"], kinds["gone"], kinds["no-such"]) == (BUILTIN, COMMAND, ABSENT, ABSENT)
    assert [one(found, name).state for name in ("top", "base", "mid")] == ["live", "coming", None]
    assert one(found, "soft_x").path == f"{lab.directory}/kernel/soft-x.ko"
    assert one(found, "gone").path is None
    assert {node.name for node in found.pulled_in()} == {"top", "mid", "base", "side", "soft_x", "only", "late"}


def test_what_the_configuration_says_of_each(lab: Lab) -> None:
    found = graph(lab)
    told = {node.name: (node.command.line, node.runs_command) for node in found.nodes if node.command}
    # A module with softdeps has no command run.
    assert told == {"only": (6, True), "asked": (7, False), "mid": (8, True)}
    assert [node.name for node in found.nodes if node.blacklist] == ["top"]


def test_layers_are_the_longest_ways(lab: Lab) -> None:
    found = graph(lab)
    layers = {node.name: node.layer for node in found.side(NEEDS)}
    assert layers == {"top": 1, "side": 1, "soft_x": 1, "no-such": 1, "own": 1, "gone": 1, "late": 1} | {
        "friend": 1,
        "nobody": 1,
        "mid": 2,
        "only": 2,
        "base": 3,
    }
    assert {node.name: node.layer for node in found.side(NEEDED_BY)} == {"user1": 1, "late": 1, "wants": 1, "user2": 2}
    assert [(node.name, node.layer) for node in found.side(NAMED)] == [("asked", 0)]


def test_only_the_first_softdep_line_counts_unless_asked(lab: Lab) -> None:
    assert not [node for node in graph(lab).side(NEEDS) if node.name == "wants"]
    assert ("asked", "wants", PRE, "wants", 2) in links(graph(lab, all_softdeps=True), NEEDS)


def test_a_weakdep_pulls_nothing_in(lab: Lab) -> None:
    lab.configure("weakdep friend side", "weakdep wants friend")
    assert links(graph(lab, "wants"), NEEDS) == {("wants", "friend", WEAK, "friend", 2)}
    found = graph(lab, "side")
    assert [node.name for node in found.side(NEEDED_BY) if node not in found.pulls_in()] == ["friend"]
    assert not any(link.user.name == "wants" for link in found.links)


def test_an_alias_of_several(lab: Lab) -> None:
    found = graph(lab, "both")
    assert [node.name for node in found.side(NAMED)] == ["mid", "side"]
    assert {node.layer for node in found.side(NAMED)} == {0}
    assert {node.name for node in found.side(NEEDS)} == {"base", "only"}


def test_a_name_without_meaning(lab: Lab) -> None:
    assert graph(lab, "no-such").nodes == []
    assert "without '['" in graph(lab, "a]").asked.why


def test_circles_end(lab: Lab) -> None:
    lab.modules({"a": ["b"], "b": ["a"], "c": [], "d": []}, aliases=[("all", name) for name in "cd"])
    lab.configure("softdep c pre: c d", "softdep d post: c")
    assert {link.needed.name for link in graph(lab, "a").links} == {"a", "b"}
    # What leads back is on the other side.
    assert links(graph(lab, "c"), NEEDS) == {("c", "d", PRE, "d", 1)}
    assert links(graph(lab, "c"), NEEDED_BY) == {("d", "c", POST, "c", 2)}
    lab.modules({name: [] for name in "cdefg"}, aliases=[("all", name) for name in "cd"])
    lab.configure("softdep c pre: d", "softdep e pre: f", "softdep f pre: g", "softdep g pre: e", "softdep d pre: e")
    found = graph(lab, "d")
    assert {node.name: node.layer for node in found.side(NEEDS)} == {"e": 1, "f": 2, "g": 3}
    assert ("g", "e", PRE, "e", 4) in links(found, NEEDS)
    assert ("c", "d", PRE, "d", 1) in links(graph(lab, "all"), NAMED)
    assert [node.layer for node in graph(lab, "all").side(NAMED)] == [0, 0]


def test_there_is_a_greatest_size(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    assert graph(lab).complete
    monkeypatch.setattr(module, "MOST_LINKS", 5)
    found = graph(lab)
    assert not found.complete
    assert len(links(found, NEEDS)) == 5


def test_long_chains(lab: Lab) -> None:
    lab.configure(*(f"softdep n{number} pre: n{number + 1}" for number in range(3000)))
    lab.modules({"asked": []}, aliases=[("begin", "n0")], builtin=[f"n{number}" for number in range(3001)])
    assert max(node.layer for node in graph(lab, "n0").nodes) == 3000


def grapher(tree: KernelTree) -> Grapher:
    found = Tree(tree.base, tree.version)
    return Grapher(found, load_config([], cmdline="", module_dir=found.directory), None)


def test_all_that_is_pulled_in_is_what_the_installed_modprobe_loads(
    kernel_tree: KernelTree, kmod_modprobe: str
) -> None:
    made = grapher(kernel_tree)
    names = made.resolver.tree.modules()
    chosen = random.Random(kernel_tree.version).sample(names, 150)
    chosen += list(dict.fromkeys(each.key for each in made.resolver.config.softdeps))
    for name in chosen:
        command = [kmod_modprobe, "-C", "/dev/null", "-d", kernel_tree.base, "-S", kernel_tree.version, "-D", name]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        loaded = {path_to_name(path) for path in re.findall(r"^insmod (\S+)", done.stdout, re.MULTILINE)}
        assert {node.name for node in made.graph(name).pulled_in()} == loaded - {name}, name


def test_both_sides_say_the_same(kernel_tree: KernelTree) -> None:
    made = grapher(kernel_tree)
    names = random.Random(kernel_tree.version).sample(made.resolver.tree.modules(), 60)
    for name in [*names, "crc32c_generic", "libcrc32c"]:
        users = {node.name for node in made.graph(name).pulls_in()}
        for user in sorted(users)[:5]:
            assert name in {node.name for node in made.graph(user).pulled_in()}, (user, name)
        for needed in made.graph(name).pulled_in():
            assert name in {node.name for node in made.graph(needed.name).pulls_in()}, (name, needed.name)
