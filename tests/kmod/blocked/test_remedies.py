"""What closes is tried: with its lines written where they belong the answer is another one."""

from __future__ import annotations

import pytest

from ringward.kmod.blocked import Answer
from ringward.kmod.blocked.answer import BLOCKED, CLOSED, KERNEL, MODPROBE
from tests.kmod.blocked.lab import BlockedLab


def close(lab: BlockedLab, answer: Answer, *, kernel: bool = False) -> None:
    """Write the lines of the remedies."""
    for each in answer.remedies:
        if each.where == "/proc/cmdline":
            if kernel:
                lab.write("proc/cmdline", f"{lab.facts['proc/cmdline'].strip()} {each.lines[0]}\n")
            continue
        path, colon, number = each.where.rpartition(":")
        if colon:
            file = lab.root / path.lstrip("/")
            lines = file.read_text().splitlines()
            lines[int(number) - 1 : int(number)] = each.lines
        else:
            file = lab.root / each.where.lstrip("/")
            lines = each.lines
        file.write_text("".join(f"{line}\n" for line in lines))


CONFIGURATIONS = [
    [],
    ["blacklist d"],
    ["install d my-program"],
    ["install d /sbin/modprobe -i d"],
    ["softdep d pre: a"],
    ["install d /bin/false", "softdep d post: a"],
    ["install x /sbin/modprobe d"],
    ["install x /sbin/modprobe -i d"],
    ["install x /sbin/modprobe -i d", "install d /bin/false"],
    ["remove x insmod /d.ko", "softdep a pre: d"],
    ["alias d off"],
    ["alias mine d", "softdep e-x pre: mine"],
    ["install [d]* my-program", "softdep * pre: a"],
]


@pytest.mark.parametrize("file", ["a.conf", "block-d.conf", "00-first.conf", "z.conf", " .conf"])
@pytest.mark.parametrize("lines", CONFIGURATIONS, ids=lambda lines: "; ".join(lines) or "nothing")
def test_its_lines_close_what_they_say(lab: BlockedLab, lines: list[str], file: str) -> None:
    lab.configure(*lines, file=file)
    (lab.directory / "modules.softdep").write_text("softdep d pre: e_x\n")
    before = lab.answer("d")
    assert before.word != BLOCKED
    close(lab, before)
    after = lab.answer("d")
    assert (after.word, after.by) == (BLOCKED, MODPROBE)
    assert [each.where for each in after.remedies] == ["/proc/cmdline"]
    close(lab, after, kernel=True)
    last = lab.answer("d")
    assert (last.word, last.by) == (BLOCKED, KERNEL)
    assert {way.result for way in last.ways} == {CLOSED}
    assert last.remedies == []


def test_the_file_is_read_before_what_would_undo_it(lab: BlockedLab) -> None:
    names = []
    for file in ("z.conf", "aa.conf", "00-a.conf"):
        lab.configure("install d my-program", file=file)
        names.append(lab.answer("d").remedies[0].where)
        (lab.conf / file).unlink()
    assert names == ["/conf/block-d.conf", "/conf/00-block-d.conf", "/conf/!-block-d.conf"]


def test_the_file_hides_none_of_its_name(lab: BlockedLab) -> None:
    lab.configure("blacklist x", file="block-d.conf")
    assert lab.answer("d").remedies[0].where == "/conf/block-d-2.conf"


def test_a_softdep_is_emptied_only_where_there_is_one(lab: BlockedLab) -> None:
    assert lab.answer("d").remedies[0].lines == ["install d /bin/false"]
    lab.configure("softdep d pre: nothing-here")
    assert lab.answer("d").remedies[0].lines == ["install d /bin/false"]
    lab.configure("softdep d pre: a")
    assert lab.answer("d").remedies[0].lines == ["install d /bin/false", "softdep d pre:"]


def test_the_price(lab: BlockedLab) -> None:
    assert lab.answer("a").remedies[0].price == "these need it and fail, too: b, c"
    assert lab.answer("d").remedies[0].price == ""
    lab.build({"a": [], **{f"u{number}": ["a"] for number in range(9)}}, aliases=())
    assert lab.answer("a").remedies[0].price.endswith("u0, u1, u2, u3, u4 and 4 more")


def test_lists_of_the_kernel_command_line_become_one(lab: BlockedLab) -> None:
    lab.write("proc/cmdline", "module_blacklist=x module_blacklist=y,z\n")
    assert lab.answer("d").remedies[-1].lines == ["module_blacklist=y,z,d"]
