from __future__ import annotations

import pytest

from ringward.kmod.blocked.answer import CLOSED, COULD_NOT_LOOK, OPEN
from ringward.kmod.blocked.trial import NothingLoaded, Outcome, Without
from ringward.kmod.lookup import Hit
from tests.kmod.blocked.lab import BlockedLab
from tests.kmod.elf_builder import GLOBAL, WEAK, Module
from tests.kmod.lab import Loaded
from tests.kmod.plan_lab import module


def outcome(lab: BlockedLab, name: str, target: str = "", *, alias: str | None = None) -> Outcome:
    return lab.trial(target or name).hit(Hit(name, alias))


@pytest.mark.parametrize(
    ("lines", "result", "why"),
    [
        ([], OPEN, ""),
        (["install b /bin/false"], CLOSED, "'/bin/false' is run instead"),
        (["install b /sbin/modprobe -i b"], OPEN, "'/sbin/modprobe -i b' is run instead, and loads it"),
        (["install b /sbin/modprobe b"], COULD_NOT_LOOK, "'/sbin/modprobe b' is run instead, and what that does"),
        (["install b my-program"], COULD_NOT_LOOK, "'my-program' is run instead, and what that does cannot be told"),
        (["install a /bin/false"], CLOSED, "a is loaded before it, and fails: '/bin/false' is run instead"),
        (["install a /bin/true"], CLOSED, "it needs a, which is not loaded: '/bin/true' is run instead"),
        (["install a my-program"], OPEN, ""),
        (["install b /bin/false", "softdep b pre: d"], OPEN, ""),
        (["install d /bin/false", "softdep b pre: d"], OPEN, ""),
        (["blacklist a", "blacklist b"], OPEN, ""),
    ],
)
def test_what_comes_of_a_name(lab: BlockedLab, lines: list[str], result: str, why: str) -> None:
    lab.configure(*lines)
    found = outcome(lab, "b")
    assert found.result == result
    assert found.why.startswith(why)
    assert bool(found.why) == bool(why)


def test_a_blacklist_counts_for_aliases(lab: BlockedLab) -> None:
    lab.configure("blacklist b")
    found = outcome(lab, "b", alias="net_pf_5")
    assert (found.result, found.why, found.directives[0].line) == (CLOSED, "blacklisted", 1)


def test_what_is_loaded_already_needs_no_loading(lab: BlockedLab) -> None:
    lab.configure("install a /bin/false")
    lab.load({"a": Loaded(), "b": Loaded()})
    assert outcome(lab, "b").result == OPEN  # as if it were not loaded itself
    assert lab.trial("b").hit(Hit("c")).result == OPEN


def test_a_module_is_pulled_in_before_the_command_of_who_needs_it(lab: BlockedLab) -> None:
    lab.configure("install b /bin/false")
    assert outcome(lab, "b", "a").result == OPEN


def test_who_fails_before_it(lab: BlockedLab) -> None:
    lab.build({"a": [], "d": [], "c": ["d", "a"]}, aliases=())
    lab.configure("install a /bin/false")
    assert outcome(lab, "c", "d").why == "a is loaded before it, and fails: '/bin/false' is run instead"
    lab.configure("install a /bin/true")
    assert outcome(lab, "c", "d").result == OPEN  # the chain goes on


def test_the_kernel_refuses_another_module(lab: BlockedLab) -> None:
    lab.write("proc/cmdline", "module_blacklist=a\n")
    found = outcome(lab, "b")
    assert found.result == CLOSED
    assert found.why.startswith("a is loaded before it, and fails: 'module_blacklist=a'")


def test_a_dependency_without_file_takes_all_of_them_along(lab: BlockedLab) -> None:
    lab.build(missing=["a"])
    assert outcome(lab, "c").why.startswith("it needs b, which is not loaded: its file is not there")
    lab.load({"a": Loaded(), "b": Loaded()})
    assert outcome(lab, "c").result == OPEN


def test_a_weak_symbol_is_not_needed(lab: BlockedLab) -> None:
    lab.configure("install a /bin/true")
    for info, result in ((WEAK, OPEN), (GLOBAL, CLOSED)):
        lab.files(b=Module(modinfo=[b"name=b"], undefined=[(b"of_a", info)]).build())
        assert outcome(lab, "b").result == result
    lab.files(b=b"no module")
    assert outcome(lab, "b").result == CLOSED  # the kernel would not take that file anyhow


def test_what_is_not_reached(lab: BlockedLab) -> None:
    lab.files(d=module("d"))
    found = outcome(lab, "d", "b")
    assert (found.result, found.why, found.step) == (CLOSED, "modprobe does not come to it", None)


def test_states(lab: BlockedLab) -> None:
    lab.load({"a": Loaded(), "b": Loaded()})
    without = Without(lab.live(), {"a"})
    assert (without.state("a"), without.state("b"), without.state("c")) == (None, "live", None)
    assert NothingLoaded().state("a") is None
