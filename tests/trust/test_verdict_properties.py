"""What holds for every subject, object and policy."""

from __future__ import annotations

import dataclasses
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ringward.trust.patterns import Pattern
from ringward.trust.rules import Action, Flag, Mode, Operation, Origin, Policy, Rule
from ringward.trust.verdict import Level, Object, Subject, decide
from tests.trust.policies import KNOWN_DIGEST, STRANGE_DIGEST, TRUSTED_DIGEST, policy

DIGESTS = (TRUSTED_DIGEST, KNOWN_DIGEST, STRANGE_DIGEST)
NAMES = {TRUSTED_DIGEST: b"a", KNOWN_DIGEST: b"ab"}
"""Of the modules that the database knows."""
TEXTS = st.sampled_from([b"", b"a", b"ab", b"b"])
PATTERNS = st.builds(Pattern, TEXTS, st.booleans())
TRUTHS = st.none() | st.booleans()


def some(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.lists(strategy, max_size=2).map(tuple)


RULES = st.builds(
    Rule,
    id=st.uuids().map(str),
    action=st.sampled_from(Action),
    operations=st.frozensets(st.sampled_from(Operation), min_size=1),
    names=some(PATTERNS),
    digests=st.just(frozenset()) | st.just(frozenset({KNOWN_DIGEST})),
    signers=st.just(()) | st.just(("0a",)),
    parameters=some(st.sampled_from([Pattern(b"a=", True), Pattern(b"a=1", False), Pattern(b"b=", True)])),
    flags=st.none() | st.integers(0, 0x3FF).map(Flag),
    aliases=some(PATTERNS),
    origins=st.frozensets(st.sampled_from(Origin)),
    uids=some(st.sampled_from([(0, 0), (1, 999), (1000, 65535)])),
    programs=some(PATTERNS),
    container=TRUTHS,
    kernel_thread=TRUTHS,
)
SUBJECTS = st.builds(
    Subject,
    uid=st.none() | st.sampled_from([0, 1, 1000]),
    program=st.none() | TEXTS,
    container=TRUTHS,
    kernel_thread=TRUTHS,
)
OBJECTS = st.builds(
    Object,
    operation=st.sampled_from(Operation),
    digest=st.none() | st.sampled_from(DIGESTS),
    name=st.none() | TEXTS,
    parameters=st.none() | st.sampled_from([b"", b"a", b"a=1", b"a=1 b", b"c"]),
    flags=st.none() | st.integers(0, 0x3FF).map(Flag),
    alias=st.none() | TEXTS,
    origin=st.none() | st.sampled_from(Origin),
)


def matches(rule: Rule, name: bytes) -> bool:
    return any(pattern.matches(name) for pattern in rule.names)


def in_one_world(what: Object) -> Object:
    """Return an object whose name, if it was read, is that of its bytes."""
    if what.name is None or what.digest is None:
        return what
    return dataclasses.replace(what, name=NAMES.get(what.digest, what.name))


@st.composite
def policies(draw: st.DrawFn) -> Policy:
    rules = draw(st.lists(RULES, max_size=5))
    named = draw(st.lists(st.sampled_from(list(NAMES)), unique=True))
    holds = {}
    for digest, name in NAMES.items():
        by_name = [not rule.names or digest not in named or matches(rule, name) for rule in rules]
        resolved = [not rule.resolved or draw(st.booleans()) for rule in rules]
        holds[digest] = {rule.id for rule, *both in zip(rules, by_name, resolved, strict=True) if all(both)}
    mode = draw(st.sampled_from(Mode))
    closed = draw(st.frozensets(st.sampled_from(Operation)))
    return policy(rules, mode, holds=holds, named=named, closed=closed)


def without(before: Policy, index: int) -> Policy:
    """Return the policy without one rule."""
    low = (1 << index) - 1
    classes = tuple(bits & low | bits >> 1 & ~low for bits in before.classes)
    rules = before.rules[:index] + before.rules[index + 1 :]
    return dataclasses.replace(before, rules=rules, classes=classes)


@given(SUBJECTS, OBJECTS, policies())
def test_a_verdict_names_what_made_it(who: Subject, what: Object, snapshot: Policy) -> None:
    verdict = decide(who, what, snapshot)
    if verdict.level in {Level.DENY_RULE, Level.SIGNER, Level.ALLOW_RULE}:
        assert verdict.rule is not None
        rule = snapshot.rules[verdict.rule]
        assert rule.action is verdict.action
        assert what.operation in rule.operations
        assert bool(rule.signers) == (verdict.level is Level.SIGNER) or verdict.level is Level.DENY_RULE
    else:
        assert verdict.rule is None
    assert not verdict.unread or verdict.level is Level.DENY_RULE


@given(SUBJECTS, OBJECTS, policies(), st.data())
def test_a_rule_more_only_does_what_it_says(who: Subject, what: Object, snapshot: Policy, data: st.DataObject) -> None:
    if not snapshot.rules:
        return
    index = data.draw(st.integers(0, len(snapshot.rules) - 1))
    before, after = decide(who, what, without(snapshot, index)), decide(who, what, snapshot)
    if before.action is not after.action:
        assert after.action is snapshot.rules[index].action
        assert after.rule == index


@given(SUBJECTS, OBJECTS, policies(), st.sampled_from(["digest", "name", "parameters", "flags", "alias", "origin"]))
def test_what_cannot_be_read_lets_nothing_in(who: Subject, what: Object, snapshot: Policy, fact: str) -> None:
    what = in_one_world(what)
    blind = dataclasses.replace(what, **{fact: None})
    if decide(who, what, snapshot).action is Action.DENY:
        assert decide(who, blind, snapshot).action is Action.DENY


@given(SUBJECTS, OBJECTS, policies(), st.sampled_from(["uid", "program", "container", "kernel_thread"]))
def test_nor_does_an_unread_caller(who: Subject, what: Object, snapshot: Policy, fact: str) -> None:
    blind = dataclasses.replace(who, **{fact: None})
    if decide(who, what, snapshot).action is Action.DENY:
        assert decide(blind, what, snapshot).action is Action.DENY


@given(SUBJECTS, OBJECTS, policies())
def test_only_enforce_refuses(who: Subject, what: Object, snapshot: Policy) -> None:
    verdict = decide(who, what, snapshot)
    mode = snapshot.mode(what.operation)
    assert verdict.refused == (mode is Mode.ENFORCE and verdict.action is Action.DENY)
    if mode is Mode.OFF:
        assert verdict.action is Action.ALLOW


@given(SUBJECTS, OBJECTS, policies())
def test_monitor_and_enforce_say_the_same(who: Subject, what: Object, snapshot: Policy) -> None:
    said = [
        decide(who, what, dataclasses.replace(snapshot, modes=dict.fromkeys(Operation, mode)))
        for mode in (Mode.MONITOR, Mode.ENFORCE)
    ]
    assert dataclasses.replace(said[1], refused=False) == said[0]


@given(SUBJECTS, OBJECTS, policies())
def test_what_is_trusted_is_denied_by_a_rule_only(who: Subject, what: Object, snapshot: Policy) -> None:
    trusted = dataclasses.replace(what, operation=Operation.MODULES, digest=TRUSTED_DIGEST)
    verdict = decide(who, trusted, snapshot)
    assert verdict.action is Action.ALLOW or verdict.level is Level.DENY_RULE
