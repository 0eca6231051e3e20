from __future__ import annotations

import random
import time
import tracemalloc

import pytest

from ringward.kmod.config_parser import LONGEST, lines, parse, softdep_words, word
from ringward.kmod.directive import Directive, Problem


def joined(text: str) -> list[tuple[str, int, int]]:
    return [(line.text, line.first, line.last) for line in lines(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("a\nb", [("a", 1, 1), ("b", 2, 2)]),
        ("a\n\nb\n", [("a", 1, 1), ("", 2, 2), ("b", 3, 3)]),
        ("a\\\nb\nc\n", [("ab", 1, 2), ("c", 3, 3)]),
        ("#a\\\nb\nc", [("#ab", 1, 2), ("c", 3, 3)]),
        ("a\\\\\nb", [("a\\", 1, 1), ("b", 2, 2)]),
        ("a\\b\\\tc", [("ab\tc", 1, 1)]),
        ("a\\\n\\\nb", [("ab", 1, 3)]),
        ("a\\\n", [("a", 1, 2)]),
        ("a\\", [("a\udcff", 1, 1)]),
        ("a\0b\nc", [("a", 1, 1), ("c", 2, 2)]),
        ("a\0b\\\nc\nd", [("a", 1, 2), ("d", 3, 3)]),
        ("a\r\n", [("a\r", 1, 1)]),
    ],
)
def test_lines(text: str, expected: list[tuple[str, int, int]]) -> None:
    assert joined(text) == expected


def test_word() -> None:
    assert word("  a\t b c") == ("a", " b c")
    assert word("a") == ("a", "")
    assert word("") == ("", "")
    assert word("a\xa0b c") == ("a\xa0b", "c")


@pytest.mark.parametrize(
    ("rest", "pre", "post"),
    [
        ("pre: a b post: c", ["a", "b"], ["c"]),
        ("post: c pre: a post: d", ["a"], ["c", "d"]),
        ("x pre: a", ["a"], []),
        ("a b", [], []),
        ("pre:a", [], []),
        (" pre: a", [], []),
        (" pre: a post: b", [], ["b"]),
        ("  pre: a", ["a"], []),
        ("pre:\ta\r\v\fb", ["a", "b"], []),
        ("pre: post:", [], []),
        (" ", [], []),
        ("", [], []),
    ],
)
def test_softdep_words(rest: str, pre: list[str], post: list[str]) -> None:
    found = list(softdep_words(rest))
    assert [name for side, name in found if side == "pre"] == pre
    assert [name for side, name in found if side == "post"] == post


@pytest.mark.parametrize(
    ("line", "kind", "key", "value"),
    [
        ("alias a-b* c-d e", "alias", "a_b*", "c_d"),
        ("alias x[a-b]-c y", "alias", "x[a-b]_c", "y"),
        ("blacklist a-b c", "blacklist", "a_b", ""),
        ("options a-b  x=1\ty ", "options", "a_b", " x=1 y "),
        ("install a-b  /bin/true\tx ", "install", "a_b", " /bin/true\tx "),
        ("remove a c", "remove", "a", "c"),
        ("\tsoftdep a-b pre: c-d", "softdep", "a_b", "pre: c-d"),
        ("weakdep a-b c-d  e", "weakdep", "a_b", "c-d  e"),
        ("options a.ko x", "options", "a.ko", "x"),
    ],
)
def test_directives(line: str, kind: str, key: str, value: str) -> None:
    (found,) = parse(f"#\n{line}\n", "/a.conf")
    assert isinstance(found, Directive)
    assert (found.kind, found.key, found.value, found.place, found.text) == (kind, key, value, "/a.conf:2", line)


def test_operands_are_not_normalised() -> None:
    softdep, weakdep = parse("softdep a pre: b-c post: d\nweakdep a b-c\td", "/a.conf")
    assert isinstance(softdep, Directive)
    assert isinstance(weakdep, Directive)
    assert (softdep.pre, softdep.post) == (("b-c",), ("d",))
    assert (weakdep.pre, weakdep.post) == ((), ("b-c", "d"))


def test_joined_lines_are_placed_at_their_first() -> None:
    (found,) = parse("\n\noptions a \\\n  b \\\n c\n", "/a.conf")
    assert isinstance(found, Directive)
    assert (found.line, found.last_line, found.value) == (3, 5, "  b  c")


