"""What somebody means by an id, a path or an alias."""

from __future__ import annotations

import os
import re
import sqlite3

from ringward.trust import rows
from ringward.trust.entry import Entry, Pending, alias, short

FEWEST = 4
"""Hexadecimal digits that an id has at least."""
_ID = re.compile(r"[0-9a-fA-F]+")


class FindError(ValueError):
    """Words that mean nothing, or several things. The message says what to write."""


def by_id(connection: sqlite3.Connection, text: str) -> bytes:
    """Return the one digest, trusted or pending, that begins so.

    Raises:
        FindError: it is no id, none begins so, or several do.

    """
    if not _ID.fullmatch(text) or not FEWEST <= len(text) <= 64:
        raise FindError(f"'{text}' is no id: those are the first {FEWEST} to 64 hexadecimal digits of a digest")
    # A prefix of an odd number of digits has no bytes: compare as text.
    where = "hex(digest) GLOB ?"
    query = f"SELECT digest FROM entries WHERE {where} UNION SELECT digest FROM pending WHERE {where} LIMIT 9"  # noqa: S608
    found = [digest for (digest,) in connection.execute(query, (f"{text.upper()}*",) * 2)]
    if not found:
        raise FindError(f"no digest begins with {text}: ringward trust list, ringward trust list --pending")
    if len(found) > 1:
        raise FindError(f"{len(found)} digests begin with {text}: {', '.join(map(short, found))}; write more of it")
    return bytes(found[0])


def below(connection: sqlite3.Connection, path: str) -> tuple[list[Entry], list[Pending]]:
    """Return all that is known of a path, as the database has it, and of what is below it."""
    start = os.fsencode(path)
    # Everything below begins with the path and '/'; '0' is the character behind it.
    where, values = "path = ? OR (path >= ? AND path < ?)", (start, start + b"/", start + b"0")
    return list(rows.entries(connection, where, values)), list(rows.pendings(connection, where, values))


def matching(connection: sqlite3.Connection, text: str) -> tuple[list[Entry], list[Pending]]:
    """Return all that is known of an id, of an alias, or of an absolute path, and of what is below it.

    Raises:
        FindError: as `by_id`, or the path is not known.

    """
    if text.startswith("/"):
        # /bin/sh is known as what it leads to.
        for path in dict.fromkeys((text.rstrip("/"), os.path.realpath(text))):
            found = below(connection, path)
            if any(found):
                return found
        raise FindError(f"nothing is known of {text}")
    found = _of(connection, alias(text).digest)
    return found if any(found) else _of(connection, by_id(connection, text))


def _of(connection: sqlite3.Connection, digest: bytes) -> tuple[list[Entry], list[Pending]]:
    where, values = "digest = ?", (digest,)
    return list(rows.entries(connection, where, values)), list(rows.pendings(connection, where, values))
