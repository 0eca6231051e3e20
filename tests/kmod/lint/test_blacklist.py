from __future__ import annotations

from pathlib import Path

from ringward.kmod.lint import blacklist
from tests.kmod.lint.subjects import make_lab, subject, told


def test_a_dependency_is_loaded_all_the_same(tmp_path: Path) -> None:
    (found,) = blacklist.pulled_in(subject(make_lab(tmp_path), "blacklist crc", "blacklist net", "blacklist crc"))
    assert (found.rule, found.line) == ("blacklist-dependency", 1)
    assert found.why == (
        "'crc' is loaded all the same as a dependency of fs_a, fs_b: only the module asked for is looked up"
    )
    assert found.fix == "install crc /bin/false; fs_a, fs_b then cannot be loaded either"


def test_so_is_what_a_softdep_wants(tmp_path: Path) -> None:
    lab = make_lab(tmp_path, "softdep sound pre: pci:x")
    (found,) = blacklist.pulled_in(subject(lab, "blacklist net"))
    assert "by the softdep of sound" in found.why
    assert found.fix == "install net /bin/false"
    assert found.others == (f"{lab.directory}/modules.softdep:1",)


def test_who_is_blacklisted_too_pulls_nothing_in(tmp_path: Path) -> None:
    lab = make_lab(tmp_path)
    assert list(blacklist.pulled_in(subject(lab, "blacklist crc", "blacklist fs-a", "blacklist fs_b"))) == []


def test_unless_it_is_pulled_in_itself(tmp_path: Path) -> None:
    lines = ("blacklist crc", "blacklist fs_a", "blacklist fs_b", "softdep sound pre: fs_b")
    found = list(blacklist.pulled_in(subject(make_lab(tmp_path), *lines)))
    assert [(each.line, each.why.partition(":")[0]) for each in found] == [
        (1, "'crc' is loaded all the same as a dependency of fs_b"),
        (3, "'fs_b' is loaded all the same by the softdep of sound"),
    ]


def test_an_install_line_stops_it_unless_it_is_dropped(tmp_path: Path) -> None:
    lab = make_lab(tmp_path)
    lines = ("blacklist crc", "install crc /bin/false")
    assert list(blacklist.pulled_in(subject(lab, *lines))) == []
    assert [each.line for each in blacklist.pulled_in(subject(lab, *lines, "softdep crc pre: net"))] == [1]


def test_without_a_tree_nothing_is_told(tmp_path: Path) -> None:
    assert told(blacklist.pulled_in(subject(make_lab(tmp_path), "blacklist crc", tree=False))) == []
