from __future__ import annotations

import os
import random
import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ringward.kmod.fnmatch import fnmatch
from tests.kmod.glibc import libc_fnmatch

PIECES = (
    *"*?[]!^-\\abcz:=./1é",
    *("[:", "[:alpha:]", "[:digit:]", "[:xx:]", "[:]", "=]", "[=", "[=a=]", "[.", ".]", "[.a.]", "[.-.]", "[.].]"),
    *("[a-c]", "[!a]", "[^b-]", "[]a]", "\\]", "\\*"),
)
patterns = st.lists(st.sampled_from([*PIECES, "\udc80", "\udcff"]), max_size=12).map("".join)
texts = st.text("aabc[]-!^:=.\\*zé/1\udc80\udcff", max_size=8)


@settings(max_examples=2000, deadline=None)
@given(patterns, texts)
@example("[[", "[[")
@example("[a[:foo:]]", "a")
@example("[a[:foo:]]", "b")
@example("[z-\\", "z")
@example("a\\", "a\\")
@example("*?é", "aé")
@example("[[.-.]-a]", "3")
def test_it_is_the_c_librarys(pattern: str, text: str) -> None:
    assert fnmatch(pattern, text) == libc_fnmatch(os.fsencode(pattern), os.fsencode(text))


@settings(max_examples=1000, deadline=None)
@given(patterns)
def test_a_pattern_against_itself_is_the_c_librarys(pattern: str) -> None:
    assert fnmatch(pattern, pattern) == libc_fnmatch(os.fsencode(pattern), os.fsencode(pattern))


@pytest.mark.parametrize(
    ("pattern", "text", "matches"),
    [
        ("pci:v*d*sv*", "pci:v00008086d00001234sv00000000", True),
        ("a*b*c", "a/.b.c", True),
        ("a*b*c", "abcb", False),
        ("?", "é", False),
        ("??", "é", True),
        ("a", "a\0b", True),
        ("a\0*", "a", True),
        ("", "", True),
        ("*", "", True),
        ("", "a", False),
    ],
)
def test_what_it_means_for_aliases(pattern: str, text: str, *, matches: bool) -> None:
    assert fnmatch(pattern, text) == matches


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("*a" * 2000 + "b", "a" * 4095),
        ("*" + "a" * 2000 + "b", "a" * 4095),
        ("*" + "[a]" * 1000 + "b", "a" * 4095),
        ("*" + "[" * 3000, "[" * 4095),
        ("[[." * 2000, "[" * 4095),
        ("*" + "[[:" * 1500, "[" * 4095),
        ("*[a" + "[.x.]" * 1000 + "b", "a" * 4095),
        ("*[" + "b" * 8_000 + "]", "".join(map(chr, range(1, 127))) * 30),
    ],
)
def test_a_hostile_pattern_takes_bounded_time(pattern: str, text: str) -> None:
    before = time.process_time()
    fnmatch(pattern, text)
    assert time.process_time() - before < 30


def test_long_mixtures_are_the_c_librarys() -> None:
    chance = random.Random(7)
    for _ in range(300):
        text = "".join(chance.choices("ab-[", k=60))
        pattern = "".join(chance.choice((c, c, c, "*", "?", "[a-b]", "[!b]", "\\" + c)) for c in text)
        pattern = pattern if chance.random() < 0.5 else pattern + "*[[:alpha:]]"
        assert fnmatch(pattern, text) == libc_fnmatch(pattern.encode(), text.encode())
