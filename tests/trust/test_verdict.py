from __future__ import annotations

from typing import Any

import pytest

from ringward.trust.patterns import parse, parse_name, parse_parameter
from ringward.trust.rules import FORCED, Action, Flag, Mode, Operation, Origin, Rule
from ringward.trust.verdict import Level, Object, Subject, Verdict, decide
from tests.trust.policies import KNOWN_DIGEST, STRANGE_DIGEST, TRUSTED_DIGEST, policy

ROOT = Subject(uid=0, program=b"/usr/bin/kmod", container=False)
NOBODY = Subject(uid=65534, program=b"/usr/bin/python3", container=True)
KTHREAD = Subject(uid=0, program=b"", container=False, kernel_thread=True)


def load(digest: bytes | None = STRANGE_DIGEST, **facts: Any) -> Object:
    """Return a load of which all is known."""
    values: dict[str, Any] = {
        "name": b"strange",
        "parameters": b"",
        "flags": Flag(0),
        "alias": b"",
        "origin": Origin.COMMAND,
    }
    return Object(Operation.MODULES, digest, **values | facts)


def rule(action: str, **conditions: Any) -> Rule:
    return Rule(conditions.pop("id", "r"), Action(action), **conditions)


NAMES = (parse_name("strange"),)
SOFT = (parse_parameter("soft_noboot"),)

YES, NO, UNREAD = "yes", "no", "unread"
CONDITIONS: list[tuple[str, dict[str, Any], Subject, Object, str, str]] = [
    # condition, who, what, holds for a deny rule, holds for an allow rule
    ("none", {}, ROOT, load(), YES, YES),
    ("name", {"names": NAMES}, ROOT, load(), YES, YES),
    ("name, beginning", {"names": (parse("str*"),)}, ROOT, load(), YES, YES),
    ("name, dash", {"names": (parse_name("a-b"),)}, ROOT, load(name=b"a-b"), YES, YES),
    ("name, another", {"names": NAMES}, ROOT, load(name=b"strange2"), NO, NO),
    ("name, unread", {"names": NAMES}, ROOT, load(name=None), UNREAD, UNREAD),
    ("digest of an unknown image", {"digests": frozenset({KNOWN_DIGEST})}, ROOT, load(), NO, NO),
    ("digest, unread", {"digests": frozenset({KNOWN_DIGEST})}, ROOT, load(None), UNREAD, UNREAD),
    ("package, unread digest", {"packages": ("x",)}, ROOT, load(None), UNREAD, UNREAD),
    ("parameter", {"parameters": SOFT}, ROOT, load(parameters=b"soft_noboot=1"), YES, YES),
    ("parameter, quoted and dashed", {"parameters": SOFT}, ROOT, load(parameters=b'"soft-noboot=1"'), YES, YES),
    ("parameter, one of two", {"parameters": SOFT}, ROOT, load(parameters=b"a soft_noboot"), YES, NO),
    ("parameter, none given", {"parameters": SOFT}, ROOT, load(), NO, YES),
    ("parameter, another", {"parameters": SOFT}, ROOT, load(parameters=b"soft"), NO, NO),
    ("parameter, unread", {"parameters": SOFT}, ROOT, load(parameters=None), UNREAD, UNREAD),
    ("parameters too long", {"parameters": SOFT}, ROOT, load(parameters=b"a" * 2000), UNREAD, UNREAD),
    ("flag", {"flags": FORCED}, ROOT, load(flags=Flag.IGNORE_VERMAGIC), YES, YES),
    ("flag and another", {"flags": FORCED}, ROOT, load(flags=Flag.FORCE | Flag.NO_FILE), YES, NO),
    ("flag, none", {"flags": FORCED}, ROOT, load(), NO, YES),
    ("flag, unread", {"flags": FORCED}, ROOT, load(flags=None), UNREAD, UNREAD),
    ("alias", {"aliases": (parse_name("net-pf-*"),)}, ROOT, load(alias=b"net-pf-10"), YES, YES),
    ("alias, none", {"aliases": (parse_name("net-pf-*"),)}, ROOT, load(), NO, NO),
    ("alias, unread", {"aliases": (parse_name("net-pf-*"),)}, ROOT, load(alias=None), UNREAD, UNREAD),
    ("origin", {"origins": frozenset({Origin.COMMAND})}, ROOT, load(), YES, YES),
    ("origin, another", {"origins": frozenset({Origin.UDEV, Origin.BOOT})}, ROOT, load(), NO, NO),
    ("origin, unread", {"origins": frozenset({Origin.UDEV})}, ROOT, load(origin=None), UNREAD, UNREAD),
    ("uid", {"uids": ((0, 0),)}, ROOT, load(), YES, YES),
    ("uid, last of a range", {"uids": ((1, 5), (1000, 65534))}, NOBODY, load(), YES, YES),
    ("uid, another", {"uids": ((1, 5),)}, NOBODY, load(), NO, NO),
    ("uid, kernel thread", {"uids": ((0, 0),)}, KTHREAD, load(), NO, NO),
    ("uid, unread", {"uids": ((0, 0),)}, Subject(kernel_thread=False), load(), UNREAD, UNREAD),
    (
        "uid, unread whether a kernel thread",
        {"uids": ((0, 0),)},
        Subject(0, kernel_thread=None),
        load(),
        UNREAD,
        UNREAD,
    ),
    ("program", {"programs": (parse("/usr/bin/*"),)}, ROOT, load(), YES, YES),
    ("program, another", {"programs": (parse("/sbin/modprobe"),)}, ROOT, load(), NO, NO),
    ("program, unread", {"programs": (parse("/usr/bin/*"),)}, Subject(0), load(), UNREAD, UNREAD),
    ("container", {"container": True}, NOBODY, load(), YES, YES),
    ("no container", {"container": False}, NOBODY, load(), NO, NO),
    ("container, unread", {"container": True}, Subject(0), load(), UNREAD, UNREAD),
    ("kernel thread", {"kernel_thread": True}, KTHREAD, load(), YES, YES),
    ("no kernel thread", {"kernel_thread": False}, KTHREAD, load(), NO, NO),
    ("two, both hold", {"names": NAMES, "uids": ((0, 0),)}, ROOT, load(), YES, YES),
    ("two, one does not", {"names": NAMES, "uids": ((0, 0),)}, NOBODY, load(), NO, NO),
    ("two, one does not and one is unread", {"names": NAMES, "uids": ((0, 0),)}, NOBODY, load(name=None), NO, NO),
]


