"""The kernel's decision is `ringward.trust.verdict.decide`: both on the same cases. Nothing is denied here.

The program is run by hand (BPF_PROG_TEST_RUN), as root on any machine with eBPF.
"""

from __future__ import annotations

import random
from array import array
from collections.abc import Iterator, Mapping

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ringward.guard import maps
from ringward.guard.layouts import pack, unpack
from ringward.guard.maps import PolicyMaps
from ringward.guard.policy import compile_policy
from ringward.sensor import _native, objects
from ringward.sensor.clock import now
from ringward.trust import parameters
from ringward.trust.patterns import Pattern, underscored
from ringward.trust.rules import CLASS_SHIFT, MOST_RULES, NAMED, TRUSTED, Action, Flag, Mode, Operation, Origin, Rule
from ringward.trust.verdict import Level, Object, Subject, Verdict, decide
from tests.kernel.guarding import Packed
from tests.trust.policies import policy
from tests.trust.test_verdict_properties import OBJECTS, SUBJECTS, policies

OBJECT = "decide"
FACTS = ("uid", "container", "kernel_thread", "flags", "origin", "digest")
FIRST = bytes(4)
CASES = st.lists(st.tuples(SUBJECTS, OBJECTS), min_size=1, max_size=40)
FEW = settings(max_examples=40, suppress_health_check=list(HealthCheck))


def text(name: str, value: bytes | None) -> dict[str, int | bytes]:
    if value is None:
        return {f"{name}.read": 0}
    return {f"{name}.words": value[:64].ljust(64, b"\0"), f"{name}.len": len(value), f"{name}.read": 1}


def facts(who: Subject, what: Object) -> bytes:
    """Return what a hook would put together of a case."""
    values: dict[str, int | bytes | None] = {
        "uid": who.uid,
        "container": who.container,
        "kernel_thread": who.kernel_thread,
        "flags": what.flags,
        "origin": what.origin,
        "digest": what.digest,
    }
    known = sum(1 << bit for bit, name in enumerate(FACTS) if values[name] is not None)
    found: dict[str, int | bytes] = {name: value for name, value in values.items() if value is not None}
    found |= {"operation": list(Operation).index(what.operation), "known": known}
    found |= text("program", who.program)
    found |= text("name", None if what.name is None else underscored(what.name))
    found |= text("alias", None if what.alias is None else underscored(what.alias))
    raw = what.parameters
    # parameters_set() in bpf/guard_text.bpf.h: what does not fit counts as not read.
    if raw is not None and len(raw) <= parameters.LONGEST:
        found |= {"parameters.read": 1, "parameters.len": len(raw), "parameters.text": raw.ljust(2048, b"\0")}
    return pack("facts", found, OBJECT)


class Kernel:
    """The program that decides, with maps of its own."""

    def __init__(self) -> None:
        file = objects.load(OBJECT)
        self._object = _native.Object("ringward_decide", file.data)
        self._object.load()
        fds = {name: self._object.map_fd(name) for name in self._object.maps() if "." not in name}
        self._facts = fds["guard_facts"]
        self._program = self._object.program_fd("decide_case")
        self.maps = PolicyMaps(fds)

    def decide(self, who: Subject, what: Object) -> tuple[Verdict, int]:
        """Return the kernel's verdict and the mode that it was made in."""
        _native.map_update(self._facts, FIRST, facts(who, what))
        assert _native.program_run(self._program, bytearray(8)) == 0
        data = _native.map_lookup(self._facts, FIRST)
        assert data is not None
        found = {name: value for name, value in unpack("facts", data, OBJECT).items() if name.startswith("decision.")}
        number = {name.removeprefix("decision."): int(value) for name, value in found.items()}
        verdict = Verdict(
            list(Action)[number["action"]],
            Level(number["level"]),
            None if number["rule"] < 0 else number["rule"],
            bool(number["unread"]),
            bool(number["refused"]),
        )
        return verdict, number["mode"]

    def close(self) -> None:
        self.maps.close()
        self._object.close()


@pytest.fixture(scope="module")
def kernel() -> Iterator[Kernel]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(maps, "SPARE", 1)
        made = Kernel()
        yield made
        made.close()