@pytest.mark.parametrize(
    ("line", "kind", "why"),
    [
        ("alias a", "bad line", "'alias' has too few words"),
        ("options a ", "bad line", "'options' has too few words"),
        ("softdep a", "bad line", "'softdep' has too few words"),
        ("weakdep a", "bad line", "'weakdep' has too few words"),
        ("blacklist", "bad line", "'blacklist' has too few words"),
        ("Alias a b", "bad line", "there is no directive 'Alias'"),
        (" # a", "bad line", "a comment must start in the first column"),
        ("\x1b[2J", "bad line", "there is no directive '\\x1b[2J'"),
        ("include /etc/x", "include", "'include' is not supported"),
        ("config x", "include", "'config' is not supported"),
        ("alias a[ b", "bracket", "'[' without ']' in 'a['"),
        ("alias a b]", "bracket", "']' without '[' in 'b]'"),
    ],
)
def test_problems(line: str, kind: str, why: str) -> None:
    (found,) = parse(f"\n{line}\n", "/a.conf")
    assert isinstance(found, Problem)
    assert (found.kind, found.place, found.text) == (kind, "/a.conf:2", line)
    assert found.why.startswith(why)


def test_dropped_backslashes_are_told_once_a_line() -> None:
    found = list(parse("install a sed 's/\\(a\\)/\\1/'\ninstall b \\\\x\n# \\x\noptions c a\\\n b", "/a.conf"))
    problems = [each for each in found if isinstance(each, Problem)]
    assert [(p.kind, p.line, p.why) for p in problems] == [
        ("backslash", 1, "a backslash is dropped (\\( \\) \\1); write it twice to keep it")
    ]
    assert [each.value for each in found if isinstance(each, Directive)] == ["sed 's/(a)/1/'", "\\x", "a b"]


def test_a_line_that_is_too_long_is_not_used() -> None:
    (found,) = parse("alias a " + "b" * LONGEST, "/a.conf")
    assert isinstance(found, Problem)
    assert len(found.text) == 200


def test_binary_junk_is_quick_and_small() -> None:
    chance = random.Random(1)
    junk = [
        chance.randbytes(1 << 18),
        b"\0" * (1 << 18),
        b"\\" * (1 << 18),
        b"\\\n" * (1 << 17),
        b"alias [" * (1 << 15),
        b"\n" * (1 << 18),
    ]
    for data in junk:
        text = data.decode("utf-8", "surrogateescape")
        tracemalloc.start()
        before = time.process_time()
        found = sum(1 for _each in parse(text, "/junk"))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert found <= data.count(b"\n") * 2 + 1
        assert peak < 64 << 20
        assert time.process_time() - before < 20


SEEDS = (
    b"alias a-b[0-9]* c\nblacklist d\noptions e f=1 \\\n g=2\ninstall h /bin/false \\( \\\\\n",
    b"softdep i pre: j k post: l\nweakdep m n\nremove o p\n# comment \\\nalias x y\ninclude z\n",
)


def mutated(chance: random.Random) -> bytes:
    """Return a file that is near to one that means something."""
    data = bytearray(chance.choice(SEEDS) + chance.choice(SEEDS))
    for _ in range(chance.randrange(1, 12)):
        at = chance.randrange(len(data) + 1)
        match chance.randrange(4):
            case 0:
                data[at:at] = bytes([chance.choice(b"\\\n\0\t []#:-\xff\x85" + bytes([chance.randrange(256)]))])
            case 1:
                del data[at : at + chance.randrange(8)]
            case 2:
                data[at:at] = data[: chance.randrange(40)]
            case _:
                data[at : at + 1] = bytes([chance.randrange(256)])
    return bytes(data)


def test_mutated_files_never_fail() -> None:
    chance = random.Random(20240229)
    end = time.monotonic() + 3
    tried = 0
    while time.monotonic() < end:
        text = mutated(chance).decode("utf-8", "surrogateescape")
        rows = text.count("\n") + 1
        for each in parse(text, "/fuzz"):
            assert 1 <= each.line <= rows
            if isinstance(each, Directive):
                assert each.line <= each.last_line <= rows
                assert "\n" not in each.text
                assert "\0" not in each.text
                assert each.kind == each.text.split()[0]
        tried += 1
    assert tried > 100
