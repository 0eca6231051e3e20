from __future__ import annotations

from typing import Any

import pytest

from ringward.events import context
from ringward.events.context import Ancestor
from ringward.guard.dead_calls import EVENTS, verdicts, without_digests
from ringward.output import denial
from ringward.sensor.origin import Cause, Request
from ringward.sensor.origin import origin as origin_of
from ringward.trust.patterns import parse, parse_name
from ringward.trust.rules import Action, Flag, Mode, Operation, Origin, Policy, Rule
from ringward.trust.verdict import Level
from tests import nulls
from tests.output.event_factory import event, process

# bpf/verdicts.h: as the kernel part's events name them
LEVELS = {
    Level.DENY_RULE: "deny rule",
    Level.SIGNER: "signer",
    Level.ALLOW_RULE: "allow rule",
    Level.DEFAULT: "default",
}


class Digests:
    def find(self, digest: bytes) -> int:
        raise AssertionError(f"{digest!r}: these calls have no digest")


def policy(*rules: Rule, mode: Mode = Mode.ENFORCE) -> Policy:
    classes = (sum((not rule.resolved) << index for index, rule in enumerate(rules)), 0)
    return Policy(rules, Digests(), classes, {Operation.MODULES: mode})


def cause(caller: context.Process | None = None, request: Request | None = None, *, initramfs: bool = False) -> Cause:
    """Return how a call of a process came about, as the sensor finds it."""
    return Cause(origin_of(caller or process(), request, None, initramfs=initramfs), initramfs, lost=False)


def judged(name: str, decides: Policy, how: Cause | None = None, unjoined: str = "", **given: Any) -> Any:
    made = event(name, **given)
    (found,) = verdicts(made, without_digests(decides, decides.modes), how or cause(made.process), unjoined)
    assert nulls.faults(found) == []
    assert (found.event, found.hook) == ("module_verdict", "sensor")
    assert (found.cpu, found.seq, found.result) == (None, None, None)
    assert not found.args.refused, "the kernel was told nothing"
    return found


@pytest.mark.parametrize("mode", [Mode.LEARN, Mode.MONITOR, Mode.ENFORCE])
@pytest.mark.parametrize("name", EVENTS)
def test_nothing_vouches_for_a_dead_call(name: str, mode: Mode) -> None:
    args = judged(name, policy(mode=mode), result=-38, error="ENOSYS").args
    verdict = "allow" if mode is Mode.LEARN else "deny"
    assert (args.verdict, args.made_by, args.mode, args.stage) == (verdict, "default", mode.name.lower(), "call")
    assert (args.digest, args.file, args.flags, args.origin) == (None, None, ("NO_FILE",), "command")


def test_its_name_and_what_it_asked_for_are_told() -> None:
    found = judged("create_module", policy())
    assert (found.args.name, found.args.size) == ("old", 64)
    assert found.process == process()
    assert found.args.subject() == "would deny by default: old"
    assert denial.what(found) == "a call for kernel module old, which Linux has not had since 2.6"
    assert denial.request(found) == "", "there is nothing that could be approved"
    nameless = judged("get_kernel_syms", policy())
    assert nameless.unread["name"] == "the call was given none"
    assert "a call that Linux has not had since 2.6" in nameless.args.subject()


RULES = {
    "by name": (Rule("r", Action.DENY, names=(parse_name("old"),)), Level.DENY_RULE),
    "by another name": (Rule("r", Action.DENY, names=(parse_name("new"),)), Level.DEFAULT),
    "without a file": (Rule("r", Action.DENY, flags=Flag.NO_FILE), Level.DENY_RULE),
    "forced": (Rule("r", Action.DENY, flags=Flag.IGNORE_VERMAGIC), Level.DEFAULT),
    "allowed to a user": (Rule("r", Action.ALLOW, uids=((1000, 1000),)), Level.ALLOW_RULE),
    "allowed to another": (Rule("r", Action.ALLOW, uids=((0, 0),)), Level.DEFAULT),
    "allowed to a program": (Rule("r", Action.ALLOW, programs=(parse("/usr/bin/kmod"),)), Level.ALLOW_RULE),
    "in a container": (Rule("r", Action.DENY, container=True), Level.DEFAULT),
    "by hand": (Rule("r", Action.ALLOW, origins=frozenset({Origin.COMMAND})), Level.ALLOW_RULE),
    "by udev": (Rule("r", Action.ALLOW, origins=frozenset({Origin.UDEV})), Level.DEFAULT),
    "of a signer": (Rule("r", Action.ALLOW, signers=frozenset({"a0" * 20})), Level.DEFAULT),
}


