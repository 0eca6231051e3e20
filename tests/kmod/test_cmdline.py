from __future__ import annotations

import os
import random
import time

import pytest

from ringward.kmod.cmdline import LIMIT, kernel_blacklist, parse, split, words
from ringward.kmod.directive import CMDLINE


def told(text: str) -> list[str]:
    return [f"{each.kind} {each.key} {each.value}".rstrip() for each in parse(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("quiet a.b=c d.e root=/dev/a.b", ["options a b=c", "options d e"]),
        ("a-b.c-d=e-f", ["options a_b c-d=e-f"]),
        ("modprobe.blacklist=a-b,c modprobe.blacklist=d", ["blacklist a-b", "blacklist c", "blacklist d"]),
        ("modprobe.blacklist=a,,", ["blacklist a", "blacklist", "blacklist"]),
        ("modprobe.blacklist", ["options modprobe blacklist"]),
        ("modprobe.x=1 module_blacklist=a", ["options modprobe x=1"]),
        ('a.b="c d" e.f=g"h i"j', ['options a b="c d"', 'options e f=g"h i"j']),
        ('"a.b=c d" e.f=1', ['options a b="c d"', "options e f=1"]),
        ('"a.b=c d"e.f=2', ['options a b="c d"e.f=2']),
        ('"a.b="c d" e.f=g', ['options a b=""c']),
        ('a"b.c=d e"f.g=h i.j=k', ["options i j=k"]),
        ('a.b"c=d e" f.g=h', ["options f g=h"]),
        ('"a.b" "a b" c.d', ["options c d"]),
        ('a.b=1 c.d="e f', ["options a b=1"]),
        ("a.b.c=d a.b=c.d a=b.c", ["options a b=c.d"]),
        ("a.b=1\nc.d=2\te.f=3\vg.h=4", ["options a b=1", "options c d=2", "options e f=3", "options g h=4"]),
        ('a.b="c\td\ne"', ['options a b="c d\ne"']),
        ("a.b=1\0c.d=2", ["options a b=1"]),
        ("a[.b=1 ].c=2 a.b=[", ["options a b=["]),
        (". .a=b a.=", ["options", "options  a=b", "options a ="]),
        ("a.b=c -- d.e=f", ["options a b=c", "options d e=f"]),
        ("", []),
    ],
)
def test_parse(text: str, expected: list[str]) -> None:
    assert told(text) == expected


def test_the_words_place_is_the_command_line() -> None:
    (found,) = parse("quiet a.b=c\n")
    assert (found.path, found.line, found.text, found.place) == (CMDLINE, 0, "a.b=c", CMDLINE)


def test_words_and_their_parts() -> None:
    assert words(' a  "b c"d\te\n') == ["a", '"b c"d', "e"]
    assert split("a.b") == ("a", "b", None)
    assert split('"a.b=c d"') == ("a", "b", '"c d"')
    assert split("a.b.c=d") is None
    assert split("ab") is None


def test_it_is_cut_after_as_many_bytes_as_modprobe_reads() -> None:
    assert told("x" * (LIMIT - 6) + " a.b=cd") == ["options a b=c"]
    assert told("é" * ((LIMIT - 7) // 2) + "  a.b=cd") == ["options a b=c"]


def test_mutated_command_lines_never_fail() -> None:
    chance = random.Random(5)
    end = time.monotonic() + 2
    tried = 0
    while time.monotonic() < end:
        text = "".join(
            chance.choices(['"', " ", ".", "=", ",", "a", "modprobe.blacklist=", "\0", "\n", "[", "é", "\udcff"], k=40)
        )
        for each in parse(text * chance.choice((1, 1, 200))):
            assert each.kind in {"options", "blacklist"}
            assert os.fsencode(each.text) in os.fsencode(text * 200)
        tried += 1
    assert tried > 100


@pytest.mark.parametrize(
    ("text", "names", "word"),
    [
        ("quiet", [], ""),
        ("a module_blacklist=x,y b", ["x", "y"], "module_blacklist=x,y"),
        ("module_blacklist=x module-blacklist=y,,z", ["y", "z"], "module-blacklist=y,,z"),
        ('module_blacklist="x,a-b"', ["x", "a-b"], 'module_blacklist="x,a-b"'),
        ("module_blacklist=x module_blacklist=", [], "module_blacklist="),
        ("module_blacklist=x -- module_blacklist=y", ["x"], "module_blacklist=x"),
        ("modprobe.blacklist=x module_blacklist", [], ""),
    ],
)
def test_what_the_kernel_itself_keeps_out(text: str, names: list[str], word: str) -> None:
    assert kernel_blacklist(text) == (names, word)
