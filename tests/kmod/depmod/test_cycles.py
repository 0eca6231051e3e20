"""Small cases; tests/kmod/against_kmod/test_depmod.py compares with the installed kmod."""

from __future__ import annotations

import itertools
import random

import pytest

from ringward.kmod.depmod import cycles
from ringward.kmod.depmod.module import Module
from ringward.kmod.depmod.order import rank


def find(**needs: str) -> cycles.Cycles:
    found = {name: Module(name, name) for name in needs}
    for number, (name, module) in enumerate(found.items()):
        module.number = number
        module.needs = [found[need] for need in needs[name]]
    return cycles.find(rank(list(found.values())))


def paths(found: cycles.Cycles) -> list[str]:
    return ["".join(module.name for module in path) for path in found.paths]


@pytest.mark.parametrize(
    ("needs", "answer"),
    [
        ({"a": "b", "b": ""}, []),
        ({"a": "a"}, ["a"]),
        ({"a": "b", "b": "a"}, ["ab"]),
        ({"a": "b", "b": "c", "c": "az", "z": "", "d": "a"}, ["abc"]),
        ({"c": "ad", "b": "c", "a": "b", "d": "a"}, ["cdab", "cab"]),
        ({"a": "b", "b": "a", "c": "d", "d": "c"}, ["ab", "cd"]),
        ({"a": "b", "c": "d", "b": "a", "d": "c"}, ["ab", "dc"]),
    ],
)
def test_cycles_that_kmod_tells_in_this_order(needs: dict[str, str], answer: list[str]) -> None:
    found = find(**needs)
    assert paths(found) == answer
    assert found.complete


def test_two_cycles_joined_by_a_need_come_to_an_end() -> None:
    """Of this kmod 30 and 34 never come to an end."""
    found = find(a="bx", x="a", b="c", c="b")
    assert sorted(paths(found)) == ["ax", "bc"]
    assert [module.name for module in found.modules] == ["a", "x", "b", "c"]


def test_cycles_of_one_group_that_do_not_share_the_first_module() -> None:
    assert sorted(paths(find(a="b", b="ac", c="bd", d="d"))) == ["ab", "bc", "d"]


def test_all_cycles_are_found_once() -> None:
    chance = random.Random(3)
    for _ in range(300):
        names = "abcdef"[: chance.randint(1, 6)]
        needs = {name: "".join(chance.sample(names, chance.randint(0, min(2, len(names))))) for name in names}
        expected = {
            frozenset(zip(way, (*way[1:], way[0]), strict=True))
            for size in range(1, len(names) + 1)
            for way in itertools.permutations(names, size)
            if all(far in needs[near] for near, far in zip(way, (*way[1:], way[0]), strict=True))
        }
        found = find(**needs)
        told = [frozenset(zip(way, (*way[1:], way[0]), strict=True)) for way in paths(found)]
        assert len(told) == len(set(told))
        assert set(told) == expected
        assert {module.name for module in found.modules} == {name for way in expected for edge in way for name in edge}


def test_more_cycles_than_can_be_told() -> None:
    names = [chr(0x100 + number) for number in range(40)]
    found = find(**{name: "".join(names) for name in names})
    assert not found.complete
    assert 0 < len(found.paths) <= cycles.MOST
    assert len(found.modules) == 40


def test_a_cycle_that_is_hard_to_come_by_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cycles, "MOST_STEPS", 3)
    found = find(a="b", b="c", c="d", d="a", e="f", f="e")
    assert not found.complete
    assert paths(found) == ["abcd", "ef"]
