from __future__ import annotations

import pytest

from ringward.kmod.blocked.answer import Useless
from tests.kmod.blocked.lab import BlockedLab


def useless(lab: BlockedLab, name: str) -> list[Useless]:
    return lab.answer(name).useless


def whys(lab: BlockedLab, name: str) -> list[tuple[int, str]]:
    return [(each.line, each.why) for each in useless(lab, name)]


@pytest.mark.parametrize(
    ("name", "lines", "number", "why"),
    [
        ("d", ["blacklist d"], 1, "stops requests by alias; modprobe does not look at it for a load by name"),
        ("e_x", ["blacklist e-x"], 1, "stops nothing, as no alias leads to it; modprobe does not look at it for a"),
        ("b", ["blacklist b"], 1, "stops requests by alias; modprobe does not look at it for a load by name or as a"),
        ("d", ["blacklist fs-d"], 1, "'fs_d' is an alias; blacklist takes names of modules"),
        ("d", ["blacklist d*"], 1, "blacklist takes no patterns"),
        ("d", ["blacklist d.ko"], 1, "'d.ko' is no name of a module; d is meant"),
        ("d", ["install d my-program"], 1, "'my-program' is run instead, and what that does cannot be told"),
        ("d", ["install d /sbin/modprobe -i d"], 1, "'/sbin/modprobe -i d' is run instead, and loads it"),
        ("d", ["softdep d pre: a", "install d /bin/false"], 2, "is not run: the module has a softdep (/conf/a.conf:1)"),
        ("d", ["install d my-program", "install d /bin/false"], 2, "/conf/a.conf:1 comes first, and only the first"),
        ("d", ["alias d off"], 1, "turns the name away, not a load by alias"),
        ("b", ["alias b off"], 1, "turns the name away, not a load by alias or as a dependency"),
        ("d", ["install d"], 1, "has no meaning: "),
        ("d", ["blocklist d"], 1, "has no meaning: "),
    ],
)
def test_what_does_not_stop_it(lab: BlockedLab, name: str, lines: list[str], number: int, why: str) -> None:
    lab.configure(*lines)
    found = [text for line, text in whys(lab, name) if line == number]
    assert len(found) == 1
    assert found[0].startswith(why)


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        ("d", ["install d /bin/false", "install d /bin/true", "blacklist d.ko"]),
        ("b", ["blacklist c", "blacklist a", "install c /bin/false", "alias other a", "alias b b"]),
        ("d", ["options d x=1", "remove d /bin/false", "softdep e-x pre: a"]),
    ],
)
def test_what_is_not_told(lab: BlockedLab, name: str, lines: list[str]) -> None:
    lab.configure(*lines)
    assert whys(lab, name) == []


def test_a_name_that_is_misspelt(lab: BlockedLab) -> None:
    lab.build({"usb_storage": [], "usb_storags": []}, aliases=())
    lab.configure("blacklist usb-storge", "install usb_storag /bin/false", "blacklist usb_storags", "blacklist uas")
    assert whys(lab, "usb_storage") == [
        (1, "there is no module 'usb_storge'; usb_storage is meant?"),
        (2, "there is no module 'usb_storag'; usb_storage is meant?"),
    ]


def test_files_that_are_not_read(lab: BlockedLab) -> None:
    (lab.conf / "no").write_text("install d /bin/false\nblacklist b\n")
    (lab.conf / ".hidden.conf").write_text("blacklist fs-d\nblacklist d\nalias x d\n")
    (lab.conf / "yes.conf").write_text("blacklist d\n")
    found = useless(lab, "d")
    assert [(each.place, each.text, each.why) for each in found[1:]] == [
        ("/conf/.hidden.conf:1", "blacklist fs-d", "the file is not read: its name starts with a dot"),
        ("/conf/.hidden.conf:2", "blacklist d", "the file is not read: its name starts with a dot"),
        ("/conf/no:1", "install d /bin/false", "the file is not read: its name does not end in .conf"),
    ]


@pytest.mark.parametrize(
    ("cmdline", "words"),
    [
        ("modprobe.blacklist=e-x", [("e-x", "'e-x' is compared as it stands; the module's name is e_x")]),
        ("module_blacklist=e-x", [("module_blacklist=e-x", "the kernel compares 'e-x' as it stands")]),
        (
            "module_blacklist=e_x module_blacklist=d",
            [("module_blacklist=e_x", "the kernel takes the last list alone, 'module_blacklist=d'")],
        ),
        ("rd.driver.blacklist=e_x", [("rd.driver.blacklist=e_x", "counts in dracut's initramfs only")]),
        ("modprobe.blacklist=d quiet", []),
        ("module_blacklist=d,e_x", []),
    ],
)
def test_the_kernel_command_line(lab: BlockedLab, cmdline: str, words: list[tuple[str, str]]) -> None:
    lab.write("proc/cmdline", cmdline + "\n")
    found = useless(lab, "e-x")
    assert [(each.line, each.path) for each in found] == [(0, "/proc/cmdline")] * len(words)
    assert [(each.text.rpartition("modprobe.blacklist=")[2], each.why) for each in found] == words


def test_nothing_keeps_a_part_of_the_kernel_out(lab: BlockedLab) -> None:
    lab.configure("blacklist own", "install own /bin/false", "blacklist d")
    assert whys(lab, "own") == [
        (1, "it is a part of the kernel: nothing is loaded"),
        (2, "it is a part of the kernel: nothing is loaded"),
    ]
