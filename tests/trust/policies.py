"""Policies for tests, put together by hand: what `resolve_rules` makes of a database, without one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ringward.trust.rules import CLASS_SHIFT, NAMED, TRUSTED, UNKNOWN, Mode, Operation, Policy, Rule

TRUSTED_DIGEST, KNOWN_DIGEST, STRANGE_DIGEST = b"\x01" * 32, b"\x02" * 32, b"\x03" * 32


class Table:
    """Known digests as a dictionary."""

    def __init__(self, values: Mapping[bytes, int]) -> None:
        self.values = dict(values)

    def find(self, digest: bytes) -> int:
        return self.values.get(digest, UNKNOWN)


def policy(
    rules: Iterable[Rule] = (),
    mode: Mode = Mode.ENFORCE,
    *,
    holds: Mapping[bytes, set[str]] | None = None,
    named: Iterable[bytes] = (),
    **more: object,
) -> Policy:
    """Return a policy of one mode. `holds`: of a digest the ids of the rules whose database conditions it fulfils."""
    rules = tuple(rules)
    bare = sum(1 << index for index, rule in enumerate(rules) if not rule.resolved)
    classes = [bare]
    values = {}
    for digest in {TRUSTED_DIGEST, KNOWN_DIGEST, *(holds or {}), *named}:
        ids = (holds or {}).get(digest, set())
        bits = 0
        for index, rule in enumerate(rules):
            free = not rule.resolved and not (rule.names and digest in named)
            bits |= (free or rule.id in ids) << index
        classes.append(bits)
        flags = TRUSTED * (digest == TRUSTED_DIGEST) | NAMED * (digest in named)
        values[digest] = (len(classes) - 1) << CLASS_SHIFT | flags
    modes = dict.fromkeys(Operation, mode)
    return Policy(rules, Table(values), tuple(classes), modes, **more)  # type: ignore[arg-type]
