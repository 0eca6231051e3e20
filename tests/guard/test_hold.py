"""References on modules."""

from __future__ import annotations

from pathlib import Path

import pytest

from ringward.guard.hold import Holds, loaded, to_keep
from ringward.trust.patterns import parse, parse_name
from tests.guard.fake_kernel import use_maps

PROC = "dummy 16384 0 - Live 0x0\nsoft_dog 1 2 a,b Live 0x0\nsoftly 1 2 - Live 0x0\n"


def test_the_modules_of_proc_modules() -> None:
    assert loaded(PROC) == ["dummy", "soft_dog", "softly"]
    assert loaded("") == []


def test_names_are_compared_as_rules_write_them() -> None:
    assert to_keep(loaded(PROC), [parse_name("soft-dog")]) == ["soft_dog"]
    assert to_keep(loaded(PROC), [parse("soft*"), parse("dummy")]) == ["dummy", "soft_dog", "softly"]
    assert to_keep(loaded(PROC), []) == []


def test_each_is_held_once_and_let_go(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    kernel = use_maps(monkeypatch, tmp_path)
    holds = Holds()
    assert holds.keep([parse("a*")], ["ab", "b", "ac"]) == ["ab", "ac"]
    assert holds.keep([parse("a*")], ["ab"]) == []
    assert sorted(holds.links()) == ["hold-ab", "hold-ac"]
    assert holds.let_go([parse("ab")]) == ["ac"]
    assert list(holds.links()) == ["hold-ab"]
    assert set(kernel.held) == {"ab", "ac"}
    holds.close()
    assert holds.links() == {}


def test_one_that_cannot_be_held_is_told_until_it_can(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    kernel = use_maps(monkeypatch, tmp_path)
    kernel.refuse_hold = {"a"}
    holds = Holds()
    assert holds.keep([parse("*")], ["a", "b"]) == ["b"]
    assert holds.failed == {"a": "hold a module by one of its functions: No such file or directory"}
    kernel.refuse_hold = set()
    assert holds.keep([parse("*")], ["a"]) == ["a"]
    assert holds.failed == {}
    holds.close()
