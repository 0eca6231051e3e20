from __future__ import annotations

from pathlib import Path

from ringward.kmod.lint import softdeps
from ringward.kmod.lint.finding import FINDING, NOTE
from tests.kmod.lint.subjects import make_lab, subject, told


def test_a_line_behind_another_one_has_no_effect(tmp_path: Path) -> None:
    found = subject(
        make_lab(tmp_path), "softdep fs-a pre: net", "softdep fs_a pre: sound post: crc", "softdep fs_a pre: net"
    )
    first, second = softdeps.shadowed(found)
    assert (first.rule, first.line, first.level) == ("softdep-shadowed", 2, FINDING)
    assert first.fix == "make it one line: softdep fs_a pre: net sound post: crc"
    assert first.others == (f"{first.path}:1",)
    assert (second.line, second.fix) == (3, "remove it")
    assert second.why.endswith("comes first for 'fs_a' and has the same modules")


def test_a_line_behind_the_modules_own(tmp_path: Path) -> None:
    (found,) = softdeps.shadowed(
        subject(make_lab(tmp_path, "softdep net pre: crc"), "softdep net pre: sound", file="z.conf")
    )
    assert found.place.endswith("/z.conf:1")
    assert (
        found.fix == "make it one line: softdep net pre: crc sound, in a file whose name sorts before modules.softdep"
    )
    assert found.others[0].endswith("/modules.softdep:1")


def test_a_line_that_takes_the_place_of_the_modules_own(tmp_path: Path) -> None:
    lab = make_lab(tmp_path, "softdep net pre: crc", "softdep net post: sound")
    (found,) = softdeps.shadowed(subject(lab, "softdep net pre: sound", file="a.conf"))
    assert (found.rule, found.line) == ("softdep-replaces", 1)
    assert found.fix == "softdep net pre: sound crc"
    assert found.others == (f"{lab.directory}/modules.softdep:1",)


def test_taking_a_modules_own_softdeps_away_is_no_mistake(tmp_path: Path) -> None:
    lab = make_lab(tmp_path, "softdep net pre: crc")
    assert list(softdeps.shadowed(subject(lab, "softdep net pre:", file="a.conf"))) == []
    assert list(softdeps.empty(subject(lab, "softdep net post:", file="a.conf"))) == []
    assert list(softdeps.shadowed(subject(lab, "softdep net pre: sound crc", file="a.conf"))) == []


def test_what_a_module_brings_along_in_vain_is_a_note(tmp_path: Path) -> None:
    lab = make_lab(
        tmp_path, "softdep net pre: crc", "softdep net pre: sound", "softdep net pre: crc", "softdep fs_a pre: x"
    )
    (found,) = softdeps.shadowed(subject(lab))
    assert (found.level, found.line) == (NOTE, 1)
    assert found.fix == "softdep net pre: crc sound, in a file whose name sorts before modules.softdep"
    assert [place.rpartition(":")[2] for place in found.others] == ["2"]


def test_lines_without_modules(tmp_path: Path) -> None:
    found = subject(
        make_lab(tmp_path, "softdep net crc", "softdep net sound"),
        "softdep a  pre: b",
        "softdep c d e",
        "softdep f  pre:",
    )
    findings = list(softdeps.empty(found))
    assert told(findings) == [
        ("softdep-empty", 1, "softdep a pre: b"),
        ("softdep-empty", 2, "softdep c pre: d e"),
        ("softdep-empty", 1, "softdep net pre: crc"),
    ]
    assert [each.level for each in findings] == [FINDING, FINDING, NOTE]
    assert "a second blank" in findings[0].why


def test_operands_that_nothing_answers_to(tmp_path: Path) -> None:
    lines = (
        "softdep net pre: crc nothing pci:x core post: usb_storag",
        "softdep net pre: hidden",
        "softdep fs_a pre: fs-b",
    )
    found = subject(make_lab(tmp_path, "softdep sound pre: gone"), *lines)
    findings = list(softdeps.missing_operands(found))
    assert told(findings) == [("softdep-operand", 1, "usb_storage was meant?"), ("softdep-operand", 1, "")]
    assert findings[0].why == "no module answers to nothing, usb_storag; passed over"
    assert [each.level for each in findings] == [FINDING, NOTE]
    assert list(softdeps.missing_operands(subject(make_lab(tmp_path / "2"), *lines, tree=False))) == []


def test_commands_behind_others(tmp_path: Path) -> None:
    lines = (
        "install fs* false",
        "install fs_a true",
        "install net x",
        "install net x",
        "remove net a",
        "remove n? b",
        "remove net c",
    )
    findings = list(softdeps.hidden_commands(subject(make_lab(tmp_path), *lines)))
    assert [(each.line, each.level, each.others[0].rpartition(":")[2]) for each in findings] == [
        (2, FINDING, "1"),
        (4, NOTE, "3"),
        (7, FINDING, "5"),
    ]


def test_a_command_is_dropped_because_of_a_softdep(tmp_path: Path) -> None:
    lab = make_lab(tmp_path, "softdep net pre: crc", "softdep sound pre: gone")
    lines = ("install net /bin/false", "install sound /bin/false", "install fs* /bin/false", "softdep fs_b pre: net")
    (own, users) = softdeps.dropped_commands(subject(lab, *lines, file="z.conf"))
    assert (own.rule, own.line) == ("install-softdep", 1)
    assert own.why == "is not run: 'net' has a softdep (pre: crc), and is loaded as usual"
    assert own.fix == (
        f"put 'softdep net pre:' where it is read before {lab.directory}/modules.softdep:1: the first such line counts"
    )
    assert (users.line, users.others) == (3, (f"{lab.conf}/z.conf:4",))


def test_without_a_tree_a_dropped_command_is_said_to_be_likely(tmp_path: Path) -> None:
    (found,) = softdeps.dropped_commands(
        subject(make_lab(tmp_path), "install net false", "softdep net pre: crc", tree=False)
    )
    assert found.why.endswith("if one of these modules exists")


def test_a_command_of_a_name_that_is_nothing_else_is_not_hidden(tmp_path: Path) -> None:
    """modprobe finds such a name by this line, and takes it before patterns that come earlier."""
    lines = ("install * /bin/false", "install net /bin/true", "install other /bin/true", "remove * x", "remove other y")
    found = softdeps.hidden_commands(subject(make_lab(tmp_path), *lines))
    assert [each.line for each in found] == [2, 5]
