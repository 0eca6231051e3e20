"""A checksum of the trusted digests, kept with them: SQLite itself does not notice a flipped bit in a value."""

from __future__ import annotations

import hashlib
import sqlite3

NAME = "seal"
"""Its row in the table facts."""


def compute(connection: sqlite3.Connection) -> bytes:
    """Return the seal of the digests that are in the database."""
    found = hashlib.sha256()
    for (digest,) in connection.execute("SELECT digest FROM entries ORDER BY digest"):
        found.update(digest)
    return found.digest()


def write(connection: sqlite3.Connection) -> None:
    """Seal the digests, within the transaction that is open."""
    connection.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (NAME, compute(connection)))


def holds(connection: sqlite3.Connection) -> bool:
    """Return whether the digests are those that were sealed."""
    row = connection.execute("SELECT value FROM facts WHERE name = ?", (NAME,)).fetchone()
    return row is not None and row[0] == compute(connection)
