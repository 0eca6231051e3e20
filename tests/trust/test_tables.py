from __future__ import annotations

import sqlite3

import pytest

from ringward.trust import tables


def test_an_empty_file_becomes_the_newest_version() -> None:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    assert tables.version(connection) == 0
    tables.migrate(connection)
    assert tables.version(connection) == tables.VERSION == len(tables.SCRIPTS)
    assert connection.execute("PRAGMA application_id").fetchone() == (tables.APPLICATION,)
    before = connection.execute("SELECT sql FROM sqlite_schema ORDER BY name").fetchall()
    tables.migrate(connection)
    assert connection.execute("SELECT sql FROM sqlite_schema ORDER BY name").fetchall() == before


def test_only_what_is_missing_is_run(monkeypatch: pytest.MonkeyPatch) -> None:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    tables.migrate(connection)
    monkeypatch.setattr(tables, "SCRIPTS", ("no SQL at all",) * tables.VERSION + ("CREATE TABLE more (x)",))
    monkeypatch.setattr(tables, "VERSION", tables.VERSION + 1)
    tables.migrate(connection)
    assert connection.execute("SELECT count(*) FROM more").fetchone() == (0,)


def test_a_digest_has_32_bytes() -> None:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    tables.migrate(connection)
    with pytest.raises(sqlite3.IntegrityError):
        connection.execute(
            "INSERT INTO entries VALUES (?, 'program', x'', '', '', '', '', '', 'hand', NULL, 0, 0, '')", (b"short",)
        )
    with pytest.raises(sqlite3.IntegrityError):
        connection.execute(
            "INSERT INTO entries VALUES (?, 'program', x'', '', '', '', '', '', 'hand', NULL, 0, 0, '')", ("x" * 32,)
        )
