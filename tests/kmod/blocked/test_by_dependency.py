from __future__ import annotations

from ringward.kmod.blocked.answer import AS_DEPENDENCY, BY_SOFTDEP, CLOSED, OPEN, Way
from ringward.kmod.blocked.by_alias import Aliases
from ringward.kmod.blocked.by_dependency import Requests, by_dependency, pulling
from ringward.kmod.reverse import Reverse
from ringward.kmod.triggers import ANYONE, DEVICE, NODE, ROOT
from tests.kmod.blocked.lab import ALIASES, BlockedLab
from tests.kmod.lab import Loaded


def requests(lab: BlockedLab, name: str, *, kernel_asks: bool = True) -> Requests:
    return Requests(lab.trial(name), Aliases(lab.tree(), lab.config()), kernel_asks=kernel_asks)


def found(lab: BlockedLab, name: str) -> list[Way]:
    return by_dependency(lab.trial(name), Reverse(lab.tree(), lab.config()), requests(lab, name))


def short(ways: list[Way]) -> list[tuple[str, str, list[str], str]]:
    return [(way.kind, way.result, way.names, way.why) for way in ways]


NO_DEPENDENT = (AS_DEPENDENCY, CLOSED, [], "no module needs it")
NO_SOFTDEP = (BY_SOFTDEP, CLOSED, [], "no softdep that counts names it")


def test_who_needs_it(lab: BlockedLab) -> None:
    assert short(found(lab, "a")) == [(AS_DEPENDENCY, OPEN, ["b", "c"], ""), NO_SOFTDEP]
    assert short(found(lab, "d")) == [NO_DEPENDENT, NO_SOFTDEP]


def test_who_names_it_in_a_softdep(lab: BlockedLab) -> None:
    lab.configure("softdep a pre: fs-d", "blacklist d", "weakdep e-x d")
    # b and c need a, whose softdep it is.
    ways = found(lab, "d")
    assert short(ways) == [(BY_SOFTDEP, OPEN, ["a", "b", "c"], ""), NO_DEPENDENT]
    assert [line.text for line in ways[0].directives] == ["softdep a pre: fs-d"]


def test_those_who_ask_are_those_who_ask_for_the_others(lab: BlockedLab) -> None:
    (way, _) = found(lab, "a")
    assert way.who == [ANYONE, DEVICE, ROOT]
    assert way.what == "socket(2), for net_pf_5 of b"
    lab.configure("blacklist b")
    (way, _) = found(lab, "a")
    assert (way.result, way.who) == (OPEN, [ROOT])


def test_what_closes_it(lab: BlockedLab) -> None:
    lab.configure("install a /bin/false")
    assert short(found(lab, "a"))[0] == (AS_DEPENDENCY, CLOSED, ["b", "c"], "'/bin/false' is run instead")


def test_the_command_of_who_needs_it_comes_too_late(lab: BlockedLab) -> None:
    lab.configure("install b /bin/false", "install c /bin/false")
    assert short(found(lab, "a"))[0] == (AS_DEPENDENCY, OPEN, ["b", "c"], "")


def test_who_cannot_be_asked_for_pulls_nothing_in(lab: BlockedLab) -> None:
    lab.configure("alias b off", "alias net-pf-5 off", "alias pci:* off", "alias c off")
    assert short(found(lab, "a")) == [NO_DEPENDENT, NO_SOFTDEP]
    lab.configure("alias b off", "alias c off")
    (way, _) = found(lab, "a")
    assert (way.names, way.who, way.command) == (["b"], [ANYONE, DEVICE], "modprobe net_pf_5")


def test_who_is_loaded_already_may_be_loaded_again(lab: BlockedLab) -> None:
    lab.configure("softdep b pre: d")
    lab.load({"a": Loaded(), "b": Loaded()})
    assert short(found(lab, "d"))[0] == (BY_SOFTDEP, OPEN, ["b", "c"], "")


def test_who_asks_for_one(lab: BlockedLab) -> None:
    lab.build({"bridge": [], "d": []}, aliases=ALIASES)
    assert requests(lab, "d").of("d").who == {
        ROOT: "",
        "user namespace": "mount(2), fsopen(2), for fs_d of d",
        NODE: "open(2) of a node in /dev, for char_major_9_* of d",
    }
    assert requests(lab, "d").of("bridge").who == {ANYONE: "ioctl(2) SIOCGIFBR of a socket, for bridge", ROOT: ""}
    assert requests(lab, "d", kernel_asks=False).of("d").who == {ROOT: ""}
    assert requests(lab, "d").of("nothing").text == ""


def test_all_who_may_pull_it_in(lab: BlockedLab) -> None:
    lab.configure("softdep d pre: c", "softdep e-x post: d", "softdep a pre: e-x")
    assert pulling(Reverse(lab.tree(), lab.config()), "c") == ["d", "e_x", "a", "b"]
