from __future__ import annotations

from pathlib import Path

import pytest

from ringward.kmod.config import load_config
from ringward.kmod.config_files import read
from ringward.kmod.config_parser import parse
from ringward.kmod.directive import Problem
from ringward.kmod.lint import files
from ringward.kmod.lint.finding import FINDING, NOTE, Finding


def text(path: str) -> str | None:
    try:
        return read(path)
    except OSError:
        return None


def unused(folder: Path, *names: str) -> list[Finding]:
    config = load_config([str(folder / name) for name in names], cmdline="")
    return list(files.unused(config.files, text, parse))


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.mark.parametrize(
    ("kind", "line", "rule", "why"),
    [
        ("bad line", "blaclist a", "bad-line", "x; 'blacklist' was meant?"),
        ("bad line", "alias a", "bad-line", "x"),
        ("bad line", "\x1b qqq", "bad-line", "x"),
        ("bracket", "alias [ a", "bad-line", "x"),
        ("include", "include x", "include", "x"),
        ("backslash", "install a \\(", "backslash", "x"),
        ("words", "override a b c d", "bad-line", "x"),
        ("regex", "override a [ b", "bad-line", "x"),
    ],
)
def test_problems(kind: str, line: str, rule: str, why: str) -> None:
    (found,) = files.problems([Problem(kind, "/a.conf", 3, line, "x")])
    assert (found.rule, found.level, found.place, found.text, found.why) == (rule, FINDING, "/a.conf:3", line, why)
    assert found.fix


def test_what_cannot_be_read_is_no_lines_fault() -> None:
    problems = [Problem(kind, "/a.conf", 0, "", "x") for kind in ("unreadable", "too large", "broken link")]
    assert list(files.problems(problems)) == []


def test_a_hidden_file_says_what_is_lost(tmp_path: Path) -> None:
    write(tmp_path / "1/a.conf", "blacklist  x\n# mine\n")
    write(tmp_path / "2/a.conf", "# theirs\nblacklist x\n\noptions a b=1\nblacklist c\n")
    (found,) = unused(tmp_path, "1", "2")
    assert (found.rule, found.level, found.place) == ("file-shadowed", FINDING, f"{tmp_path}/2/a.conf:4")
    assert found.why == (
        f"is hidden by {tmp_path}/1/a.conf; 2 directives of it do not count, the first is 'options a b=1'"
    )
    assert found.others == (f"{tmp_path}/1/a.conf",)


def test_a_file_that_loses_nothing_is_not_told(tmp_path: Path) -> None:
    write(tmp_path / "1/a.conf", "blacklist x\nblacklist y\n")
    write(tmp_path / "2/a.conf", "blacklist y\n# comment\n")
    assert unused(tmp_path, "1", "2") == []


def test_switching_a_file_off_is_a_note(tmp_path: Path) -> None:
    write(tmp_path / "1/a.conf", "\n")
    (tmp_path / "1/b.conf").symlink_to("/dev/null")
    for name in ("a", "b"):
        write(tmp_path / f"2/{name}.conf", "blacklist x\n")
    assert [(each.level, each.fix) for each in unused(tmp_path, "1", "2")] == [(NOTE, ""), (NOTE, "")]


def test_a_link_to_nothing_hides_and_is_told_itself(tmp_path: Path) -> None:
    write(tmp_path / "2/a.conf", "blacklist x\n")
    (tmp_path / "1").mkdir()
    (tmp_path / "1/a.conf").symlink_to("nothing")
    found = unused(tmp_path, "1", "2")
    assert {(each.rule, each.level, Path(each.path).parent.name) for each in found} == {
        ("file-ignored", FINDING, "1"),
        ("file-shadowed", FINDING, "2"),
    }


def test_files_of_other_names_are_told_if_something_is_in_them(tmp_path: Path) -> None:
    write(tmp_path / "d/blacklist", "blacklist x\nblacklist y\n")
    write(tmp_path / "d/a.conf.bak", "blacklist x\n")
    write(tmp_path / "d/.hidden.conf", "blacklist x\n")
    write(tmp_path / "d/README", "This directory is for configuration.\n")
    write(tmp_path / "d/sub.conf/a.conf", "blacklist x\n")
    found = {Path(each.path).name: (each.level, each.why) for each in unused(tmp_path, "d")}
    assert found == {
        "blacklist": (FINDING, "is not read: its name does not end in .conf; it has 2 directives"),
        "a.conf.bak": (NOTE, "is not read: its name does not end in .conf; it has 1 directive"),
        ".hidden.conf": (NOTE, "is not read: its name starts with a dot; it has 1 directive"),
        "sub.conf": (FINDING, "is not read: it is a directory; directories inside are not read"),
    }
