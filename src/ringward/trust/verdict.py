"""The decision: one pure function of who, what and the policy. The kernel part is proved equal to it.

Precedence is fixed: a deny rule; the digest; a rule that allows a signer; any other rule that allows; the default of
the mode. Among rules of one kind the first in order is named.

A fact that could not be read is None. It never lets anything pass: a deny rule whose other conditions hold counts as
matched, and says so (`Verdict.unread`); an allow rule counts as not matched.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum

from ringward.trust import parameters
from ringward.trust.patterns import Pattern, underscored
from ringward.trust.rules import (
    CLASS_SHIFT,
    NAMED,
    TRUSTED,
    UNKNOWN,
    Action,
    Flag,
    Mode,
    Operation,
    Origin,
    Policy,
    Rule,
)

DIGESTED = frozenset({Operation.MODULES, Operation.AUTOLOAD, Operation.PROGRAMS})
"""Operations on something that has a digest: an image, an alias, a file."""


class Level(IntEnum):
    """What made a verdict, in the order of precedence."""

    DENY_RULE = 0
    DIGEST = 1
    SIGNER = 2
    ALLOW_RULE = 3
    DEFAULT = 4


class Answer(IntEnum):
    """Whether a condition holds."""

    NO = 0
    UNREAD = 1
    """It could not be read."""
    YES = 2


@dataclass(frozen=True, slots=True)
class Subject:
    """Who does it. None: could not be read.

    Attributes:
        uid: real user id.
        program: path of the executable, bytes; b"": a kernel thread has none.
        container: whether it runs in one.
        kernel_thread: whether it is one of the kernel's own.

    """

    uid: int | None = None
    program: bytes | None = None
    container: bool | None = None
    kernel_thread: bool | None = False


@dataclass(frozen=True, slots=True)
class Object:
    """What is done. None: could not be read.

    Attributes:
        operation: which.
        digest: SHA-256 of the module's image, of the program's file, or of the requested alias, underscored; 32 bytes.
            Of other operations it is not used.
        name: of the module, as the kernel has it: of the image where it was read from there, of the module to be
            removed.
        parameters: of the load, as the kernel copied them, without the NUL.
        flags: of the load or removal.
        alias: that the kernel asked for; b"": it asked for none.
        origin: of the load.

    """

    operation: Operation
    digest: bytes | None = None
    name: bytes | None = None
    parameters: bytes | None = None
    flags: Flag | None = None
    alias: bytes | None = None
    origin: Origin | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """The decision.

    Attributes:
        action: what policy says. In learn and monitor a denial is only an event.
        level: what made it.
        rule: index of the rule that made it; None: none did.
        unread: the rule denies because a fact could not be read.
        refused: whether it really does not happen: denied, in enforce.

    """

    action: Action
    level: Level
    rule: int | None = None
    unread: bool = False
    refused: bool = False


def decide(subject: Subject, thing: Object, policy: Policy) -> Verdict:
    """Return the verdict on what `subject` does."""
    mode = policy.mode(thing.operation)
    if mode is Mode.OFF:
        return Verdict(Action.ALLOW, Level.DEFAULT)
    value = UNKNOWN
    if thing.digest is not None and thing.operation in DIGESTED:
        value = policy.known.find(thing.digest)
    holds = policy.classes[value >> CLASS_SHIFT]
    answers = [
        (index, _matches(rule, holds >> index & 1, value, subject, thing))
        for index, rule in enumerate(policy.rules)
        if thing.operation in rule.operations
    ]
    level, rule, unread = _made(policy.rules, answers, trusted=bool(value & TRUSTED))
    denied = level is Level.DENY_RULE or (
        level is Level.DEFAULT and mode is not Mode.LEARN and thing.operation in policy.closed
    )
    action = Action.DENY if denied else Action.ALLOW
    return Verdict(action, level, rule, unread, refused=denied and mode is Mode.ENFORCE)


def _made(rules: Sequence[Rule], answers: list[tuple[int, Answer]], *, trusted: bool) -> tuple[Level, int | None, bool]:
    """Return what makes the verdict: its level, the rule's index, and whether a fact of it was not read."""
    for index, answer in answers:
        if rules[index].action is Action.DENY and answer is not Answer.NO:
            return Level.DENY_RULE, index, answer is Answer.UNREAD
    if trusted:
        return Level.DIGEST, None, False
    allows = [index for index, answer in answers if rules[index].action is Action.ALLOW and answer is Answer.YES]
    signers = [index for index in allows if rules[index].signers]
    if signers:
        return Level.SIGNER, signers[0], False
    return (Level.ALLOW_RULE, allows[0], False) if allows else (Level.DEFAULT, None, False)


def _matches(rule: Rule, holds: int, value: int, subject: Subject, thing: Object) -> Answer:
    """Return whether all conditions hold.

    Args:
        rule: to be matched.
        holds: whether the digest's class has the rule's bit.
        value: of the digest, as `Known.find` returns it.
        subject: who.
        thing: what.

    """
    return min(
        _identity(rule, holds, value, thing),
        _parameters(rule, thing.parameters),
        _flags(rule, thing.flags),
        _any(rule.aliases, None if thing.alias is None else underscored(thing.alias)),
        _is(rule.origins, thing.origin),
        _uid(rule, subject),
        _any(rule.programs, subject.program),
        _is(() if rule.container is None else (rule.container,), subject.container),
        _is(() if rule.kernel_thread is None else (rule.kernel_thread,), subject.kernel_thread),
    )


def _identity(rule: Rule, holds: int, value: int, thing: Object) -> Answer:
    resolved = Answer.YES if holds else Answer.NO
    if rule.resolved and thing.digest is None:
        resolved = Answer.UNREAD
    if value & NAMED:
        return resolved
    return min(resolved, _any(rule.names, None if thing.name is None else underscored(thing.name)))


def _any(patterns: Iterable[Pattern], value: bytes | None) -> Answer:
    """Return whether a value matches any of the patterns; YES when there is none."""
    patterns = tuple(patterns)
    if not patterns:
        return Answer.YES
    if value is None:
        return Answer.UNREAD
    return Answer.YES if any(pattern.matches(value) for pattern in patterns) else Answer.NO


def _is(wanted: Iterable[object], value: object) -> Answer:
    """Return whether a value is any of those that are wanted; YES when there is none."""
    wanted = tuple(wanted)
    if not wanted:
        return Answer.YES
    if value is None:
        return Answer.UNREAD
    return Answer.YES if value in wanted else Answer.NO


def _parameters(rule: Rule, text: bytes | None) -> Answer:
    if not rule.parameters:
        return Answer.YES
    words = None if text is None else parameters.words(text)
    if words is None:
        return Answer.UNREAD
    found = (any(pattern.matches(word) for pattern in rule.parameters) for word in words)
    return Answer.YES if (any if rule.action is Action.DENY else all)(found) else Answer.NO


def _flags(rule: Rule, flags: Flag | None) -> Answer:
    if rule.flags is None:
        return Answer.YES
    if flags is None:
        return Answer.UNREAD
    held = flags & rule.flags if rule.action is Action.DENY else not flags & ~rule.flags
    return Answer.YES if held else Answer.NO


def _uid(rule: Rule, subject: Subject) -> Answer:
    if not rule.uids:
        return Answer.YES
    # Kernel threads have uid 0 and are nobody's: a class of their own.
    if subject.kernel_thread:
        return Answer.NO
    if subject.uid is None or subject.kernel_thread is None:
        return Answer.UNREAD
    return Answer.YES if any(low <= subject.uid <= high for low, high in rule.uids) else Answer.NO