@pytest.mark.parametrize(("about", "conditions", "who", "what", "deny", "allow"), CONDITIONS, ids=lambda v: str(v)[:40])
def test_conditions(about: str, conditions: dict[str, Any], who: Subject, what: Object, deny: str, allow: str) -> None:
    denied = decide(who, what, policy([rule("deny", **conditions)]))
    assert denied.action is Action.DENY
    if deny == NO:
        assert (denied.level, denied.rule, denied.unread) == (Level.DEFAULT, None, False)
    else:
        assert (denied.level, denied.rule, denied.unread) == (Level.DENY_RULE, 0, deny == UNREAD)
    allowed = decide(who, what, policy([rule("allow", **conditions)]))
    assert (allowed.action is Action.ALLOW) == (allow == YES)
    assert allowed.level == (Level.ALLOW_RULE if allow == YES else Level.DEFAULT)
    assert not allowed.unread


# What a rule wants of a digest is told by its class; a name also of what is not known.
BY_DATABASE: list[tuple[str, dict[str, Any], bytes, bytes | None, bool, bool, bool]] = [
    # condition, digest, name in the kernel, the database knows the name, the class holds, whether the rule matches
    ("package of a known one", {"packages": ("x",)}, KNOWN_DIGEST, b"m", False, True, True),
    ("another package", {"packages": ("x",)}, KNOWN_DIGEST, b"m", False, False, False),
    ("name by the database", {"names": NAMES}, KNOWN_DIGEST, b"m", True, True, True),
    ("name by the database, unread in the kernel", {"names": NAMES}, KNOWN_DIGEST, None, True, True, True),
    ("another name by the database", {"names": NAMES}, KNOWN_DIGEST, b"strange", True, False, False),
    ("name by the kernel", {"names": NAMES}, KNOWN_DIGEST, b"strange", False, True, True),
    (
        "package and name by the kernel",
        {"packages": ("x",), "names": NAMES},
        KNOWN_DIGEST,
        b"strange",
        False,
        True,
        True,
    ),
    ("package and another name", {"packages": ("x",), "names": NAMES}, KNOWN_DIGEST, b"m", False, True, False),
    (
        "another package and the name",
        {"packages": ("x",), "names": NAMES},
        KNOWN_DIGEST,
        b"strange",
        False,
        False,
        False,
    ),
]


@pytest.mark.parametrize(("about", "conditions", "digest", "name", "named", "holds", "found"), BY_DATABASE)
def test_conditions_that_the_database_answers(
    about: str, conditions: dict[str, Any], digest: bytes, name: bytes | None, named: bool, holds: bool, found: bool
) -> None:
    for action, level in (("deny", Level.DENY_RULE), ("allow", Level.ALLOW_RULE)):
        snapshot = policy(
            [rule(action, **conditions)],
            holds={digest: {"r"} if holds else set()},
            named=[digest] if named else [],
        )
        assert (decide(ROOT, load(digest, name=name), snapshot).level == level) is found


