from __future__ import annotations

import pytest

from ringward.kmod.directive import Directive
from ringward.kmod.step import BUILTIN, INSMOD, INSTALL, LOADED, NAMED, NOTHING, Cause, Option, Step, quoted

LINE = Directive("install", "m", "run it $CMDLINE_OPTS", "/etc/modprobe.d/a.conf", 3, "install m run it")


def step(action: str, *options: Option) -> Step:
    return Step(action, "m", Cause(NAMED, "m"), path="/m.ko", options=options, command=LINE)


@pytest.mark.parametrize(
    ("word", "wanted"),
    # As the installed modprobe prints them; tests/kmod/against_kmod compares many more.
    [
        ("x=1", "x=1"),
        ("x=a b", 'x="a b"'),
        ("x= a", 'x=" a"'),
        ("= a", '=" a"'),
        ("x y", "x y"),
        ("x y=z w", 'x y="z w"'),
        ('x="a b" c', 'x="a b" c'),
        ("x='a b", "x='a b"),
        ('x=a "b', 'x="a "b"'),
        ("x=a\tb", "x=a\tb"),
        ("x=", "x="),
        ("", ""),
    ],
)
def test_parameters_with_blanks_are_quoted(word: str, wanted: str) -> None:
    assert quoted(word) == wanted


def test_a_blank_stands_behind_what_the_configuration_says() -> None:
    configured, given = Option("o=1", LINE), Option("p=2", None)
    assert step(INSMOD).parameters() == ""
    assert step(INSMOD, configured).parameters() == "o=1 "
    assert step(INSMOD, given, given).parameters() == "p=2 p=2"
    assert step(INSMOD, configured, configured, given).parameters() == "o=1 o=1 p=2"
    empty = Option("", None)
    assert step(INSMOD, empty, given, empty).parameters() == "p=2 "


def test_the_line_of_each_action() -> None:
    assert step(INSMOD, Option("o=1", LINE)).line() == "insmod /m.ko o=1 "
    assert step(INSTALL).line() == "install run it $CMDLINE_OPTS "
    assert step(BUILTIN).line() == "builtin m"
    assert [step(action).line() for action in (LOADED, NOTHING)] == [None, None]
