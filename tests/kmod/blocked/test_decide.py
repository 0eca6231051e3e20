from __future__ import annotations

import os

import pytest

from ringward.kmod.blocked.answer import (
    ABSENT,
    AS_DEPENDENCY,
    BLOCKED,
    BUILT_IN,
    BY_ALIAS,
    BY_COMMAND,
    BY_FILE,
    BY_NAME,
    BY_SOFTDEP,
    CLOSED,
    COULD_NOT_LOOK,
    IGNORING,
    KERNEL,
    KINDS,
    LOADED,
    MODPROBE,
    OPEN,
    UNKNOWN,
)
from ringward.kmod.blocked.decide import ASSUMED, Decider
from ringward.kmod.blocked.trial import NothingLoaded
from ringward.kmod.errors import KmodError
from ringward.kmod.kernel import Kernel
from ringward.kmod.tree import Tree
from tests.kmod.blocked.lab import BlockedLab, results, ways
from tests.kmod.lab import VERSION, Loaded
from tests.kmod.plan_lab import module


@pytest.mark.parametrize(
    ("lines", "word", "by", "opened"),
    [
        ([], OPEN, "", [BY_NAME, BY_ALIAS, AS_DEPENDENCY, IGNORING, BY_FILE]),
        (["blacklist b"], OPEN, "", [BY_NAME, AS_DEPENDENCY, IGNORING, BY_FILE]),
        (["install b /bin/false"], BLOCKED, MODPROBE, [IGNORING, BY_FILE]),
        (["install b /bin/false", "softdep b pre: d"], OPEN, "", [BY_NAME, BY_ALIAS, AS_DEPENDENCY, IGNORING, BY_FILE]),
        (["install a /bin/false"], BLOCKED, MODPROBE, [BY_FILE]),
        (["alias b off", "blacklist b"], OPEN, "", [AS_DEPENDENCY, BY_FILE]),
        (["install b /bin/false", "install x modprobe -i b"], OPEN, "", [BY_COMMAND, IGNORING, BY_FILE]),
        (["install b x", "blacklist b"], UNKNOWN, "", [IGNORING, BY_FILE]),
    ],
)
def test_the_word_and_the_ways(lab: BlockedLab, lines: list[str], word: str, by: str, opened: list[str]) -> None:
    lab.configure(*lines)
    answer = lab.answer("b")
    assert (answer.word, answer.by) == (word, by)
    found = results(answer)
    assert list(found) == [kind for kind in KINDS if kind in found]
    assert set(found) == set(KINDS)
    assert [kind for kind, result in found.items() if result == OPEN] == opened


def test_a_softdep_is_a_way_of_its_own(lab: BlockedLab) -> None:
    lab.configure("install e-x /bin/true", "softdep a post: fs-d", "alias d off", "blacklist d")
    answer = lab.answer("d")
    assert answer.why == "modprobe loads it by a softdep; anyone: socket(2), for net_pf_5 of b"
    assert results(answer)[BY_SOFTDEP] == OPEN


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        ([], "modprobe loads it by name, by alias, as a dependency; anyone: socket(2)"),
        (
            ["blacklist b", "install c /bin/x"],
            "modprobe loads it by name, as a dependency; as far as is known only root",
        ),
        (
            ["install b /bin/false"],
            "no name, alias or dependency gets it in; root still can: modprobe -i b, insmod /lib",
        ),
    ],
)
def test_the_sentence(lab: BlockedLab, lines: list[str], why: str) -> None:
    lab.configure(*lines)
    assert lab.answer("b").why.startswith(why)


def test_the_kernel_refuses_by_every_way(lab: BlockedLab) -> None:
    lab.write("proc/cmdline", "module_blacklist=b\n")
    answer = lab.answer("b")
    assert (answer.word, answer.by, {way.result for way in answer.ways}) == (BLOCKED, KERNEL, {CLOSED})
    assert answer.why.startswith("the kernel refuses it: loading: 'module_blacklist=b'")
    lab.write("proc/cmdline", "")
    lab.write("proc/sys/kernel/modules_disabled", "1\n")
    assert (lab.answer("d").word, lab.answer("d").by) == (BLOCKED, KERNEL)


def test_what_only_force_loads_is_closed_but_for_root(lab: BlockedLab) -> None:
    lab.files(d=module("d", magic="2.0 SMP mod_unload modversions ", versions=False))
    answer = lab.answer("d")
    assert (answer.word, answer.by) == (BLOCKED, MODPROBE)
    assert answer.why.startswith("no name, alias or dependency gets it in; root still can: insmod --force ")


def test_where_the_kernel_calls_nobody_it_is_root_that_asks(lab: BlockedLab) -> None:
    lab.write("proc/sys/kernel/modprobe", "/bin/true\n")
    answer = lab.answer("d")
    assert {who for way in answer.ways for who in way.who} == {"root"}
    assert answer.word == OPEN


