"""The file of the trust database: opening it, changing it, and the last good copy beside it.

A rollback journal, not a write-ahead log: between two changes the database is one file, which can be protected,
copied and checked as one, and readers, which hold it for a fraction of a second, never have to write beside it.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Self
from urllib.parse import quote

from ringward.trust import files, seal, tables

PATH = "/var/lib/ringward/trust.db"
"""Of the machine's own database."""
_WAIT = 30.0
"""Seconds that another's change is waited for."""


class StoreError(Exception):
    """The database cannot be used. The message: what was attempted, why it failed, what to do next."""


class Damage(Exception):  # noqa: N818 - what it is; no caller of the store sees it
    """A database file that must not be used, and why."""


class Store:
    """An open trust database.

    Attributes:
        path: that was asked for.
        connection: to it, or to its last good copy.
        warning: why it is the copy, or came from it, and what to do; "": it is neither.

    """

    def __init__(self, path: str, connection: sqlite3.Connection, warning: str = "") -> None:
        self.path = path
        self.connection = connection
        self.warning = warning

    def close(self) -> None:
        """Close it."""
        self.connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def change(self) -> Iterator[sqlite3.Connection]:
        """Change it, all or nothing: what is done in the block is there after it, on the disk, or none of it.

        Afterwards the last good copy is made anew.

        Raises:
            StoreError: it cannot be written, or another process does not end its change.

        """
        try:
            with self._transaction():
                yield self.connection
                seal.write(self.connection)
        except (sqlite3.Error, OSError) as error:
            raise StoreError(f"{self.path} could not be changed: {error}; nothing of this change is in it") from error
        try:
            # The lock is held meanwhile: two processes do not make the copy at once.
            with self._transaction():
                save_copy(self.path)
        except (sqlite3.Error, OSError, Damage) as error:
            raise StoreError(
                f"{self.path} is changed, but its last good copy could not be made: {error}; the next change tries it"
            ) from error

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self.connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            self.connection.execute("COMMIT")
        except BaseException:
            if self.connection.in_transaction:
                self.connection.execute("ROLLBACK")
            raise


def open_store(path: str, *, write: bool = False, create: bool = False) -> Store:
    """Open the database, or where it cannot be used, its last good copy.

    Args:
        path: of it.
        write: whether it will be changed; a damaged one is put aside then, and its copy takes its place.
        create: whether to make one where there is none.

    Raises:
        StoreError: neither can be used; there is none; or a newer Ringward made it.

    """
    try:
        return Store(path, _open(path))
    except Damage as damage:
        why = str(damage)
    good = path + files.GOOD
    try:
        copy = _open(good)
    except Damage as damage:
        if create and not os.path.exists(good) and _is_empty(path):  # noqa: PTH110 - paths are text here
            return Store(path, _create(path))
        hint = "make one: ringward trust init" if _is_empty(path) else "put both aside, then: ringward trust init"
        raise StoreError(f"no trust database: {path}: {why}; its copy {good}: {damage}; {hint}") from None
    if not write:
        return Store(path, copy, f"{path}: {why}; its last good copy is used: the next change puts it in its place")
    copy.close()
    try:
        kept = _put_in_place(path, good)
    except OSError as error:
        raise StoreError(f"{path}: {why}; its last good copy could not take its place: {error}") from error
    aside = f", the damaged one is now {kept}" if kept else ""
    return Store(path, _open(path), f"{path}: {why}; its last good copy took its place{aside}")


