from __future__ import annotations

import hashlib
import sqlite3

import pytest

from ringward.trust import rows, seal, tables
from tests.trust.test_store import entry


@pytest.fixture
def connection() -> sqlite3.Connection:
    found = sqlite3.connect(":memory:", isolation_level=None)
    tables.migrate(found)
    return found


def test_it_is_of_the_digests_in_their_order(connection: sqlite3.Connection) -> None:
    assert not seal.holds(connection), "never sealed"
    for order in ((3, 1, 2), (1, 2, 3)):
        connection.execute("DELETE FROM entries")
        rows.add(connection, map(entry, order))
        assert seal.compute(connection) == hashlib.sha256(b"".join(n.to_bytes(32, "big") for n in (1, 2, 3))).digest()


def test_any_other_list_breaks_it(connection: sqlite3.Connection) -> None:
    rows.add(connection, map(entry, (1, 2)))
    seal.write(connection)
    assert seal.holds(connection)
    rows.add(connection, [entry(3)])
    assert not seal.holds(connection)
    rows.remove(connection, [entry(3)])
    assert seal.holds(connection)
    connection.execute("DELETE FROM entries")
    assert not seal.holds(connection)