@pytest.mark.parametrize(("rule", "level"), RULES.values(), ids=RULES)
def test_rules_decide_as_of_any_load(rule: Rule, level: Level) -> None:
    args = judged("create_module", policy(rule)).args
    named = level is not Level.DEFAULT
    assert (args.made_by, args.rule, args.fact_unread) == (LEVELS[level], "r" if named else None, False)
    assert args.verdict == ("allow" if level is Level.ALLOW_RULE else "deny")


def test_what_could_not_be_read_lets_nothing_pass() -> None:
    rule = Rule("r", Action.DENY, names=(parse_name("old"),))
    unread = {"name": "the page was not in memory"}
    args = judged("create_module", policy(rule), given={"name": None}, unread=unread).args
    assert (args.verdict, args.made_by, args.fact_unread, args.name) == ("deny", "deny rule", True, None)


def test_where_loads_are_not_judged_neither_are_these() -> None:
    assert list(verdicts(event("create_module"), policy(mode=Mode.OFF), cause())) == []
    assert list(verdicts(event("init_module"), policy(), cause())) == []


REQUEST = Request("beef", "net-pf-5", Ancestor("7@7", 7, "python3", "/usr/bin/python3", ("python3",)))
UDEV = process(ancestors=(Ancestor("7@7", 7, "(udev-worker)", "/usr/lib/systemd/systemd-udevd", ()),))
AT_BOOT = process(exe="/usr/lib/systemd/systemd-modules-load")
ORIGINS = {
    "by hand": (process(), None, False, "command"),
    "for a request": (process(), REQUEST, False, "request"),
    "for a device": (UDEV, None, False, "udev"),
    "by modules-load": (AT_BOOT, None, False, "boot"),
    "in the initramfs": (process(), None, True, "boot"),
    # In the kernel part's order: a request before the initramfs, that before a program.
    "for a request, in the initramfs": (process(), REQUEST, True, "request"),
    "for a device, in the initramfs": (UDEV, None, True, "boot"),
}


@pytest.mark.parametrize(("caller", "request_", "initramfs", "said"), ORIGINS.values(), ids=ORIGINS)
@pytest.mark.parametrize("unjoined", ["", "no such hook"])
def test_the_origin_is_that_of_a_load(
    caller: context.Process, request_: Request | None, initramfs: bool, said: str, unjoined: str
) -> None:
    found = judged("create_module", policy(), cause(caller, request_, initramfs=initramfs), unjoined, process=caller)
    alias = "net_pf_5" if request_ else None
    if unjoined and said == "command":
        assert (found.args.origin, found.unread["origin"]) == (None, unjoined)
    else:
        assert (found.args.origin, found.args.alias) == (said, alias)
        assert "origin" not in found.unread
    if not alias:
        assert found.unread["alias"] == (unjoined or "the kernel asked for none")


def test_an_origin_that_is_not_known_is_not_asserted() -> None:
    nobody = process(exe=None, unread={"exe": "it ended"})
    found = judged("create_module", policy(), process=nobody)
    assert (found.args.origin, found.unread["origin"]) == (None, "it ended")
    child = process(ancestors=(Ancestor("7@7", 7, "x", None, None, "it was gone"),))
    found = judged("create_module", policy(), process=child)
    assert (found.args.origin, found.unread["origin"]) == (None, "an ancestor: it was gone")


def test_rules_decide_by_origin_and_alias_as_of_any_load() -> None:
    asked = parse_name("net-pf-5")
    by_alias = policy(Rule("r", Action.ALLOW, aliases=(asked,)))
    by_origin = policy(Rule("r", Action.ALLOW, origins=frozenset({Origin.REQUEST})))
    not_by_hand = policy(Rule("r", Action.DENY, origins=frozenset({Origin.COMMAND})))
    for decides in (by_alias, by_origin):
        assert judged("create_module", decides, cause(request=REQUEST)).args.made_by == "allow rule"
        assert judged("create_module", decides).args.made_by == "default"
        assert judged("create_module", decides, unjoined="why").args.made_by == "default"
    unknown = judged("create_module", not_by_hand, unjoined="why").args
    assert (unknown.made_by, unknown.fact_unread) == ("deny rule", True)
    assert judged("create_module", not_by_hand, cause(request=REQUEST)).args.made_by == "default"


def test_a_request_whose_record_was_not_seen_has_no_alias() -> None:
    unseen = Request("beef", None, REQUEST.requester)
    found = judged("create_module", policy(), cause(request=unseen))
    assert (found.args.origin, found.args.alias) == ("request", None)
    assert found.unread["alias"] == "the record of the request was not seen"
    forbids = policy(Rule("r", Action.DENY, aliases=(parse_name("net-pf-5"),)))
    assert judged("create_module", forbids, cause(request=unseen)).args.fact_unread
