"""Rows of the trust database as values, and back."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator
from typing import Literal

from ringward.trust.entry import Entry, Item, Kind, Pending, Who
from ringward.trust.look import NOTHING, Looked
from ringward.trust.survey import Memory, Remembered

_ITEM = "digest, kind, path, package, version, name, signer, signature"
_ENTRY = f"{_ITEM}, source, login, uid, time, reason"
_PENDING = f"{_ITEM}, seen, why, first, last, times"
_NOTHING = Remembered(NOTHING)


def _item(row: tuple[bytes, str, bytes, str, str, str, str, str]) -> Item:
    digest, kind, path, *rest = row
    return Item(digest, kind, os.fsdecode(path), *rest)


def _values(item: Item) -> tuple[object, ...]:
    return (item.digest, item.kind, os.fsencode(item.path), *item[3:])


def entries(connection: sqlite3.Connection, where: str = "", values: tuple[object, ...] = ()) -> Iterator[Entry]:
    """Yield the entries, in the order of their digests.

    Args:
        connection: to the database.
        where: a condition in SQL, of this package's own making.
        values: that the condition's question marks stand for.

    """
    condition = f"WHERE {where}" if where else ""
    for row in connection.execute(f"SELECT {_ENTRY} FROM entries {condition} ORDER BY digest", values):  # noqa: S608
        yield Entry(_item(row[:8]), row[8], Who(*row[9:12]), row[12])


def pendings(connection: sqlite3.Connection, where: str = "", values: tuple[object, ...] = ()) -> Iterator[Pending]:
    """Yield what waits for a decision, in the order of the digests; arguments as of `entries`."""
    condition = f"WHERE {where}" if where else ""
    for row in connection.execute(f"SELECT {_PENDING} FROM pending {condition} ORDER BY digest", values):  # noqa: S608
        yield Pending(_item(row[:8]), *row[8:])


def add(connection: sqlite3.Connection, new: Iterable[Entry]) -> None:
    """Add entries; of one that is there it is kept who added it, and what is known of the module is renewed."""
    connection.executemany(
        f"INSERT INTO entries ({_ENTRY}) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)"  # noqa: S608 - constants
        " ON CONFLICT DO UPDATE SET kind = excluded.kind, name = excluded.name, signer = excluded.signer,"
        " signature = excluded.signature",
        ((*_values(entry.item), entry.source, *entry.who, entry.reason) for entry in new),
    )


def remove(connection: sqlite3.Connection, old: Iterable[Entry]) -> None:
    """Remove entries."""
    connection.executemany(
        "DELETE FROM entries WHERE digest = ? AND path = ? AND source = ? AND package = ? AND version = ?",
        (
            (item.digest, os.fsencode(item.path), entry.source, item.package, item.version)
            for entry in old
            for item in (entry.item,)
        ),
    )


def wait(connection: sqlite3.Connection, new: Iterable[Pending]) -> None:
    """Let digests wait for a decision; of one that does, the time and number of sightings are renewed."""
    connection.executemany(
        f"INSERT INTO pending ({_PENDING}) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)"  # noqa: S608 - constants
        " ON CONFLICT DO UPDATE SET kind = excluded.kind, path = excluded.path, package = excluded.package,"
        " version = excluded.version, name = excluded.name, signer = excluded.signer, signature = excluded.signature,"
        " seen = excluded.seen, why = excluded.why, last = excluded.last, times = times + excluded.times",
        ((*_values(one.item), *one[1:]) for one in new),
    )


def forget(connection: sqlite3.Connection, digests: Iterable[bytes]) -> None:
    """Let digests wait no longer."""
    connection.executemany("DELETE FROM pending WHERE digest = ?", ((digest,) for digest in digests))


def count(connection: sqlite3.Connection, of: Literal["entries", "pending"] = "entries") -> int:
    """Return how many digests are trusted, or wait for a decision."""
    (found,) = connection.execute(f"SELECT count(DISTINCT digest) FROM {of}").fetchone()  # noqa: S608 - two constants
    return int(found)


def memory(connection: sqlite3.Connection) -> dict[bytes, Remembered]:
    """Return what is kept of the files of the last survey."""
    rows = connection.execute(
        "SELECT identity, kind, digest, image, md5, name, signer, signature, certificates FROM memory"
    )
    return {
        row[0]: Remembered(Looked(Kind(row[1]), *row[2:8]), row[8]) if row[1] is not None else _NOTHING for row in rows
    }


def remember(connection: sqlite3.Connection, before: Memory, after: Memory) -> None:
    """Keep what a survey found of files.

    Args:
        connection: to the database.
        before: what is in it.
        after: what is to be in it.

    """
    connection.executemany("DELETE FROM memory WHERE identity = ?", ((same,) for same in before if same not in after))
    # In the order of the keys, and no column more than is needed: most files are no code.
    new = sorted((same, one) for same, one in after.items() if before.get(same) != one)
    nothing = ((same,) for same, one in new if not one.looked.kind)
    connection.executemany("INSERT OR REPLACE INTO memory (identity) VALUES (?)", nothing)
    connection.executemany(
        "INSERT OR REPLACE INTO memory VALUES (?,?,?,?,?,?,?,?,?)",
        ((same, *one.looked, one.certificates) for same, one in new if one.looked.kind),
    )