def scratch_store(path: str) -> Store:
    """Return an empty database in memory: to tell what making one at `path` would come to."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    tables.migrate(connection)
    return Store(path, connection)


def _is_empty(path: str) -> bool:
    """Return whether there is no database, or one that was never filled: its making was cut off."""
    try:
        return os.stat(path).st_size == 0  # noqa: PTH116 - paths are text here
    except OSError:
        return not os.path.lexists(path)


def _open(path: str) -> sqlite3.Connection:
    """Return a connection to a database that was checked.

    Raises:
        Damage: it must not be used.
        StoreError: a newer Ringward made it.

    """
    why = files.fault(path)
    if why is not None:
        raise Damage(why or "there is none")
    try:
        connection = _connect(path)
    except sqlite3.Error as error:
        raise Damage(str(error)) from error
    try:
        _check(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


def _connect(path: str, mode: str = "") -> sqlite3.Connection:
    # Who may not write can read, as long as no journal of a killed writer is to be rolled back.
    mode = mode or ("rw" if os.access(path, os.W_OK) else "ro")
    uri = f"file:{quote(os.fsencode(os.path.abspath(path)))}?mode={mode}"  # noqa: PTH100 - paths are text here
    connection = sqlite3.connect(uri, uri=True, timeout=_WAIT, isolation_level=None)
    connection.execute("PRAGMA synchronous = EXTRA")
    connection.execute("PRAGMA trusted_schema = OFF")
    return connection


def _check(connection: sqlite3.Connection, path: str) -> None:
    try:
        # One transaction: all of it is of one state.
        connection.execute("BEGIN")
        (application,) = connection.execute("PRAGMA application_id").fetchone()
        found = tables.version(connection)
        if application == tables.APPLICATION and found > tables.VERSION:
            raise StoreError(
                f"{path} has version {found} of the tables, this Ringward knows {tables.VERSION}: use the newer one"
            )
        if application != tables.APPLICATION:
            raise Damage("it is empty" if not found and _is_empty(path) else "it is not a trust database")
        (answer,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
        if answer != "ok":
            raise Damage(f"it is damaged: {' '.join(str(answer).split())}")
        if found == tables.VERSION and not seal.holds(connection):
            raise Damage("its digests are not those that were written")
        connection.execute("COMMIT")
    except sqlite3.Error as error:
        raise Damage(f"it cannot be read: {error}") from error
    if found < tables.VERSION:
        _migrate(connection, path)


def _migrate(connection: sqlite3.Connection, path: str) -> None:
    try:
        connection.execute("BEGIN EXCLUSIVE")
        tables.migrate(connection)
        seal.write(connection)
        connection.execute("COMMIT")
    except sqlite3.Error as error:
        raise StoreError(
            f"{path} has older tables, and could not be brought up to version {tables.VERSION}: {error}; a"
            " command of ringward trust that root runs does it"
        ) from error


def _create(path: str) -> sqlite3.Connection:
    try:
        if files.fault(path) == "":
            files.make_private(path)
        connection = _connect(path, "rw")
        connection.execute("BEGIN EXCLUSIVE")
        tables.migrate(connection)
        seal.write(connection)
        connection.execute("COMMIT")
    except (sqlite3.Error, OSError) as error:
        raise StoreError(f"{path} could not be made: {error}; name another place with --database") from error
    return connection


def save_copy(path: str) -> None:
    """Make the last good copy: written beside the last one, checked, and only then in its place."""
    draft = path + files.GOOD + files.DRAFT
    for each in (draft, draft + files.JOURNAL):
        files.remove(each)
    files.make_private(draft)
    copy = _connect(draft, "rw")
    # A connection of its own: SQLite does not copy from one that holds the lock.
    source = _connect(path, "ro")
    try:
        # No rollback is wanted of a file that counts only when it is whole.
        copy.execute("PRAGMA journal_mode = OFF")
        source.backup(copy)
    finally:
        source.close()
        copy.close()
    _open(draft).close()
    files.replace(draft, path + files.GOOD)


def _put_in_place(path: str, good: str) -> str:
    """Put the good copy in the database's place; return where that is kept, "" if there was none."""
    kept = ""
    # The journal goes first: SQLite would roll it back into whatever is in the database's place.
    for ending in (files.JOURNAL, ""):
        if os.path.lexists(path + ending):
            kept = path + files.BAD + ending
            os.replace(path + ending, kept)  # noqa: PTH105 - paths are text here
    draft = path + files.DRAFT
    files.remove(draft)
    files.make_private(draft)
    with open(good, "rb") as source, open(draft, "wb") as target:  # noqa: PTH123 - paths are text here
        while part := source.read(1 << 20):
            target.write(part)
    files.replace(draft, path)
    return kept
