"""Structs of the policy's maps as bytes."""

from __future__ import annotations

import struct

import pytest

from ringward.guard.holder import OBJECTS
from ringward.guard.layouts import constants, layout, pack, unpack, words
from ringward.sensor import objects
from ringward.trust import parameters, patterns
from ringward.trust.rules import MOST_RULES, MOST_VALUES, Flag, Mode, Operation, Origin
from ringward.trust.verdict import Level


def test_what_is_packed_comes_back() -> None:
    data = pack("rule", {"action": 1, "uids.7.high": 4_000_000_000, "names.pattern.3.text": b"abc".ljust(64, b"\0")})
    found = unpack("rule", data)
    assert (found["action"], found["uids.7.high"], found["names.pattern.3.text"][:4]) == (1, 4_000_000_000, b"abc\0")
    assert sum(bool(value.strip(b"\0") if isinstance(value, bytes) else value) for value in found.values()) == 3


def test_a_member_that_there_is_not_and_a_value_that_does_not_fit() -> None:
    with pytest.raises(KeyError):
        pack("rule", {"colour": 1})
    with pytest.raises(struct.error):
        pack("rule", {"action": 1 << 32})


def test_words_are_the_kernels() -> None:
    assert words([1, 2, 0xFFFFFFFF]) == b"\1\0\0\0\2\0\0\0\xff\xff\xff\xff"


@pytest.mark.parametrize("name", ["rule", "guard_policy", "class", "facts", "origin_program"])
def test_all_objects_have_the_same_layout(name: str) -> None:
    owners = [owner for owner in OBJECTS if owner != "guard_request"]
    assert len({layout(name, owner).fields for owner in owners}) == 1


def test_the_bounds_are_those_of_the_rules() -> None:
    """bpf/guard_*.bpf.h say what trust/ says."""
    members = {field.name: field for field in layout("rule").fields}
    assert {name for name in members if name.endswith(".low")} == {f"uids.{i}.low" for i in range(MOST_VALUES)}
    assert members["names.pattern.0.text"].size == patterns.LONGEST
    assert layout("class").size * 8 == MOST_RULES
    facts = {field.name: field for field in layout("facts").fields}
    assert f"parameters.word.{parameters.MOST - 1}.len" in facts
    assert f"parameters.word.{parameters.MOST}.len" not in facts
    assert facts["parameters.text"].size == 2 * parameters.LONGEST


def test_the_constants_are_those_of_the_rules() -> None:
    assert list(constants("operation"))[:-1] == [operation.value for operation in Operation]
    assert constants("mode") == {mode.name.lower(): mode for mode in Mode}
    assert constants("origin") == {origin.name.lower(): origin for origin in Origin}
    levels = constants("level")
    assert levels.pop("fault") == len(Level)
    assert levels == {level.name.lower(): level for level in Level}
    assert (Flag.NO_FILE, Flag.FORCE) == (0x100, 0x200)
    assert "LOAD_NO_FILE = 0x100" in (objects_source := _source("guard_facts.bpf.h"))
    assert "LOAD_FORCE = 0x200" in objects_source


def _source(name: str) -> str:
    from pathlib import Path

    return (Path(__file__).parents[2] / "bpf" / name).read_text()


def test_no_object_but_a_guards_can_deny() -> None:
    for name in objects.names():
        knobs = objects.load(name).knobs()
        assert ("may_deny" in knobs) == (name.startswith("guard_") and name != "guard_request"), name
