from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringward.output.text import columns, cut, fit, fit_right, safe, wrap


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain text 1", "plain text 1"),
        ("a\x1b[31mb", r"a\x1b[31mb"),
        ("line\nbreak\ttab\r", r"line\x0abreak\x09tab\x0d"),
        ("\x7f\x9b", r"\x7f\x9b"),
        ("\u202eevil\u2066", r"\u202eevil\u2066"),
        ("\u05d0\u0627", r"\u05d0\u0627"),  # right-to-left letters reorder their neighbours
        ("zero\u200bwidth\ufeff", r"zero\u200bwidth\ufeff"),
        ("e\u0301", r"e\u0301"),  # a mark without width of its own
        ("\u2028", r"\u2028"),
        ("\U000e0041", r"\U000e0041"),  # a tag character, invisible
        ("\u00a0", r"\xa0"),  # looks like a space, is none
        ("Grüße \u9f8d", "Grüße \u9f8d"),
        ("\ud800", r"\ud800"),
    ],
)
def test_safe(text: str, shown: str) -> None:
    assert safe(text) == shown


def test_safe_for_a_terminal_of_ascii() -> None:
    assert safe("Grüße \u9f8d", utf8=False) == r"Gr\xfc\xdfe \u9f8d"


@given(st.text())
def test_nothing_that_moves_or_hides_is_left(text: str) -> None:
    shown = safe(text)
    assert all(unicodedata.category(char)[0] not in "CMZ" or char == " " for char in shown)
    assert all(unicodedata.bidirectional(char) not in {"R", "AL", "AN", "RLE", "RLO", "NSM", "BN"} for char in shown)
    assert safe(text, utf8=False).isascii()
    assert safe(shown) == shown


@pytest.mark.parametrize(("text", "width"), [("abc", 3), ("\u9f8d", 2), ("\uff21", 2), ("\u00fc", 1), ("", 0)])
def test_columns(text: str, width: int) -> None:
    assert columns(text) == width


@pytest.mark.parametrize(
    ("text", "width", "shown"),
    [
        ("abc", 3, "abc"),
        ("abcd", 3, "ab~"),
        ("abc", 1, "~"),
        ("abc", 0, ""),
        ("\u9f8d\u9f8d", 4, "\u9f8d\u9f8d"),
        ("\u9f8d\u9f8d", 3, "\u9f8d~"),
        ("\u9f8d\u9f8d", 2, "~"),
    ],
)
def test_cut(text: str, width: int, shown: str) -> None:
    assert cut(text, width) == shown


@given(st.text(), st.integers(0, 40))
def test_fit_is_exact(text: str, width: int) -> None:
    assert columns(fit(safe(text), width)) == width
    assert columns(fit_right(safe(text), width)) == width


def test_fit_pads_on_its_side() -> None:
    assert fit("ab", 4) == "ab  "
    assert fit_right("ab", 4) == "  ab"


def test_wrap_indents_what_follows() -> None:
    assert wrap("one two three", 12, "  ") == ["  one two", "    three"]
    assert wrap("one two three", 15, "") == ["one two three"]
    assert wrap("", 20, "  ") == ["  "]


@given(st.text(), st.integers(14, 60), st.sampled_from(["", "  ", "    "]))
def test_wrap_loses_nothing_and_fits(text: str, width: int, indent: str) -> None:
    shown = safe(text)
    lines = wrap(shown, width, indent)
    assert all(columns(line) <= width for line in lines)
    assert "".join(lines).replace(" ", "") == shown.replace(" ", "")