def check(kernel: Kernel, snapshot: object, cases: list[tuple[Subject, Object]]) -> list[Verdict]:
    """Compare the two decisions on all cases; return the verdicts."""
    table = snapshot.known.values  # type: ignore[attr-defined]
    kernel.maps.write(compile_policy(snapshot), Packed(table))  # type: ignore[arg-type]
    found = []
    for who, what in cases:
        verdict, mode = kernel.decide(who, what)
        assert verdict == decide(who, what, snapshot), (who, what)  # type: ignore[arg-type]
        assert mode == snapshot.mode(what.operation)  # type: ignore[attr-defined]
        found.append(verdict)
    return found


@FEW
@given(policies(), CASES)
def test_on_generated_cases(kernel: Kernel, snapshot: object, cases: list[tuple[Subject, Object]]) -> None:
    check(kernel, snapshot, cases)


# Strings around the 64 bytes that are compared, and with the bytes that are changed.
LONG = st.builds(
    lambda start, length, end: start + b"x" * length + end,
    st.sampled_from([b"", b"/usr/bin/", b"a-b_c-"]),
    st.sampled_from([0, 1, 7, 8, 9, 48, 55, 56, 57, 58, 62, 63, 64, 65, 200]),
    st.sampled_from([b"", b"-", b"y"]),
)


@FEW
@given(st.lists(st.tuples(LONG, st.booleans(), st.integers(0, 64)), min_size=1, max_size=8), st.lists(LONG, min_size=1))
def test_on_strings_of_any_length(kernel: Kernel, patterns: list[tuple[bytes, bool, int]], values: list[bytes]) -> None:
    made = tuple(Pattern(underscored(value[:length]), prefix) for value, prefix, length in patterns)
    rules = [
        Rule("program", Action.DENY, programs=made),
        Rule("alias", Action.DENY, aliases=made),
        Rule("name", Action.ALLOW, names=made),
    ]
    values += [value for value, _, _ in patterns]
    cases = [
        (Subject(0, program, container=False), Object(Operation.MODULES, None, name, b"", Flag(0), alias, Origin.BOOT))
        for value in values
        for program, name, alias in ((value, b"", b""), (b"", value, b""), (b"", b"", value))
    ]
    check(kernel, policy(rules), cases)


PIECES = st.sampled_from(
    [
        *(b" ", b"  ", b"\t", b"\n", b"\v", b"\xa0", b"\x85", b'"', b"=", b"==", b"-", b"--", b"_", b"a", b"a-b"),
        *(b"a_b=1", b"x" * 60, b"x" * 64, b'a="1 2"', b'"a=1 2"', b"a=b=c", b'=""', b"text=bad", b"-- a=1"),
    ]
)
PARAMETERS = st.lists(PIECES, max_size=12).map(b"".join)
WANTED = st.lists(
    st.sampled_from([Pattern(b"a=", True), Pattern(b"a_b=", True), Pattern(b"a_b=1", False), Pattern(b"a=1 2", False)])
    | st.builds(Pattern, PIECES.map(lambda value: value[:64]), st.booleans()),
    min_size=1,
    max_size=8,
).map(tuple)


@FEW
@given(WANTED, st.lists(PARAMETERS, min_size=1, max_size=60))
@example((Pattern(b"a=", True),), [b"a " * 64, b"a " * 65, b"b " * 64 + b"a", b"a" * 1024, b"a" * 1025, b" " * 1024])
@example((Pattern(b"a=", True),), [b"b " * 511 + b"a", b" " * 1023 + b"a", b'"' + b"a" * 1022 + b'"', b'a="', b'"'])
def test_on_parameters_taken_apart(kernel: Kernel, wanted: tuple[Pattern, ...], texts: list[bytes]) -> None:
    rules = [Rule("deny", Action.DENY, parameters=wanted), Rule("allow", Action.ALLOW, parameters=wanted)]
    who = Subject(0, b"/usr/bin/kmod", container=False)
    for chosen in (rules[:1], rules[1:]):
        cases = [(who, Object(Operation.MODULES, None, b"m", raw, Flag(0), b"", Origin.COMMAND)) for raw in texts]
        check(kernel, policy(chosen), cases)


