from __future__ import annotations

import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringward.kmod.names import BracketError, alias_name, module_name, path_to_name, printable, strcmp_key


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("snd-hda-intel", "snd_hda_intel"),
        ("a.ko", "a"),
        ("a-b.ko.xz", "a_b"),
        (".ko", ""),
        ("a[-]", "a[_]"),
        ("", ""),
    ],
)
def test_module_name(text: str, name: str) -> None:
    assert module_name(text) == name


@pytest.mark.parametrize(
    ("path", "name"),
    [("/lib/modules/1.0/kernel/a-b.ko.zst", "a_b"), ("./x.ko", "x"), ("x-y", "x_y"), ("/a.d/b", "b"), ("a/", "")],
)
def test_path_to_name(path: str, name: str) -> None:
    assert path_to_name(path) == name


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("a-b", "a_b"),
        ("a-[b-c]-d", "a_[b-c]_d"),
        ("[-][-]-", "[-][-]_"),
        ("[[-]-", "[[-]_"),
        ("a-b.c-d", "a_b.c_d"),
        ("", ""),
    ],
)
def test_alias_name(text: str, name: str) -> None:
    assert alias_name(text) == name


@pytest.mark.parametrize("text", ["[", "]", "a]", "a[b", "[a]]", "[]-]", "a[b]c[", "]["])
def test_an_unbalanced_bracket_is_an_error(text: str) -> None:
    with pytest.raises(BracketError, match=r"without"):
        alias_name(text)


@settings(deadline=None)
@given(st.text("a-_[]b", max_size=12))
def test_alias_name_changes_dashes_only(text: str) -> None:
    try:
        name = alias_name(text)
    except BracketError:
        return
    assert len(name) == len(text)
    assert {(a, b) for a, b in zip(text, name, strict=True) if a != b} <= {("-", "_")}
    assert alias_name(name) == name


def test_names_sort_by_their_bytes() -> None:
    names = [b"z", b"B", b"\xff", b"a", b"\xc3\xa9", b"\xee\x80\x80", b"\xf0\x90\x80\x80"]
    assert [os.fsencode(n) for n in sorted(map(os.fsdecode, names), key=strcmp_key)] == sorted(names)


def test_what_is_not_printable_is_written_out() -> None:
    text = "a b\té漢\x1b[31m\n\x00\u202e\udcff\ufffe\x7f\x9b\\"
    assert printable(text) == "a b\\té漢\\x1b[31m\\n\\x00\\u202e\\udcff\\ufffe\\x7f\\x9b\\"
    assert printable(text).isprintable()