DENY = rule("deny", id="deny", names=(parse("bad*"),))
SIGNER = rule("allow", id="signer", signers=("0a",))
ALLOW = rule("allow", id="allow", uids=((0, 0),))
ALL = (ALLOW, SIGNER, DENY)
SIGNED = {KNOWN_DIGEST: {"signer"}, TRUSTED_DIGEST: {"signer"}}


@pytest.mark.parametrize(
    ("what", "who", "rules", "verdict"),
    [
        (load(TRUSTED_DIGEST, name=b"bad"), ROOT, ALL, Verdict(Action.DENY, Level.DENY_RULE, 2, refused=True)),
        (load(TRUSTED_DIGEST), ROOT, ALL, Verdict(Action.ALLOW, Level.DIGEST)),
        (load(KNOWN_DIGEST), ROOT, ALL, Verdict(Action.ALLOW, Level.SIGNER, 1)),
        (load(STRANGE_DIGEST), ROOT, ALL, Verdict(Action.ALLOW, Level.ALLOW_RULE, 0)),
        (load(STRANGE_DIGEST), NOBODY, ALL, Verdict(Action.DENY, Level.DEFAULT, refused=True)),
        (load(KNOWN_DIGEST), NOBODY, (ALLOW, DENY), Verdict(Action.DENY, Level.DEFAULT, refused=True)),
        (load(None), NOBODY, (), Verdict(Action.DENY, Level.DEFAULT, refused=True)),
        (load(STRANGE_DIGEST), ROOT, (rule("allow"), rule("allow")), Verdict(Action.ALLOW, Level.ALLOW_RULE, 0)),
        (
            load(STRANGE_DIGEST, name=b"bad"),
            ROOT,
            (rule("deny", uids=((7, 7),)), DENY, DENY),
            Verdict(Action.DENY, Level.DENY_RULE, 1, refused=True),
        ),
    ],
)
def test_precedence(what: Object, who: Subject, rules: tuple[Rule, ...], verdict: Verdict) -> None:
    holds = {digest: ids for digest, ids in SIGNED.items() if any(each.signers for each in rules)}
    assert decide(who, what, policy(rules, holds=holds)) == verdict


@pytest.mark.parametrize(
    ("mode", "rules", "verdict"),
    [
        (Mode.OFF, (DENY,), Verdict(Action.ALLOW, Level.DEFAULT)),
        (Mode.LEARN, (), Verdict(Action.ALLOW, Level.DEFAULT)),
        (Mode.LEARN, (DENY,), Verdict(Action.DENY, Level.DENY_RULE, 0)),
        (Mode.MONITOR, (), Verdict(Action.DENY, Level.DEFAULT)),
        (Mode.MONITOR, (DENY,), Verdict(Action.DENY, Level.DENY_RULE, 0)),
        (Mode.ENFORCE, (), Verdict(Action.DENY, Level.DEFAULT, refused=True)),
        (Mode.ENFORCE, (DENY,), Verdict(Action.DENY, Level.DENY_RULE, 0, refused=True)),
    ],
)
def test_modes(mode: Mode, rules: tuple[Rule, ...], verdict: Verdict) -> None:
    assert decide(ROOT, load(name=b"bad"), policy(rules, mode)) == verdict


def test_a_rule_is_for_its_operations_only() -> None:
    rules = [rule("deny", operations=frozenset({Operation.UNLOAD}), names=NAMES)]
    unload = Object(Operation.UNLOAD, name=b"strange", flags=Flag(0))
    assert decide(ROOT, unload, policy(rules)).level is Level.DENY_RULE
    assert decide(ROOT, load(TRUSTED_DIGEST), policy(rules)).level is Level.DIGEST


def test_what_is_not_closed_passes() -> None:
    request = Object(Operation.AUTOLOAD, alias=b"net-pf-10")
    assert decide(ROOT, request, policy()) == Verdict(Action.ALLOW, Level.DEFAULT)
    closed = policy(closed=frozenset({Operation.AUTOLOAD}))
    assert decide(ROOT, request, closed) == Verdict(Action.DENY, Level.DEFAULT, refused=True)


def test_a_digest_counts_only_where_bytes_are_judged() -> None:
    request = Object(Operation.AUTOLOAD, TRUSTED_DIGEST, alias=b"x")
    assert decide(ROOT, request, policy(closed=frozenset(Operation))) == Verdict(Action.ALLOW, Level.DIGEST)
    removal = Object(Operation.UNLOAD, TRUSTED_DIGEST, name=b"x")
    assert decide(ROOT, removal, policy(closed=frozenset(Operation))).level is Level.DEFAULT
