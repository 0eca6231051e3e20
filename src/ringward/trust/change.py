"""What a command will change in the database: made first, shown, and then done or, with --dry-run, not."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from ringward.trust import rows
from ringward.trust.entry import SURVEYED, Entry, Pending, Seen, Who
from ringward.trust.sources.fault import Fault
from ringward.trust.survey import Survey


@dataclass
class Change:
    """A change of the database.

    Attributes:
        add: entries that are new.
        renew: entries that are there, and of whose module something else is known: whose signature, and whether valid.
        remove: entries that go.
        wait: digests that wait for a decision from then on.
        forget: digests that wait no longer.

    """

    add: list[Entry] = field(default_factory=list)
    renew: list[Entry] = field(default_factory=list)
    remove: list[Entry] = field(default_factory=list)
    wait: list[Pending] = field(default_factory=list)
    forget: list[Pending] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.add or self.renew or self.remove or self.wait or self.forget)

    def apply(self, connection: sqlite3.Connection) -> None:
        """Do it, within the transaction that is open."""
        rows.remove(connection, self.remove)
        rows.add(connection, [*self.add, *self.renew])
        rows.forget(connection, [one.item.digest for one in self.forget])
        rows.wait(connection, self.wait)


def _key(entry: Entry) -> tuple[str | bytes, ...]:
    item = entry.item
    return item.digest, item.path, entry.source, item.package, item.version


def of_entries(new: Iterable[Entry], entries: Iterable[Entry], pendings: Iterable[Pending]) -> Change:
    """Return the change that adds entries; what waited of them waits no longer.

    Args:
        new: entries.
        entries: that are in the database.
        pendings: that are in the database.

    """
    there = {_key(entry): entry.item for entry in entries}
    change = Change()
    digests = set()
    for entry in new:
        digests.add(entry.item.digest)
        before = there.get(_key(entry))
        if before is None:
            change.add.append(entry)
        elif before != entry.item:
            change.renew.append(entry)
        there[_key(entry)] = entry.item
    change.forget = [one for one in pendings if one.item.digest in digests]
    return change


def of_survey(found: Survey, entries: Sequence[Entry], pendings: Sequence[Pending], who: Who) -> Change:
    """Return the change that a survey leads to: entries for what is vouched for, the rest waits; nothing is removed.

    Args:
        found: by the survey.
        entries: that are in the database.
        pendings: that are in the database.
        who: had it made.

    """
    new = [Entry(one.item, one.source, who, one.why) for one in found.judgements if one.source]
    change = of_entries(new, entries, pendings)
    trusted = {entry.item.digest for entry in entries} | {entry.item.digest for entry in new}
    before = {one.item.digest: one for one in pendings}
    waiting = {}
    for one in found.judgements:
        digest = one.item.digest
        if not one.source and digest not in trusted and digest not in waiting:
            waiting[digest] = Pending(one.item, Seen.SURVEY, one.why, who.time, who.time)
    change.wait = [
        one
        for digest, one in waiting.items()
        if digest not in before or (before[digest].item, before[digest].why) != (one.item, one.why)
        if before.get(digest, one).seen == Seen.SURVEY
    ]
    blind = Blind(found.faults)
    gone = (one for one in pendings if one.seen == Seen.SURVEY and one.item.digest not in waiting)
    already = {one.item.digest for one in change.forget}
    change.forget += [one for one in gone if one.item.digest not in already and not blind.covers(one.item.path)]
    return change


def of_old(found: Survey, entries: Iterable[Entry]) -> Change:
    """Return the change that removes what a survey no longer finds: of packages and versions that are not installed.

    What somebody added by hand, approved or imported stays, and so does what the survey could not look at.
    """
    there = {(one.item.digest, one.item.path) for one in found.judgements}
    blind = Blind(found.faults)
    return Change(
        remove=[
            entry
            for entry in entries
            if entry.source in SURVEYED
            and (entry.item.digest, entry.item.path) not in there
            and not blind.covers(entry.item.path)
        ]
    )


class Blind:
    """Where a survey could not look: the places of its faults, and what is below them."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self._places = {fault.path for fault in faults}

    def covers(self, path: str) -> bool:
        """Return whether nothing is known of a path."""
        while path and path not in self._places:
            path = path.rpartition("/")[0]
        return bool(path)
