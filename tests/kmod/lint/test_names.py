from __future__ import annotations

from pathlib import Path

import pytest

from ringward.kmod.lint import names
from ringward.kmod.lint.finding import NOTE
from tests.kmod.lint.subjects import make_lab, subject, told


@pytest.mark.parametrize(
    ("line", "rule", "fix"),
    [
        ("blacklist nothing", "no-such-module", ""),
        ("blacklist usb-storag", "no-such-module", "usb_storage was meant?"),
        ("options nothing a=b", "no-such-module", ""),
        ("softdep nothing pre: net", "no-such-module", ""),
        ("softdep no* pre: net", "no-such-module", ""),
        ("install nothing /bin/false", "no-such-module", ""),
        ("install usb-storag :", "no-such-module", "usb_storage was meant?"),
        ("alias a nothing", "no-such-module", ""),
        ("alias a-b off", "no-such-module", "install a_b /bin/false"),
        ("alias a pci:7", "alias-of-alias", "alias a net"),
        ("alias net sound", "alias-hides-module", ""),
        ("alias n* sound", "alias-hides-module", ""),
        ("blacklist net-pf-9", "blacklist-alias", "blacklist net"),
        ("blacklist core", "builtin", "initcall_blacklist= on the kernel command line stops built in code"),
        ("install core /bin/false", "builtin", "initcall_blacklist= on the kernel command line stops built in code"),
        ("options core a=b", "builtin", "put core.a=b on the kernel command line"),
        ("softdep core pre: net", "builtin", ""),
    ],
)
def test_unknown(tmp_path: Path, line: str, rule: str, fix: str) -> None:
    assert told(names.unknown(subject(make_lab(tmp_path), line))) == [(rule, 1, fix)]


@pytest.mark.parametrize(
    "lines",
    [
        ["blacklist fs-a", "options fs_a x=1", "softdep fs* pre: net", "install usb_storage true", "alias a fs-b"],
        ["install nothing echo hello"],
        ["install net-pf-9 /bin/false"],
        ["options net-pf-9 x=1"],
        ["alias x net", "options x y=1"],
        ["alias a core", "alias net net"],
        ["alias x y", "install y true", "options y z=1", "blacklist y", "softdep y pre: net"],
        ["softdep net pre: virtual", "install virtual /bin/true"],
        ["softdep net pre: core", "softdep core pre: crc"],
        ["weakdep nothing net", "remove nothing echo"],
    ],
)
def test_what_has_an_effect(tmp_path: Path, lines: list[str]) -> None:
    assert told(names.unknown(subject(make_lab(tmp_path), *lines))) == []


def test_without_a_tree_nothing_is_unknown(tmp_path: Path) -> None:
    assert told(names.unknown(subject(make_lab(tmp_path), "blacklist nothing", tree=False))) == []


def test_the_modules_own_lines_are_not_blamed(tmp_path: Path) -> None:
    assert told(names.unknown(subject(make_lab(tmp_path, "softdep nothing pre: net")))) == []


def test_hiding_a_module_is_a_note(tmp_path: Path) -> None:
    (found,) = names.unknown(subject(make_lab(tmp_path), "alias fs* net"))
    assert found.level == NOTE
    assert found.why.startswith("'fs_a, fs_b' cannot be loaded by name any more")


def test_spelling(tmp_path: Path) -> None:
    lines = (
        "blacklist a*",
        "options [ab] c=d",
        "blacklist net.ko",
        "options net.ko.xz a=b",
        "blacklist x\r",
        "alias a* net",
    )
    assert told(names.spelling(subject(make_lab(tmp_path), *lines))) == [
        ("not-a-pattern", 1, ""),
        ("not-a-pattern", 2, ""),
        ("no-such-module", 3, "blacklist net"),
        ("no-such-module", 4, "options net"),
        ("carriage-return", 5, "save the file with Unix line ends"),
    ]


def test_repeated_parameters(tmp_path: Path) -> None:
    lines = ("options net a=1 b=1", "options net b=1 c", "options net a=2 c", "options sound a=3")
    (found,) = names.repeated(subject(make_lab(tmp_path), *lines))
    assert (found.rule, found.line, found.level) == ("options-repeated", 3, NOTE)
    assert found.why == "'net' gets 'a' a second time, as 2 instead of 1; most take the last"
    assert [place.rpartition(":")[2] for place in found.others] == ["1"]
