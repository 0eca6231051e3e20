from __future__ import annotations

from pathlib import Path

from ringward.kmod.config import load_config
from ringward.kmod.lint.subject import Subject, is_own
from tests.kmod.lint.subjects import make_lab, subject


def test_what_modules_there_are(tmp_path: Path) -> None:
    found = subject(make_lab(tmp_path))
    assert found.modules["fs_a"] == ("crc",)
    assert found.dependents == {"crc": ["fs_a", "fs_b"]}
    assert found.matched("fs*") == ["fs_a", "fs_b"]
    assert found.exists("core")
    assert found.is_builtin("core")
    assert not found.is_builtin("net")
    assert not found.exists("nothing")
    assert found.meant("net-pf-9") == ["net"]
    assert found.meant("nothing") == []
    assert found.near("usb_storag") == "usb_storage"
    assert found.near("qqq") == ""


def test_the_first_line_that_matches_counts(tmp_path: Path) -> None:
    found = subject(make_lab(tmp_path), "softdep fs* pre: net", "softdep fs_a pre: crc", "softdep net pre: crc")
    wild, hidden, other = found.config.softdeps
    assert found.softdeps == {"fs_a": wild, "fs_b": wild, "net": other}
    assert [found.hider(each) for each in (wild, hidden, other)] == [None, wild, None]


def test_a_pattern_is_hidden_when_all_that_it_matches_is(tmp_path: Path) -> None:
    lines = (
        "softdep fs_a pre: net",
        "softdep fs_? pre: net",
        "softdep fs_b pre: net",
        "softdep fs* pre: crc",
        "softdep q* pre: a",
    )
    found = subject(make_lab(tmp_path), *lines, "softdep q* pre: b")
    first, some, _third, last, nothing, again = found.config.softdeps
    assert found.hider(some) is None
    assert found.hider(last) is first
    assert found.hider(nothing) is None
    assert found.hider(again) is nothing


def test_names_that_mean_something_though_they_are_no_modules(tmp_path: Path) -> None:
    found = subject(make_lab(tmp_path), "alias a b-c", "softdep d pre: e-f post: g", "install h true", "remove i true")
    assert found.asked == {"b_c", "e_f", "g"}
    assert found.commands == {"h", "i"}


def test_without_a_tree_nothing_exists(tmp_path: Path) -> None:
    found = subject(make_lab(tmp_path), "softdep fs* pre: net", "softdep net pre: crc", tree=False)
    assert found.modules == {}
    assert not found.exists("net")
    assert found.meant("net") == []
    assert found.resolved("net") is None
    assert list(found.softdeps) == ["net"]


def test_own_lines(tmp_path: Path) -> None:
    found = subject(make_lab(tmp_path, "softdep a pre: b"), "softdep a pre: b")
    assert [is_own(each) for each in found.config.softdeps] == [False, True]


def test_the_command_line() -> None:
    config = load_config([], cmdline="a.b=c")
    assert Subject.on_cmdline(config.options[0])
