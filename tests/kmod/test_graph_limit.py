from __future__ import annotations

from pathlib import Path

from ringward.kmod.graph import NEEDED_BY, WEAK, Graph
from ringward.kmod.graph_limit import limited
from tests.kmod.graph_lab import crowd, graph, make_lab
from tests.kmod.lab import Lab


def layer(found: Graph, number: int) -> list[str]:
    return [node.name for node in found.side(NEEDED_BY) if node.layer == number]


def test_what_is_small_enough_stays_as_it_is(tmp_path: Path) -> None:
    found = graph(make_lab(tmp_path))
    same = limited(found, 14)
    assert (same.nodes, same.links) == (found.nodes, found.links)


def test_of_a_crowd_some_are_kept_and_the_rest_counted(tmp_path: Path) -> None:
    found = graph(crowd(tmp_path), two_150="live")
    small = limited(found, 5)
    assert layer(small, 1) == ["one_000", "one_001", "one_002", "one_003", "one_004", "… and 195 more"]
    # What is loaded is kept before all else.
    assert layer(small, 2) == ["two_000", "two_001", "two_002", "two_003", "two_150", "… and 195 more"]
    rest = [node for node in small.nodes if node.more]
    assert [(node.layer, node.more) for node in rest] == [(1, 195), (2, 195)]
    assert [(link.user.name, link.needed.name) for link in small.links if link.user in rest] == [
        ("… and 195 more", "asked"),
        ("… and 195 more", "one_000"),
    ]
    assert len(small.links) == 5 + 5 + 2
    assert len(found.nodes) == 401  # the whole graph is as it was


def test_nothing_is_lost_but_in_a_number(tmp_path: Path) -> None:
    found = graph(crowd(tmp_path, 30))
    for most in (1, 2, 7, 29, 30, 31):
        small = limited(found, most)
        assert sum(node.more or 1 for node in small.nodes) == len(found.nodes)
        assert not [link for link in small.links if link.user not in small.nodes or link.needed not in small.nodes]


def test_softdeps_are_kept_and_a_weak_link_stays_weak(tmp_path: Path) -> None:
    lab = crowd(tmp_path, 9)
    lab.configure("softdep zzz pre: asked", *(f"weakdep asked one_00{number}" for number in range(9)))
    lab.configure("weakdep asked " + " ".join(f"w{number}" for number in range(9)), "softdep zzz pre: asked")
    small = limited(graph(lab), 3)
    assert layer(small, 1) == ["one_000", "one_001", "zzz", "… and 7 more"]
    assert {link.kind for link in small.links if link.needed.more} == {WEAK}


def test_chains_of_any_length_end(tmp_path: Path) -> None:
    lab = Lab(tmp_path)
    lab.configure(*(f"softdep n{number} pre: n{number + 1}" for number in range(90)))
    lab.modules({}, builtin=[f"n{number}" for number in range(91)])
    small = limited(graph(lab, "n0"), 1000)
    assert [(node.layer, node.more) for node in small.nodes][-2:] == [(40, 0), (40, 50)]
    assert len(small.nodes) == 42
