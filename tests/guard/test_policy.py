"""A policy as bytes, and what cannot be held."""

from __future__ import annotations

import struct

import pytest

from ringward.guard.layouts import layout, unpack
from ringward.guard.policy import (
    PolicyError,
    check_unload,
    compile_policy,
    has_caller,
    kept_modules,
    operation_number,
    rule_bytes,
)
from ringward.trust.patterns import parse, parse_name, parse_parameter
from ringward.trust.rules import MOST_RULES, Action, Flag, Mode, Operation, Origin, Rule
from tests.trust.policies import KNOWN_DIGEST, policy

UNLOAD = frozenset({Operation.UNLOAD})


def test_every_condition_of_a_rule_has_its_members() -> None:
    rule = Rule(
        "a rule",
        Action.ALLOW,
        frozenset({Operation.MODULES, Operation.UNLOAD}),
        names=(parse_name("a-b"), parse("c*")),
        signers=("0a",),
        parameters=(parse_parameter("x"),),
        flags=Flag.NO_FILE | Flag.FORCE,
        aliases=(parse("net*"),),
        origins=frozenset({Origin.UDEV, Origin.BOOT}),
        uids=((0, 0), (5, 9)),
        programs=(parse("/bin/x"),),
        container=False,
        kernel_thread=True,
    )
    found = unpack("rule", rule_bytes(rule))
    assert found["operations"] == 1 << operation_number(Operation.MODULES) | 1 << operation_number(Operation.UNLOAD)
    assert (found["action"], found["resolved"], found["signer"]) == (0, 1, 1)
    assert (found["flags_wished"], found["flags"], found["origins"]) == (1, 0x300, 0b1100)
    assert (found["container"], found["kernel_thread"]) == (1, 2)
    assert [found[f"{name}.count"] for name in ("names", "parameters", "aliases", "programs")] == [2, 1, 1, 1]
    assert (found["uids_count"], found["uids.1.low"], found["uids.1.high"]) == (2, 5, 9)
    first, second = (
        {key: found[f"names.pattern.{i}.{key}"] for key in ("text", "mask", "len", "prefix")} for i in (0, 1)
    )
    assert first == {"text": b"a_b".ljust(64, b"\0"), "mask": b"\xff\xff\xff".ljust(64, b"\0"), "len": 3, "prefix": 0}
    assert (second["text"][:2], second["mask"][:2], second["prefix"]) == (b"c\0", b"\xff\0", 1)
    assert found["id"].rstrip(b"\0") == b"a rule"


def test_a_rule_without_conditions_has_none() -> None:
    found = unpack("rule", rule_bytes(Rule("x" * 100, Action.DENY)))
    assert found["id"] == b"x" * 63 + b"\0"
    assert {name for name, value in found.items() if value and not isinstance(value, bytes)} == {"operations", "action"}


def test_a_denying_rule_for_a_signer_is_no_signers_rule() -> None:
    assert unpack("rule", rule_bytes(Rule("r", Action.DENY, signers=("0a",))))["signer"] == 0


def test_too_many_values_and_too_many_rules() -> None:
    names = tuple(parse(f"n{i}") for i in range(9))
    with pytest.raises(PolicyError, match="rule r: 9 names, and 8 are compared"):
        rule_bytes(Rule("r", Action.DENY, names=names))
    rules = [Rule(str(i), Action.DENY) for i in range(MOST_RULES + 1)]
    with pytest.raises(PolicyError, match="257 rules, and the kernel part holds 256"):
        compile_policy(policy(rules))
    assert compile_policy(policy(rules[:-1])).count == MOST_RULES


def test_classes_and_modes_and_what_is_closed() -> None:
    rules = [Rule("a", Action.DENY), Rule("b", Action.ALLOW, packages=("x",))]
    snapshot = policy(rules, holds={KNOWN_DIGEST: {"b"}}, closed=frozenset({Operation.UNLOAD}))
    made = compile_policy(snapshot, {Operation.AUTOLOAD: Mode.MONITOR, Operation.MODULES: Mode.ENFORCE})
    count = len(snapshot.classes)
    assert struct.unpack(f"<{count}I", made.class_keys) == tuple(range(count))
    size = layout("class").size
    values = [int.from_bytes(made.class_values[i * size : (i + 1) * size], "little") for i in range(count)]
    assert tuple(values) == snapshot.classes
    assert made.closed == 1 << operation_number(Operation.UNLOAD)
    assert struct.unpack("<8I", made.modes) == (3, 2, 0, 0, 0, 0, 0, 0)


def test_the_modes_are_the_policys_own_unless_others_are_given() -> None:
    assert struct.unpack("<8I", compile_policy(policy(mode=Mode.LEARN)).modes) == (1, 1, 1, 1, 1, 0, 0, 0)


@pytest.mark.parametrize(
    ("conditions", "caller"),
    [
        ({}, False),
        ({"names": (parse("x"),)}, False),
        ({"uids": ((0, 0),)}, True),
        ({"flags": Flag(0)}, True),
        ({"container": False}, True),
        ({"programs": (parse("/x"),)}, True),
        ({"digests": frozenset({KNOWN_DIGEST})}, True),
    ],
)
def test_what_a_rule_goes_by_besides_the_name(conditions: dict[str, object], caller: bool) -> None:
    assert has_caller(Rule("r", Action.DENY, **conditions)) == caller  # type: ignore[arg-type]


def test_modules_that_stay_are_those_that_a_rule_denies_by_name_alone() -> None:
    rules = [
        Rule("keep", Action.DENY, UNLOAD, names=(parse("a"), parse("b*"))),
        Rule("force", Action.DENY, UNLOAD, flags=Flag.FORCE),
        Rule("not ours", Action.DENY, names=(parse("c"),)),
    ]
    assert kept_modules(policy(rules)) == (parse("a"), parse("b*"))
    check_unload(policy(rules))


@pytest.mark.parametrize(
    "rule",
    [
        Rule("r", Action.ALLOW, UNLOAD, names=(parse("a"),)),
        Rule("r", Action.DENY, UNLOAD, names=(parse("a"),), uids=((1, 9),)),
    ],
)
def test_a_name_and_something_else_cannot_be_held(rule: Rule) -> None:
    with pytest.raises(PolicyError, match="rule r: whether a module may be removed by its name and something else"):
        check_unload(policy([rule]))
