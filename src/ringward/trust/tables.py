"""The tables of the trust database, and how an older one becomes a newer one."""

from __future__ import annotations

import sqlite3

APPLICATION = 0x52_57_54_44
"""application_id in the file's header: "RWTD"."""

SCRIPTS = (
    """
CREATE TABLE entries (
    digest BLOB NOT NULL CHECK (length(digest) = 32),
    kind TEXT NOT NULL,
    path BLOB NOT NULL,
    package TEXT NOT NULL,
    version TEXT NOT NULL,
    name TEXT NOT NULL,
    signer TEXT NOT NULL,
    signature TEXT NOT NULL,
    source TEXT NOT NULL,
    login INTEGER,
    uid INTEGER NOT NULL,
    time INTEGER NOT NULL,
    reason TEXT NOT NULL,
    PRIMARY KEY (digest, path, source, package, version)
) STRICT, WITHOUT ROWID;

CREATE TABLE pending (
    digest BLOB NOT NULL PRIMARY KEY CHECK (length(digest) = 32),
    kind TEXT NOT NULL,
    path BLOB NOT NULL,
    package TEXT NOT NULL,
    version TEXT NOT NULL,
    name TEXT NOT NULL,
    signer TEXT NOT NULL,
    signature TEXT NOT NULL,
    seen TEXT NOT NULL,
    why TEXT NOT NULL,
    first INTEGER NOT NULL,
    last INTEGER NOT NULL,
    times INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE memory (
    identity BLOB NOT NULL PRIMARY KEY,
    kind TEXT,
    digest BLOB,
    image BLOB,
    md5 BLOB,
    name TEXT,
    signer TEXT,
    signature TEXT,
    certificates BLOB
) STRICT, WITHOUT ROWID;

CREATE TABLE facts (name TEXT NOT NULL PRIMARY KEY, value ANY) STRICT, WITHOUT ROWID;
""",
)
"""Script i makes version i + 1 of version i; version 0 is an empty file."""
VERSION = len(SCRIPTS)


def version(connection: sqlite3.Connection) -> int:
    """Return the version of an open database."""
    (found,) = connection.execute("PRAGMA user_version").fetchone()
    return int(found)


def migrate(connection: sqlite3.Connection) -> None:
    """Bring a database up to `VERSION`, within the transaction that is open."""
    for number in range(version(connection), VERSION):
        for statement in SCRIPTS[number].split(";"):
            if statement.strip():
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {number + 1}")
    connection.execute(f"PRAGMA application_id = {APPLICATION}")
