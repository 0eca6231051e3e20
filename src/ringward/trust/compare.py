"""The machine beside the database: what was changed, what is missing, what is new. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple

from ringward.trust.change import Blind
from ringward.trust.entry import SURVEYED, Entry, Item, Kind, Source
from ringward.trust.judge import Judgement
from ringward.trust.survey import Survey


class State(StrEnum):
    """How a file stands to the database."""

    CHANGED = "changed"
    """It is there with other bytes: not trusted ones, or those of another path."""
    MISSING = "missing"
    """It is not there."""
    NEW = "new"
    """Nothing is trusted at its path, nor its bytes elsewhere."""


class Mismatch(NamedTuple):
    """A file that is not as the database says.

    Attributes:
        state: how it differs.
        item: what is on the machine; of a missing file, what should be.
        why: nothing vouches for it; "": it is missing.

    """

    state: State
    item: Item
    why: str = ""


class Comparison(NamedTuple):
    """What was found.

    Attributes:
        mismatches: in the order of the paths.
        same: files that are as the database says.
        old: entries of what is not installed any more, which `gc` removes.

    """

    mismatches: list[Mismatch]
    same: int
    old: int


def compare(found: Survey, entries: Iterable[Entry]) -> Comparison:
    """Return how the machine differs from the database.

    Args:
        found: by a survey that remembered nothing, so that every file was read.
        entries: of the database.

    """
    trusted = set()
    expected: dict[str, Item] = {}
    old = []
    placed = set()
    for entry in entries:
        item = entry.item
        trusted.add(item.digest)
        placed.add((item.digest, item.path))
        if entry.source not in SURVEYED or (item.kind == Kind.MODULE_IMAGE and item.path in expected):
            continue
        if entry.source == Source.DPKG and (item.package, item.version) not in found.installed:
            old.append(item)
        else:
            expected[item.path] = item
    there = {one.item.path for one in found.judgements}
    # Of a compressed module one line is enough: a file that is changed has another image, too.
    first: dict[str, Judgement] = {}
    for one in found.judgements:
        first.setdefault(one.item.path, one)
    known = expected.keys() | {item.path for item in old}
    mismatches = []
    for path, one in first.items():
        digest = one.item.digest
        if digest not in trusted:
            mismatches.append(Mismatch(State.CHANGED if path in known else State.NEW, one.item, one.why))
        elif path in expected and not one.source and not {(digest, path), (digest, "")} & placed:
            # One program in the place of another: it may start, but that is not what its package brought.
            mismatches.append(Mismatch(State.CHANGED, one.item, f"{one.why}; its bytes are trusted, of another path"))
    blind = Blind(found.faults)
    gone = expected.keys() - there
    mismatches += [Mismatch(State.MISSING, expected[path]) for path in gone if not blind.covers(path)]
    mismatches.sort(key=lambda one: one.item.path)
    bad = sum(one.state is not State.MISSING for one in mismatches)
    return Comparison(mismatches, len(first) - bad, len(old))
