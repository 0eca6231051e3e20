from __future__ import annotations

from ringward.kmod.blocked.answer import CLOSED, COULD_NOT_LOOK, OPEN
from ringward.kmod.blocked.by_name import by_name, ignoring_commands, reached
from ringward.kmod.triggers import ANYONE, ROOT
from tests.kmod.blocked.lab import BlockedLab


def test_root_asks(lab: BlockedLab) -> None:
    way = by_name(lab.trial("d"), kernel_asks=True)
    assert (way.result, way.names, way.who, way.what, way.command) == (OPEN, ["d"], [ROOT], "", "modprobe d")


def test_the_kernel_asks_for_some_by_name(lab: BlockedLab) -> None:
    lab.build({"bridge": []}, aliases=())
    lab.configure("blacklist bridge")
    way = by_name(lab.trial("bridge"), kernel_asks=True)
    assert (way.result, way.who, way.what) == (OPEN, [ANYONE, ROOT], "ioctl(2) SIOCGIFBR of a socket")
    assert by_name(lab.trial("bridge"), kernel_asks=False).who == [ROOT]


def test_the_name_of_another(lab: BlockedLab) -> None:
    lab.configure("alias d a", "alias c off")
    way = by_name(lab.trial("d"), kernel_asks=True)
    assert (way.result, way.why, way.directives[0].line) == (CLOSED, "the name means a", 1)
    assert by_name(lab.trial("c"), kernel_asks=True).why == "the name means off"


def test_of_several_meanings_the_most_open_one_counts(lab: BlockedLab) -> None:
    lab.configure("alias both d", "alias b* d", "install d my-program")
    found = reached(lab.trial("d"), "both")
    assert found is not None
    assert found.result == COULD_NOT_LOOK
    assert reached(lab.trial("d"), "nothing") is None


def test_another_that_the_name_means_pulls_it_in(lab: BlockedLab) -> None:
    lab.configure("alias a b", "blacklist b", "alias d e-x", "alias two a", "alias two b", "blacklist a")
    # By any alias a blacklisted module is left out, and what it needs with it.
    assert by_name(lab.trial("a"), kernel_asks=True).result == CLOSED
    lab.configure("alias a b", "alias two a", "alias two b", "blacklist a")
    way = by_name(lab.trial("a"), kernel_asks=True)
    assert (way.result, way.why, way.directives[0].line) == (OPEN, "the name means b, which pulls it in", 1)
    found = reached(lab.trial("a"), "two")
    assert found is not None
    assert (found.result, found.directives[0].line) == (OPEN, 3)


def test_without_its_command(lab: BlockedLab) -> None:
    lab.configure("install d /bin/false", "install a /bin/false", "alias c a")
    way = ignoring_commands(lab.trial("d"))
    assert (way.result, way.who, way.command) == (OPEN, [ROOT], "modprobe -i d")
    # Commands of what it needs are run all the same.
    assert ignoring_commands(lab.trial("b")).result == CLOSED
    assert ignoring_commands(lab.trial("c")).why == "the name does not mean it"
