"""A policy as the kernel part holds it: bytes for its maps. Pure."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ringward.guard.layouts import constants, layout, pack, words
from ringward.trust.patterns import LONGEST, Pattern
from ringward.trust.rules import (
    MOST_RULES,
    MOST_VALUES,
    Action,
    Mode,
    Operation,
    Policy,
    Rule,
)

ID_BYTES = 63
"""Of a rule's name, that events show."""
_MASKS = [((1 << 8 * length) - 1).to_bytes(LONGEST, "little") for length in range(LONGEST + 1)]


class PolicyError(ValueError):
    """A policy that cannot be enforced. The message: which rule, why, and what can be done."""


@dataclass(frozen=True, slots=True)
class Compiled:
    """A policy as bytes.

    Attributes:
        rules: struct rule, one after the other.
        count: of them.
        class_keys: u32 each.
        class_values: struct class each.
        closed: bit of each enum operation.
        modes: of each enum operation, u32 each.

    """

    rules: bytes
    count: int
    class_keys: bytes
    class_values: bytes
    closed: int
    modes: bytes


def operation_number(operation: Operation) -> int:
    """Return the constant of enum operation."""
    return constants("operation")[operation.value]


def _bits(numbers: Iterable[int]) -> int:
    return sum(1 << number for number in set(numbers))


def _pattern(prefix: str, pattern: Pattern) -> dict[str, int | bytes]:
    size = len(pattern.text)
    return {
        f"{prefix}.text": pattern.text.ljust(LONGEST, b"\0"),
        f"{prefix}.mask": _MASKS[size],
        f"{prefix}.len": size,
        f"{prefix}.prefix": int(pattern.prefix),
    }


def _wish(value: bool | None) -> int:  # noqa: FBT001 - a condition's value
    name = "none" if value is None else "yes" if value else "no"
    return constants("wish")[name]


def rule_bytes(rule: Rule) -> bytes:
    """Return one rule as a struct rule.

    Raises:
        PolicyError: it has more values of a kind than the kernel part compares.

    """
    patterns = {
        "names": rule.names,
        "parameters": rule.parameters,
        "aliases": rule.aliases,
        "programs": rule.programs,
    }
    counts = {**{name: len(found) for name, found in patterns.items()}, "uids": len(rule.uids)}
    for name, count in counts.items():
        if count > MOST_VALUES:
            raise PolicyError(f"rule {rule.id}: {count} {name}, and {MOST_VALUES} are compared: write a second rule")
    values: dict[str, int | bytes] = {
        "operations": _bits(operation_number(one) for one in rule.operations),
        "action": constants("action")[rule.action.value],
        "resolved": int(rule.resolved),
        "signer": int(rule.action is Action.ALLOW and bool(rule.signers)),
        "flags_wished": int(rule.flags is not None),
        "flags": int(rule.flags or 0),
        "origins": _bits(rule.origins),
        "container": _wish(rule.container),
        "kernel_thread": _wish(rule.kernel_thread),
        "uids_count": len(rule.uids),
        "id": rule.id.encode()[:ID_BYTES],
    }
    for index, (low, high) in enumerate(rule.uids):
        values |= {f"uids.{index}.low": low, f"uids.{index}.high": high}
    for name, found in patterns.items():
        values[f"{name}.count"] = len(found)
        for index, pattern in enumerate(found):
            values |= _pattern(f"{name}.pattern.{index}", pattern)
    return pack("rule", values)


def has_caller(rule: Rule) -> bool:
    """Return whether a rule has a condition besides the module's name."""
    return bool(
        rule.uids
        or rule.programs
        or rule.flags is not None
        or rule.container is not None
        or rule.kernel_thread is not None
        or rule.origins
        or rule.aliases
        or rule.parameters
        or rule.resolved
    )


def kept_modules(policy: Policy) -> tuple[Pattern, ...]:
    """Return the names of the modules that nobody may remove: the guard holds a reference on each."""
    return tuple(
        pattern
        for rule in policy.rules
        if Operation.UNLOAD in rule.operations and rule.action is Action.DENY and not has_caller(rule)
        for pattern in rule.names
    )


def check_unload(policy: Policy) -> None:
    """Check that what is said of removals can be held.

    Raises:
        PolicyError: a rule goes by a name and something else. The kernel part knows the name only from user
            memory, where another thread can change it.

    """
    for rule in policy.rules:
        if Operation.UNLOAD not in rule.operations or not rule.names:
            continue
        if rule.action is Action.ALLOW or has_caller(rule):
            raise PolicyError(
                f"rule {rule.id}: whether a module may be removed by its name and something else cannot be decided"
                " without a race; a rule that denies by names alone keeps these modules, one without names says"
                " who may remove any"
            )


def compile_policy(policy: Policy, modes: Mapping[Operation, Mode] | None = None) -> Compiled:
    """Return a policy as bytes.

    Args:
        policy: to be compiled.
        modes: instead of the policy's own.

    Raises:
        PolicyError: the kernel part cannot hold it.

    """
    chosen = policy.modes if modes is None else modes
    if len(policy.rules) > MOST_RULES:
        raise PolicyError(f"{len(policy.rules)} rules, and the kernel part holds {MOST_RULES}: join some of them")
    by_number = {operation_number(one): chosen.get(one, Mode.OFF) for one in Operation}
    places = range(constants("operation")["operations"])
    size = layout("class").size
    return Compiled(
        b"".join(rule_bytes(rule) for rule in policy.rules),
        len(policy.rules),
        struct.pack(f"<{len(policy.classes)}I", *range(len(policy.classes))),
        b"".join(holds.to_bytes(size, "little") for holds in policy.classes),
        _bits(operation_number(one) for one in policy.closed),
        words([by_number.get(number, Mode.OFF) for number in places]),
    )
