from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringward.kmod.blocked.answer import CLOSED, OPEN
from ringward.kmod.blocked.by_alias import Aliases, asked_by, by_alias, instance, modprobe
from ringward.kmod.fnmatch import fnmatch
from ringward.kmod.triggers import ANYONE, DEVICE, NODE, NOT_KNOWN, ROOT
from tests.kmod.blocked.lab import BlockedLab


def found(lab: BlockedLab, name: str, *, kernel_asks: bool = True) -> list[tuple[str, list[str], list[str], str]]:
    ways = by_alias(lab.trial(name), Aliases(lab.tree(), lab.config()), kernel_asks=kernel_asks)
    return [(way.result, way.names, way.who, way.why) for way in ways]


def test_each_alias_and_who_asks_for_it(lab: BlockedLab) -> None:
    assert found(lab, "b") == [
        (OPEN, ["net_pf_5"], [ANYONE, ROOT], ""),
        (OPEN, ["pci:v1*"], [DEVICE, ROOT], ""),
        (OPEN, ["symbol:*"], [NOT_KNOWN, ROOT], ""),
    ]
    assert found(lab, "e_x") == [(CLOSED, [], [], "no alias leads to it")]


def test_where_the_kernel_calls_nobody_only_devices_and_root_ask(lab: BlockedLab) -> None:
    assert [who for _, _, who, _ in found(lab, "b", kernel_asks=False)] == [[DEVICE, ROOT], [ROOT]]


def test_a_blacklist_closes_all_of_them(lab: BlockedLab) -> None:
    lab.configure("blacklist b")
    assert {(result, why) for result, _, _, why in found(lab, "b")} == {(CLOSED, "blacklisted")}


def test_aliases_of_the_configuration(lab: BlockedLab) -> None:
    lab.configure("alias net-pf-5 off", "alias char-major-9-1 a", "alias mine d")
    assert found(lab, "b")[-1] == (CLOSED, ["net_pf_5"], [ANYONE, ROOT], "the alias means off")
    # One device of the pattern is another module's, the others are not.
    assert (OPEN, ["char_major_9_*"], [NODE, ROOT], "") in found(lab, "d")
    assert (OPEN, ["mine"], [NOT_KNOWN, ROOT], "") in found(lab, "d")


def test_an_alias_that_is_the_name_of_a_module(lab: BlockedLab) -> None:
    lab.build({"a": [], "d": []}, aliases=[("a", "d")])
    assert found(lab, "d") == [(CLOSED, ["a"], [NOT_KNOWN, ROOT], "the alias means a, which modules.dep has")]


def test_the_command_asks_for_one_that_the_pattern_matches(lab: BlockedLab) -> None:
    ways = by_alias(lab.trial("b"), Aliases(lab.tree(), lab.config()), kernel_asks=True)
    assert [way.command for way in ways] == ["modprobe net_pf_5", "modprobe 'pci:v1~'", "modprobe symbol:of_b"]
    assert modprobe("-x") == "modprobe -- -x"


def test_who_asks() -> None:
    trigger = asked_by("net_pf_5", kernel_asks=True)
    assert trigger is not None
    assert trigger.who == ANYONE
    assert asked_by("net_pf_5", kernel_asks=False) is None
    assert asked_by("usb:v1*", kernel_asks=False) is not None


@pytest.mark.parametrize(
    ("pattern", "text"),
    [("a*b?c", "a~b~c"), ("r[MU]ET??W*", "rMET~~W~"), ("[!a]x[^b-z]", "~x~"), ("[]a]", "]"), ("[ab", "[ab"), ("", "")],
)
def test_an_instance_of_a_pattern(pattern: str, text: str) -> None:
    assert instance(pattern) == text


@given(st.lists(st.sampled_from(["a", "b", "*", "?", "[ab]", "[!a]", "[a-c]", ":"]), max_size=8).map("".join))
def test_an_instance_matches(pattern: str) -> None:
    assert fnmatch(pattern, instance(pattern))
