from __future__ import annotations

from pathlib import Path

import pytest

from ringward.guard.source import Source
from ringward.trust import rows
from ringward.trust.entry import Entry, Item, Pending, Who
from ringward.trust.rule_files import RulesError
from ringward.trust.rules import TRUSTED, UNKNOWN, Mode, Operation
from ringward.trust.store import Store, StoreError, open_store

WHO = Who(None, 0, 100)
MODES = {Operation.MODULES: Mode.ENFORCE}
RULE = '[[rule]]\nid = "r"\naction = "deny"\nname = "x"\n'


def item(letter: str) -> Item:
    return Item(letter.encode() * 32, "module image", f"/{letter}.ko")


def opened(path: Path, *, create: bool = False) -> Store:
    return open_store(str(path), write=True, create=create)


def add(path: Path, *letters: str) -> None:
    with opened(path, create=True) as store, store.change() as connection:
        rows.add(connection, [Entry(item(letter), "hand", WHO) for letter in letters])


def waiting(letter: str) -> Pending:
    return Pending(item(letter), "denied", "why", 1, 1)


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "trust.db"
    add(path, "a")
    return path


@pytest.fixture
def source(database: Path, tmp_path: Path) -> Source:
    return Source(str(database), str(tmp_path / "rules"), MODES, frozenset({Operation.MODULES}))


def test_the_policy_is_that_of_database_and_rules(source: Source, tmp_path: Path) -> None:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules/a.toml").write_text(RULE)
    policy, digests = source.policy()
    assert ([rule.id for rule in policy.rules], policy.modes, policy.closed) == (["r"], MODES, {Operation.MODULES})
    assert (digests.find(b"a" * 32) & TRUSTED, digests.find(b"b" * 32)) == (TRUSTED, UNKNOWN)
    found = source.rule("r")
    assert found is not None
    assert found.id == "r"
    assert source.rule(None) is source.rule("other") is None


def test_a_change_by_somebody_else_is_noticed_once(source: Source, database: Path) -> None:
    source.policy()
    assert not source.changed()
    add(database, "b")
    assert source.changed()
    assert source.policy()[1].find(b"b" * 32) & TRUSTED
    assert not source.changed()


def test_what_it_writes_itself_is_no_change(source: Source, database: Path) -> None:
    source.policy()
    source.wait([waiting("p")])
    assert not source.changed()
    with opened(database) as store:
        assert [one.item for one in rows.pendings(store.connection)] == [item("p")]


def test_each_digest_waits_once_until_the_policy_is_another(source: Source, database: Path) -> None:
    source.policy()
    source.wait([waiting("p"), waiting("p")])
    source.wait([waiting("p"), waiting("q")])
    with opened(database) as store:
        assert {one.item.path: one.times for one in rows.pendings(store.connection)} == {"/p.ko": 1, "/q.ko": 1}
    source.policy()
    source.wait([waiting("p")])
    with opened(database) as store:
        assert {one.times for one in rows.pendings(store.connection, "digest = ?", (b"p" * 32,))} == {2}


def test_rules_that_come_change_and_go(source: Source, tmp_path: Path) -> None:
    source.policy()
    folder = tmp_path / "rules"
    folder.mkdir()
    file = folder / "a.toml"
    file.write_text(RULE)
    assert source.changed()
    assert len(source.policy()[0].rules) == 1
    (folder / "a.toml.bak").write_text("no rules")
    assert not source.changed()
    file.unlink()
    assert source.changed()
    assert source.policy()[0].rules == ()


def test_rules_that_cannot_be_used_are_told_once_and_the_last_ones_stay(source: Source, tmp_path: Path) -> None:
    (tmp_path / "rules").mkdir()
    file = tmp_path / "rules/a.toml"
    file.write_text(RULE)
    source.policy()
    file.write_text("[[rule")
    with pytest.raises(RulesError):
        source.policy()
    assert not source.changed()
    assert source.rule("r") is not None


def test_another_file_in_its_place(source: Source, database: Path, tmp_path: Path) -> None:
    source.policy()
    other = tmp_path / "other.db"
    add(other, "z")
    other.replace(database)
    assert source.changed()
    assert source.policy()[1].find(b"z" * 32) & TRUSTED


def test_a_database_that_is_gone_or_broken(source: Source, database: Path) -> None:
    source.policy()
    broken = database.with_name("broken")
    broken.write_bytes(b"no database" * 100)
    broken.chmod(0o600)
    broken.replace(database)
    assert source.changed()
    # Its last good copy takes its place, loudly.
    assert source.policy()[1].find(b"a" * 32) & TRUSTED
    assert "its last good copy took its place" in source.warning
    for path in (database, Path(f"{database}.good")):
        path.unlink()
    assert source.changed()
    with pytest.raises(StoreError, match="no trust database"):
        source.policy()


def test_an_empty_list_is_no_policy(tmp_path: Path) -> None:
    add(tmp_path / "empty.db")
    source = Source(str(tmp_path / "empty.db"), str(tmp_path / "rules"), MODES, frozenset())
    with pytest.raises(StoreError, match="would let nothing in"):
        source.policy()


def test_without_a_database_there_is_none(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="make one: ringward trust init"):
        Source(str(tmp_path / "none.db"), str(tmp_path / "rules"), MODES, frozenset())
