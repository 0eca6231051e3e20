from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from ringward.trust import rows
from ringward.trust.entry import Entry, Item, Pending, Who, alias
from ringward.trust.find import FindError, by_id, matching
from ringward.trust.store import scratch_store

WHO = Who(None, 0, 1)
PATHS = {"/usr/bin/a": "0123", "/usr/bin/a/b": "0124", "/usr/bin/ab": "0999", "/odd/\udcff": "0aaa", "/*": "0bbb"}


def digest(start: str) -> bytes:
    return bytes.fromhex(start.ljust(64, "0"))


@pytest.fixture
def connection() -> sqlite3.Connection:
    found = scratch_store("x").connection
    rows.add(found, [Entry(Item(digest(start), "script", path), "hand", WHO) for path, start in PATHS.items()])
    rows.wait(found, [Pending(Item(digest("0125"), "script", "/usr/bin/p"), "survey", "why", 1, 1)])
    return found


@pytest.mark.parametrize(("text", "start"), [("0123", "0123"), ("0AAa", "0aaa"), ("01230", "0123"), ("0125", "0125")])
def test_ids(connection: sqlite3.Connection, text: str, start: str) -> None:
    assert by_id(connection, text) == digest(start)
    assert by_id(connection, digest(start).hex()) == digest(start)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("012", "is no id"),
        ("0" * 65, "is no id"),
        ("xyzw", "is no id"),
        ("0???", "is no id"),
        ("0126", "no digest begins with 0126"),
    ],
)
def test_what_is_no_id(connection: sqlite3.Connection, text: str, why: str) -> None:
    with pytest.raises(FindError, match=why.replace("?", r"\?")):
        by_id(connection, text)


def test_an_alias(connection: sqlite3.Connection) -> None:
    rows.wait(connection, [Pending(alias("net-pf-29"), "learned", "why", 1, 1)])
    rows.add(connection, [Entry(alias("0123"), "hand", WHO)])
    for text in ("net-pf-29", "net_pf_29", alias("net-pf-29").digest.hex()[:12]):
        entries, pendings = matching(connection, text)
        assert (entries, [one.item.name for one in pendings]) == ([], ["net_pf_29"])
    # What is an alias is meant before an id that it looks like.
    assert [one.item.name for one in matching(connection, "0123")[0]] == ["0123"]


def test_an_ambiguous_id(connection: sqlite3.Connection) -> None:
    rows.add(connection, [Entry(Item(digest("01234"), "script", ""), "hand", WHO)])
    with pytest.raises(FindError, match="2 digests begin with 0123: 012300000000, 012340000000; write more"):
        by_id(connection, "0123")


@pytest.mark.parametrize(
    ("text", "paths"),
    [
        ("/usr/bin/a", {"/usr/bin/a", "/usr/bin/a/b"}),
        ("/usr/bin", {"/usr/bin/a", "/usr/bin/a/b", "/usr/bin/ab", "/usr/bin/p"}),
        ("/usr/bin/", {"/usr/bin/a", "/usr/bin/a/b", "/usr/bin/ab", "/usr/bin/p"}),
        ("/odd/\udcff", {"/odd/\udcff"}),
        ("/*", {"/*"}),
        ("/", {*PATHS, "/usr/bin/p"}),
        ("0125", {"/usr/bin/p"}),
    ],
)
def test_paths_and_all_below_them(connection: sqlite3.Connection, text: str, paths: set[str]) -> None:
    entries, pendings = matching(connection, text)
    assert {one.item.path for one in (*entries, *pendings)} == paths


def test_a_link_means_what_it_leads_to(connection: sqlite3.Connection, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("/usr/bin/ab")
    assert [one.item.path for one in matching(connection, str(tmp_path / "link"))[0]] == ["/usr/bin/ab"]


@pytest.mark.parametrize("text", ["/usr/b", "/usr/bin/a0", "/%"])
def test_unknown_paths(connection: sqlite3.Connection, text: str) -> None:
    with pytest.raises(FindError, match="nothing is known of"):
        matching(connection, text)
