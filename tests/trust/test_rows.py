from __future__ import annotations

import sqlite3

import pytest

from ringward.trust import rows
from ringward.trust.entry import Entry, Item, Kind, Pending, Who
from ringward.trust.look import NOTHING, Looked
from ringward.trust.store import scratch_store
from ringward.trust.survey import Remembered

ITEM = Item(b"d" * 32, "module image", "/usr/\udcff \u00e9\n", "p:amd64", "1.0", "m", "0a", "valid")
ENTRY = Entry(ITEM, "dpkg", Who(1000, 0, 100), "because")


@pytest.fixture
def connection() -> sqlite3.Connection:
    return scratch_store("x").connection


def test_what_is_put_in_comes_out(connection: sqlite3.Connection) -> None:
    other = Entry(Item(b"a" * 32, "script", ""), "hand", Who(None, 1, 2))
    rows.add(connection, [ENTRY, other])
    assert list(rows.entries(connection)) == [other, ENTRY]
    assert list(rows.entries(connection, "package = ?", ("p:amd64",))) == [ENTRY]
    assert rows.count(connection) == 2


def test_who_came_first_stays(connection: sqlite3.Connection) -> None:
    rows.add(connection, [ENTRY])
    later = ENTRY._replace(item=ITEM._replace(signature="invalid"), who=Who(None, 5, 500), reason="other")
    rows.add(connection, [later])
    (found,) = rows.entries(connection)
    assert found == ENTRY._replace(item=later.item)


def test_one_digest_has_several_entries_and_counts_once(connection: sqlite3.Connection) -> None:
    others = [
        ENTRY,
        ENTRY._replace(source="hand"),
        ENTRY._replace(item=ITEM._replace(path="/x")),
        ENTRY._replace(item=ITEM._replace(version="2")),
    ]
    rows.add(connection, others)
    assert len(list(rows.entries(connection))) == 4
    assert rows.count(connection) == 1
    rows.remove(connection, others[1:3])
    assert list(rows.entries(connection)) == [others[0], others[3]]


def test_waiting(connection: sqlite3.Connection) -> None:
    first = Pending(ITEM, "survey", "nobody knows it", 100, 100)
    rows.wait(connection, [first])
    assert list(rows.pendings(connection)) == [first]
    rows.wait(connection, [first._replace(seen="denied", why="refused", first=200, last=200)])
    assert list(rows.pendings(connection)) == [Pending(ITEM, "denied", "refused", 100, 200, 2)]
    rows.forget(connection, [b"x" * 32])
    assert len(list(rows.pendings(connection))) == 1
    rows.forget(connection, [ITEM.digest])
    assert list(rows.pendings(connection)) == []


def test_what_a_survey_remembers(connection: sqlite3.Connection) -> None:
    looked = Looked(Kind.MODULE_FILE, b"d" * 32, b"i" * 32, b"m" * 16, "m", "0a", "valid")
    first = {
        b"1": Remembered(looked, b"c"),
        b"2": Remembered(NOTHING),
        b"3": Remembered(Looked(Kind.SCRIPT, b"s" * 32)),
    }
    rows.remember(connection, {}, first)
    assert rows.memory(connection) == first
    second = {b"2": first[b"2"], b"3": Remembered(Looked(Kind.SCRIPT, b"t" * 32)), b"4": Remembered(NOTHING)}
    rows.remember(connection, first, second)
    assert rows.memory(connection) == second
    assert rows.memory(connection)[b"2"].looked == NOTHING