def test_a_part_of_the_kernel(lab: BlockedLab) -> None:
    lab.configure("install own /bin/false")
    answer = lab.answer("own")
    assert (answer.word, answer.ways, answer.remedies[0].lines) == (BUILT_IN, [], [])
    assert [each.line for each in answer.useless] == [1]
    (lab.root / "sys/module/other").mkdir(parents=True)
    assert lab.answer("other").word == BUILT_IN  # no initstate


def test_what_is_loaded(lab: BlockedLab) -> None:
    lab.configure("install b /bin/false")
    lab.load({"a": Loaded(("b",)), "b": Loaded(), "foreign": Loaded()})
    answer = lab.answer("b")
    assert (answer.word, answer.why) == (LOADED, "it is in the kernel (live)")
    assert results(answer)[BY_NAME] == CLOSED  # once it is unloaded
    assert answer.remedies[0].lines == ["modprobe -r b"]
    assert (lab.answer("a").word, results(lab.answer("a"))[BY_NAME]) == (LOADED, OPEN)
    answer = lab.answer("foreign")
    assert (answer.word, answer.remedies[0].lines) == (LOADED, ["rmmod foreign"])


def test_a_dependency_that_is_loaded_cannot_be_refused_any_more(lab: BlockedLab) -> None:
    lab.configure("install a /bin/false")
    assert lab.answer("b").word == BLOCKED
    lab.load({"a": Loaded()})
    assert lab.answer("b").word == OPEN


def test_what_is_not_there(lab: BlockedLab) -> None:
    answer = lab.answer("usb-storage")
    assert (answer.module, answer.word, answer.why) == (
        "usb_storage",
        ABSENT,
        f"there is none in /lib/modules/{VERSION}",
    )
    lab.build({"usb-storage": []}, aliases=())
    assert lab.answer("usb_storge").why.endswith("; usb_storage was meant?")
    lab.build(missing=["d"])
    answer = lab.answer("d")
    assert (answer.word, answer.why) == (
        ABSENT,
        f"modules.dep names /lib/modules/{VERSION}/kernel/d.ko, which does not exist",
    )
    assert lab.answer("a[").word == ABSENT


def test_without_a_list_of_what_is_built_in_nobody_knows(lab: BlockedLab) -> None:
    (lab.directory / "modules.builtin.bin").unlink()
    answer = lab.answer("ext4")
    assert answer.word == UNKNOWN
    assert "modules.builtin.bin: not there" in answer.unseen[0]


def test_a_configuration_that_cannot_be_read(lab: BlockedLab) -> None:
    (lab.conf / "b.conf").mkdir()
    assert lab.answer("d").word == OPEN  # modprobe does not read it either
    os.mkfifo(lab.conf / "c.conf")
    assert lab.answer("d").word == OPEN
    (lab.conf / "d.conf").write_text("x" * (5 << 20))
    answer = lab.answer("d")
    assert answer.word == UNKNOWN
    assert answer.unseen[0].startswith("/conf/d.conf: cannot be read")


def test_a_file_that_cannot_be_read(lab: BlockedLab) -> None:
    (lab.directory / "kernel/d.ko").write_bytes(b"")
    answer = lab.answer("d")
    assert ways(answer, BY_FILE)[0].result == COULD_NOT_LOOK
    assert (answer.word, len(answer.unseen)) == (OPEN, 1)


def test_what_a_name_means(lab: BlockedLab) -> None:
    lab.configure("alias two a", "alias two d", "install cmd /bin/true", "alias d off", "install fs-d /bin/true")
    decider = lab.decider()
    assert decider.meant("d") == ["d"]  # the module, though its name means another
    assert decider.meant("e-x") == decider.meant("e-x.ko.xz") == decider.meant("/some/e-x.ko") == ["e_x"]
    assert decider.meant("net-pf-5") == ["b"]
    assert decider.meant("two") == ["a", "d"]
    assert decider.meant("fs-d") == ["d"]  # behind the command
    assert decider.meant("cmd") == ["cmd"]
    assert decider.meant("symbol:of_a") == ["a"]
    assert decider.meant("bus:own") == ["own"]
    assert decider.meant("./e-x.ko") == ["e_x"]
    assert [answer.asked for answer in decider.answers("two")] == ["two", "two"]


def test_what_is_taken_for_granted(lab: BlockedLab) -> None:
    assert lab.decider().assumed() == list(ASSUMED)
    lab.write("proc/cmdline", None)
    (lab.root / "proc/cmdline").unlink()
    assert "the kernel command line says nothing of it" in lab.decider().assumed()[-1]
    tree = Tree(str(lab.root), VERSION)
    decider = lab.decider()
    other = Decider(decider.resolver, Kernel(tree, running=False), NothingLoaded(), decider.read, "/conf")
    assert "nothing is loaded, and the kernel accepts the module" in other.assumed()[len(ASSUMED)]
    assert "the kernel calls modprobe for what it asks for" in other.assumed()[-1]


def test_a_damaged_index_is_no_answer(lab: BlockedLab) -> None:
    (lab.directory / "modules.alias.bin").write_bytes(b"damaged")
    with pytest.raises(KmodError):
        lab.answer("d")