def test_on_as_many_rules_as_there_can_be(kernel: Kernel) -> None:
    """The last rule of 256 is reached, and each of them has its own bit of a class."""
    chance = random.Random(4)
    rules = [
        Rule(str(i), Action.ALLOW, uids=((i, i),), packages=("x",) if i % 3 == 0 else ()) for i in range(MOST_RULES)
    ]
    digests = [bytes([i]) * 32 for i in range(200)]
    holds = {digest: {rule.id for rule in rules if chance.random() < 0.5} for digest in digests}
    snapshot = policy(rules, holds=holds)
    cases = [
        (
            Subject(uid, b"", container=False),
            Object(Operation.MODULES, digest, b"m", b"", Flag(0), b"", Origin.COMMAND),
        )
        for uid in (*range(0, MOST_RULES, 5), MOST_RULES - 1)
        for digest in chance.sample(digests, 8)
    ]
    made = {verdict.rule for verdict in check(kernel, snapshot, cases)}
    assert MOST_RULES - 1 in made
    assert None in made


def test_two_hundred_thousand_digests(kernel: Kernel) -> None:
    chance = random.Random(7)
    digests = sorted({chance.randbytes(32) for _ in range(200_000)})
    values = [(i % 3) << CLASS_SHIFT | TRUSTED * (i % 2) | NAMED * (i % 5 == 0) for i in range(len(digests))]
    rules = [Rule("second", Action.DENY, packages=("x",)), Rule("third", Action.ALLOW, signers=("0a",))]
    known = Packed(dict(zip(digests, values, strict=True)))
    assert isinstance(known.values, array)
    snapshot = policy(rules)
    big = type(snapshot)(snapshot.rules, known, (0, 1, 2), snapshot.modes)
    kernel.maps.write(compile_policy(big), known)
    who = Subject(0, b"", container=False)
    seen: Mapping[Level, int] = {}
    for digest in (*chance.sample(digests, 500), *(chance.randbytes(32) for _ in range(50))):
        what = Object(Operation.MODULES, digest, b"m", b"", Flag(0), b"", Origin.COMMAND)
        verdict, _mode = kernel.decide(who, what)
        assert verdict == decide(who, what, big)
        seen = {**seen, verdict.level: 1}
    assert seen.keys() == {Level.DENY_RULE, Level.DIGEST, Level.SIGNER, Level.DEFAULT}


def test_a_digest_that_is_added_is_known_from_then_on(kernel: Kernel) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(maps, "SPARE", 8)
        snapshot = policy()
        kernel.maps.write(compile_policy(snapshot), Packed(snapshot.known.values))  # type: ignore[attr-defined]
    who = Subject(0, b"", container=False)
    what = Object(Operation.MODULES, b"\x77" * 32, b"m", b"", Flag(0), b"", Origin.COMMAND)
    assert kernel.decide(who, what)[0].action is Action.DENY
    kernel.maps.add(b"\x77" * 32, TRUSTED)
    assert kernel.decide(who, what)[0] == Verdict(Action.ALLOW, Level.DIGEST)


def test_enforcing_ends_by_itself(kernel: Kernel) -> None:
    snapshot = policy()
    who = Subject(0, b"", container=False)
    what = Object(Operation.MODULES, b"\x77" * 32, b"m", b"", Flag(0), b"", Origin.COMMAND)
    packed = Packed(snapshot.known.values)  # type: ignore[attr-defined]
    for until, mode in ((0, Mode.ENFORCE), (now() + 3_600_000_000_000, Mode.ENFORCE), (now(), Mode.MONITOR)):
        kernel.maps.write(compile_policy(snapshot), packed, until)
        verdict, found = kernel.decide(who, what)
        assert (verdict.action, verdict.refused, found) == (Action.DENY, mode is Mode.ENFORCE, mode)


def test_the_check_can_fail(kernel: Kernel) -> None:
    """Two policies that differ in one bit are told apart."""
    rule = Rule("one", Action.DENY, container=True)
    cases = [(Subject(0, b"", container=True), Object(Operation.MODULES, None, b"m", b"", Flag(0), b"", Origin.BOOT))]
    wrong = policy([Rule("one", Action.DENY, container=False)])
    kernel.maps.write(compile_policy(policy([rule])), Packed({}))
    assert kernel.decide(*cases[0])[0] != decide(*cases[0], wrong)
