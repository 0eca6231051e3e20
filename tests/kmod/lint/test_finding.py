from __future__ import annotations

from ringward.kmod.lint.finding import FINDING, Finding, some


def test_place() -> None:
    assert Finding("bad-line", FINDING, "/a.conf", 3, "x", "why").place == "/a.conf:3"
    assert Finding("file-ignored", FINDING, "/a.conf", 0, "", "why").place == "/a.conf"


def test_some() -> None:
    assert some(["a"]) == "a"
    assert some(["a", "b", "c"], 3) == "a, b, c"
    assert some(["a", "b", "c", "d"], 2) == "a, b and 2 more"
