"""Rules and the database -> the policy: what a rule wants of a digest, package, signer or path becomes digests.

A signature counts for a rule that allows only when it was found valid with a certificate: anybody can write a key id
behind a module. For a rule that denies the key id that stands there is enough.
"""

from __future__ import annotations

import fnmatch
import re
import sqlite3
from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple

from ringward.kmod.verify import VALID
from ringward.trust.packed import SIZE, PackedDigests
from ringward.trust.patterns import underscored
from ringward.trust.rules import CLASS_SHIFT, NAMED, TRUSTED, Action, Mode, Operation, Policy, Rule
from ringward.trust.store import StoreError

_ROWS = (
    "SELECT digest, 1, path, package, name, signer, signature FROM entries"
    " UNION ALL SELECT digest, 0, path, package, name, signer, signature FROM pending ORDER BY digest"
)
_Row = tuple[bytes, int, bytes, str, str, str, str]


class Resolved(NamedTuple):
    """What rules are for the digests of a database.

    Attributes:
        known: the digests.
        classes: as `Policy.classes`.
        idle: ids of the rules for which no known digest is what they want.

    """

    known: PackedDigests
    classes: tuple[int, ...]
    idle: tuple[str, ...]


def resolve(connection: sqlite3.Connection, rules: Sequence[Rule]) -> Resolved:
    """Return the digests of a database, and which rules hold for each.

    Args:
        connection: to the database.
        rules: in their order.

    """
    asking = [(index, rule) for index, rule in enumerate(rules) if rule.resolved or rule.names]
    bare = sum(1 << index for index, rule in enumerate(rules) if not rule.resolved)
    if not asking:
        trusted = bytearray()
        for (digest,) in connection.execute("SELECT DISTINCT digest FROM entries ORDER BY digest"):
            trusted += digest
        # All of class 0, which holds every rule.
        return Resolved(PackedDigests(bytes(trusted), array("I", [TRUSTED]) * (len(trusted) // SIZE)), (bare,), ())
    tests = [(index, _Test(rule)) for index, rule in asking]
    free = bare & ~sum(1 << index for index, _ in asking)
    named = {digest for rule in rules for digest in rule.digests}
    numbers = {bare: 0}
    values = array("I")
    parts = bytearray()
    ever = 0
    for digest, rows in _with_named(connection.execute(_ROWS), sorted(named)):
        names = {row[4] for row in rows if row[4]}
        bits = free
        for index, test in tests:
            bits |= any(test(row, names) for row in rows) << index
        ever |= bits
        number = numbers.setdefault(bits, len(numbers))
        flags = TRUSTED * any(row[1] for row in rows) | NAMED * bool(names)
        values.append(number << CLASS_SHIFT | flags)
        parts += digest
    idle = tuple(rule.id for index, rule in asking if not ever >> index & 1)
    return Resolved(PackedDigests(bytes(parts), values), tuple(numbers), idle)


def _with_named(rows: Iterator[_Row], named: Sequence[bytes]) -> Iterator[tuple[bytes, list[_Row]]]:
    """Yield each digest and its rows, in order; digests that only rules name are among them."""
    left = list(reversed(named))
    for digest, group in groupby(rows, itemgetter(0)):
        while left and left[-1] < digest:
            yield left[-1], [(left.pop(), 0, b"", "", "", "", "")]
        if left and left[-1] == digest:
            left.pop()
        yield digest, list(group)
    for digest in reversed(left):
        yield digest, [(digest, 0, b"", "", "", "", "")]


class _Test:
    """Whether what a rule wants of a digest holds of a file that has it."""

    def __init__(self, rule: Rule) -> None:
        self._rule = rule
        self._digests = rule.digests
        self._packages = _globs(rule.packages)
        self._paths = _globs(rule.paths)
        self._any_signature = rule.action is Action.DENY

    def __call__(self, row: _Row, names: set[str]) -> bool:
        """Return whether it does.

        Args:
            row: of the database.
            names: of the module, by any row of the digest; none: then the kernel compares the name.

        """
        digest, _, path, package, _, signer, signature = row
        rule = self._rule
        if self._digests and digest not in self._digests:
            return False
        # libc6:amd64 is libc6, too.
        if self._packages and not (self._packages(package) or self._packages(package.partition(":")[0])):
            return False
        if rule.signers and (signer not in rule.signers or not (self._any_signature or signature == VALID)):
            return False
        if self._paths and not self._paths(path.decode("utf-8", "surrogateescape")):
            return False
        if not rule.names or not names:
            return True
        return any(pattern.matches(underscored(name.encode())) for pattern in rule.names for name in names)


def _globs(globs: Sequence[str]) -> Callable[[str], object] | None:
    if not globs:
        return None
    return re.compile("|".join(map(fnmatch.translate, globs))).match


def load_policy(
    connection: sqlite3.Connection,
    rules: Sequence[Rule],
    modes: Mapping[Operation, Mode],
    closed: frozenset[Operation] = frozenset({Operation.MODULES, Operation.PROGRAMS}),
) -> tuple[Policy, tuple[str, ...]]:
    """Return the policy, and the ids of the rules for which no known digest is what they want.

    Args:
        connection: to the database.
        rules: in their order.
        modes: of the operations.
        closed: operations in which what nothing allows is denied.

    Raises:
        StoreError: nothing is trusted: an empty list is never a policy.

    """
    resolved = resolve(connection, rules)
    if not any(value & TRUSTED for value in resolved.known.values):
        raise StoreError("the trust database has no entry, and would let nothing in; fill it: ringward trust init")
    return Policy(tuple(rules), resolved.known, resolved.classes, dict(modes), closed), resolved.idle
