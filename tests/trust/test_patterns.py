from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringward.trust.patterns import LONGEST, Pattern, PatternError, parse, parse_name, parse_parameter, underscored


@pytest.mark.parametrize(
    ("text", "value", "found"),
    [
        ("dummy", b"dummy", True),
        ("dummy", b"dummy2", False),
        ("dummy*", b"dummy2", True),
        ("dummy*", b"dumm", False),
        ("*", b"", True),
        ("*", b"anything", True),
        ("caf\u00e9", "caf\u00e9".encode(), True),
        ("\udcff", b"\xff", True),
    ],
)
def test_a_pattern_is_a_whole_or_a_beginning(text: str, value: bytes, found: bool) -> None:
    assert parse(text).matches(value) is found


@pytest.mark.parametrize("text", ["", "a*b", "**", "a?", "[ab]", "a\\*", "a\0b", "x" * (LONGEST + 1)])
def test_what_the_kernel_cannot_compare_is_refused(text: str) -> None:
    with pytest.raises(PatternError, match=r"nothing|in the kernel|compared"):
        parse(text)


def test_the_longest_pattern() -> None:
    assert parse("x" * LONGEST + "*") == Pattern(b"x" * LONGEST, True)


def test_names_are_compared_with_underscores() -> None:
    assert parse_name("snd-hda*") == Pattern(b"snd_hda", True)
    assert underscored(b"net-pf-10") == b"net_pf_10"


@pytest.mark.parametrize(
    ("text", "pattern"),
    [
        ("soft-noboot", Pattern(b"soft_noboot=", True)),
        ("soft-noboot=1", Pattern(b"soft_noboot=1", False)),
        ("soft-noboot=a-b", Pattern(b"soft_noboot=a-b", False)),
        ("soft-noboot=a-*", Pattern(b"soft_noboot=a-", True)),
        ("soft-*", Pattern(b"soft_", True)),
        ("*", Pattern(b"", True)),
    ],
)
def test_parameters(text: str, pattern: Pattern) -> None:
    assert parse_parameter(text) == pattern


def test_a_parameter_has_a_name() -> None:
    with pytest.raises(PatternError, match="no parameter's name"):
        parse_parameter("=1")


@given(st.text(alphabet="abc-_", max_size=8), st.text(alphabet="abc-_", max_size=8))
def test_a_beginning_matches_what_begins_so(text: str, rest: str) -> None:
    assert parse(text + "*").matches((text + rest).encode())
    assert str(parse(text + "*")) == text + "*"
