from __future__ import annotations

import os

import pytest

from ringward.kmod.brackets import AS_TEXT, LONGEST_CLASS, NO, Brackets
from ringward.kmod.fnmatch import fnmatch
from tests.kmod.glibc import libc_fnmatch

CLASSES = ("alnum", "alpha", "blank", "cntrl", "digit", "graph", "lower", "print", "punct", "space", "upper", "xdigit")


@pytest.mark.parametrize(
    ("pattern", "char", "end"),
    [
        ("[ab]c", "b", 4),
        ("[ab]c", "c", NO),
        ("[!ab]c", "c", 5),
        ("[!ab]c", "a", NO),
        ("[^ab]", "c", 5),
        ("[]a]", "]", 4),
        ("[a-]", "-", 4),
        ("[a-c]", "b", 5),
        ("[\\]]", "]", 4),
        ("[[:digit:]x]", "7", 12),
        ("[[=a=]]", "a", 7),
        ("[[.a.]-c]", "b", 9),
        ("[ab", "a", AS_TEXT),
        ("[ab", "x", AS_TEXT),
        ("[[:other:]]", "o", NO),
        ("[a[:other:]]", "a", 12),
        ("[c-a]", "b", NO),
    ],
)
def test_match(pattern: str, char: str, end: int) -> None:
    brackets = Brackets(pattern)
    assert brackets.match(1, char) == end
    assert brackets.match(1, char) == end  # what it remembers is the same


@pytest.mark.parametrize("name", [*CLASSES, "alphaz", "other"])
@pytest.mark.parametrize("before", ["[", "[!", "[a", "[^-"])
def test_classes_have_the_c_librarys_members(name: str, before: str) -> None:
    pattern = f"{before}[:{name}:]]"
    for code in range(1, 256):
        text = bytes([code])
        assert fnmatch(pattern, os.fsdecode(text)) == libc_fnmatch(pattern.encode(), text), code


@pytest.mark.parametrize("letters", [255, 256, LONGEST_CLASS - 2, LONGEST_CLASS - 1, LONGEST_CLASS, LONGEST_CLASS + 1])
@pytest.mark.parametrize("before", ["[[:", "[b[:", "[a[:"])
@pytest.mark.parametrize("after", [":]]", ":]", "]", ""])
def test_the_length_of_a_class_is_bounded_as_in_the_c_library(letters: int, before: str, after: str) -> None:
    pattern = before + "a" * letters + after
    for text in ("a", "b", "[", ":", "a]", pattern):
        assert fnmatch(pattern, text) == libc_fnmatch(pattern.encode(), text.encode())
