from __future__ import annotations

import errno

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringward.kmod.parameters import given as parameters
from ringward.kmod.parameters import shown


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ("", []),
        ("  ", []),
        ("max_loop=5", [("max_loop", "5")]),
        (" a=1\tb=2\n", [("a", "1"), ("b", "2")]),
        ("nousb", [("nousb", None)]),
        ("a=", [("a", "")]),
        ('a="b c" d=1', [("a", "b c"), ("d", "1")]),
        ('"a=b c" d=1', [("a", "b c"), ("d", "1")]),
        ('a=x"y z"', [("a", 'x"y z"')]),
        ('a="open b', [("a", "open b")]),
        ("a=1 -- b=2", [("a", "1")]),
        ("a=1=2", [("a", "1=2")]),
    ],
)
def test_words(options: str, found: list[tuple[str, str | None]]) -> None:
    assert parameters(options) == found


@given(st.text(alphabet='ab=" -\t', max_size=30))
def test_no_text_is_too_odd(options: str) -> None:
    for name, value in parameters(options):
        assert name or value is not None or '"' in options


@pytest.mark.parametrize(
    ("kind", "value", "text"),
    [
        ("int", "5", "5"),
        ("int", "-0x10", "-16"),
        ("int", "+010", "8"),
        ("int", "0" * 5000 + "7", "7"),
        ("int", "0", "0"),
        ("ullong", "01777777777777777777777", "18446744073709551615"),
        ("int", "2147483647", "2147483647"),
        ("int", "-2147483648", "-2147483648"),
        ("uint", "0xffffffff", "4294967295"),
        ("byte", "255", "255"),
        ("short", "-32768", "-32768"),
        ("ulong", "18446744073709551615", "18446744073709551615"),
        ("long", "7\n", "7"),
        ("hexint", "255", "0xff"),
        ("bool", "y", "Y"),
        ("bool", None, "Y"),
        ("bool", "off", "N"),
        ("bool", "On", "Y"),
        ("invbool", "0", "N"),
        ("bint", "yes", "1"),
        ("charp", "any thing", "any thing"),
        ("", "5", "5"),
        ("string", "x", "x"),
        ("array of int", "1,0x2,3", "1,2,3"),
        ("array of charp", "a,b", "a,b"),
    ],
)
def test_what_sys_shows(kind: str, value: str | None, text: str) -> None:
    assert shown(kind, value) == text


@pytest.mark.parametrize(
    ("kind", "value", "code"),
    [
        ("int", "abc", errno.EINVAL),
        ("int", "", errno.EINVAL),
        ("int", None, errno.EINVAL),
        ("charp", None, errno.EINVAL),
        ("int", " 5", errno.EINVAL),
        ("int", "1_000", errno.EINVAL),
        ("int", "0x", errno.EINVAL),
        ("int", "09", errno.EINVAL),
        ("int", "--5", errno.EINVAL),
        ("int", "\u0665", errno.EINVAL),
        ("int", "2147483648", errno.ERANGE),
        ("uint", "-1", errno.ERANGE),
        ("ullong", "9" * 5000, errno.ERANGE),
        ("byte", "256", errno.ERANGE),
        ("bool", "maybe", errno.EINVAL),
        ("array of int", "1,x", errno.EINVAL),
    ],
)
def test_what_the_kernel_refuses(kind: str, value: str | None, code: int) -> None:
    with pytest.raises(OSError, match=r".") as caught:
        shown(kind, value)
    assert caught.value.errno == code


def test_a_long_is_as_wide_as_the_machine() -> None:
    assert shown("long", "4294967296", 64) == "4294967296"
    with pytest.raises(OSError, match="does not fit into long"):
        shown("long", "4294967296", 32)
