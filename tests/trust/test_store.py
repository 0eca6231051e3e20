from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from ringward.trust import files, rows, seal, store, tables
from ringward.trust.entry import Entry, Item, Who
from ringward.trust.store import Store, StoreError, open_store, scratch_store

WHO = Who(None, 0, 100)


def entry(number: int) -> Entry:
    return Entry(Item(number.to_bytes(32, "big"), "program", f"/usr/bin/{number}"), "hand", WHO)


def fill(path: Path, *numbers: int) -> None:
    with open_store(str(path), write=True, create=True) as opened, opened.change() as connection:
        rows.add(connection, map(entry, numbers))


def numbers(opened: Store) -> list[int]:
    return [int.from_bytes(one.item.digest, "big") for one in rows.entries(opened.connection)]


def held(path: Path) -> tuple[list[int], str]:
    with open_store(str(path)) as opened:
        return numbers(opened), opened.warning


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state/trust.db"


def test_a_new_one_is_private_and_has_a_copy(path: Path) -> None:
    fill(path, 1, 2)
    assert held(path) == ([1, 2], "")
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    for each in (path, Path(f"{path}.good")):
        assert stat.S_IMODE(each.stat().st_mode) == 0o600
    assert sorted(each.name for each in path.parent.iterdir()) == ["trust.db", "trust.db.good"]
    # The shell of SQLite's own library agrees that both are whole.
    for each in (path, f"{path}.good"):
        assert sqlite3.connect(each).execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_the_copy_is_that_of_the_last_change(path: Path) -> None:
    fill(path, 1)
    fill(path, 2)
    path.unlink()
    found, warning = held(path)
    assert found == [1, 2]
    assert warning.startswith(f"{path}: there is none; its last good copy is used")


def test_there_is_none(path: Path) -> None:
    with pytest.raises(StoreError, match="make one: ringward trust init"):
        open_store(str(path))
    with pytest.raises(StoreError, match="make one: ringward trust init"):
        open_store(str(path), write=True)
    assert not path.parent.exists()


def damage_header(path: Path) -> None:
    with path.open("r+b") as file:
        file.write(b"rubbish")


def damage_page(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * 4096)


def cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def empty(path: Path) -> None:
    os.truncate(path, 0)


def flip_a_bit_of_a_digest(path: Path) -> None:
    data = bytearray(path.read_bytes())
    at = data.index((3).to_bytes(32, "big"))
    data[at + 31] ^= 0x40
    path.write_bytes(data)
    # Nothing that SQLite itself would notice.
    assert sqlite3.connect(path).execute("PRAGMA integrity_check").fetchone() == ("ok",)


def another_database(path: Path) -> None:
    path.unlink()
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE entries (digest)")
    path.chmod(0o600)


def open_to_others(path: Path) -> None:
    path.chmod(0o622)


def a_link(path: Path) -> None:
    target = path.with_name("elsewhere")
    path.rename(target)
    path.symlink_to(target)


def remove(path: Path) -> None:
    path.unlink()


DAMAGES = [
    damage_header,
    damage_page,
    cut,
    empty,
    flip_a_bit_of_a_digest,
    another_database,
    open_to_others,
    a_link,
    remove,
]


@pytest.mark.parametrize("damage", DAMAGES)
def test_of_a_damaged_one_the_last_good_copy_is_used_loudly(path: Path, damage: object) -> None:
    fill(path, 1, 2, 3)
    damage(path)  # type: ignore[operator]
    before = path.read_bytes() if path.exists() else None
    found, warning = held(path)
    assert found == [1, 2, 3]
    assert "its last good copy is used" in warning
    # Looking changes nothing.
    assert (path.read_bytes() if path.exists() else None) == before
    with open_store(str(path), write=True) as opened:
        assert "took its place" in opened.warning
        assert numbers(opened) == [1, 2, 3]
        with opened.change() as connection:
            rows.add(connection, [entry(4)])
    assert held(path) == ([1, 2, 3, 4], "")
    assert os.path.lexists(f"{path}.bad") == (before is not None)


@pytest.mark.parametrize("damage", DAMAGES)
def test_when_both_are_damaged_there_is_no_list_at_all(path: Path, damage: object) -> None:
    fill(path, 1, 2, 3)
    for each in (path, Path(f"{path}.good")):
        damage(each)  # type: ignore[operator]
    for write, create in ((False, False), (True, False), (True, True)):
        if create and not path.exists() and not Path(f"{path}.good").exists():
            continue  # then a new one is what was asked for
        with pytest.raises(StoreError, match=r"no trust database: .*its copy"):
            open_store(str(path), write=write, create=create)


def test_init_makes_no_new_one_over_a_damaged_one(path: Path) -> None:
    fill(path, 1)
    damage_header(path)
    Path(f"{path}.good").unlink()
    with pytest.raises(StoreError, match="put both aside"):
        open_store(str(path), write=True, create=True)


def test_a_change_that_fails_changes_nothing(path: Path) -> None:
    fill(path, 1)
    with open_store(str(path), write=True) as opened:
        with pytest.raises(ZeroDivisionError), opened.change() as connection:  # noqa: PT012 - the block is what fails
            rows.add(connection, [entry(2)])
            raise ZeroDivisionError
        with pytest.raises(StoreError, match="nothing of this change is in it"), opened.change() as connection:
            rows.add(connection, [entry(3)._replace(item=Item(b"short", "program", ""))])
        assert numbers(opened) == [1]
    assert held(path) == ([1], "")


def test_a_full_disk_changes_nothing(path: Path) -> None:
    fill(path, 1)
    with open_store(str(path), write=True) as opened:
        opened.connection.execute(
            f"PRAGMA max_page_count = {opened.connection.execute('PRAGMA page_count').fetchone()[0]}"
        )
        with pytest.raises(StoreError, match="full"), opened.change() as connection:
            rows.add(connection, map(entry, range(2, 1000)))
    assert held(path) == ([1], "")


def test_a_copy_that_cannot_be_made_is_told_apart(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(path, 1)

    def fail(_path: str) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(store, "save_copy", fail)
    with open_store(str(path), write=True) as opened:
        with pytest.raises(StoreError, match="is changed, but its last good copy"), opened.change() as connection:
            rows.add(connection, [entry(2)])
        assert numbers(opened) == [1, 2]


def test_two_writers_wait_for_each_other(path: Path) -> None:
    fill(path, 0)
    code = (
        "import sys\nfrom tests.trust.test_store import fill\nfrom pathlib import Path\n"
        "for number in range(5):\n    fill(Path(sys.argv[1]), int(sys.argv[2]) + number)"
    )
    writers = [subprocess.Popen([sys.executable, "-c", code, path, str(first)]) for first in (10, 20, 30)]
    assert [writer.wait() for writer in writers] == [0, 0, 0]
    assert held(path) == ([0, *range(10, 15), *range(20, 25), *range(30, 35)], "")


def test_a_writer_that_does_not_end_is_told(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(path, 1)
    monkeypatch.setattr(store, "_WAIT", 0.1)
    with open_store(str(path), write=True) as first, open_store(str(path), write=True) as second:
        first.connection.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="locked"), second.change():
            pass
        assert numbers(second) == [1], "it can be read meanwhile"


def test_a_newer_one_is_left_alone(path: Path) -> None:
    fill(path, 1)
    with sqlite3.connect(path) as newer:
        newer.execute(f"PRAGMA user_version = {tables.VERSION + 1}")
    with pytest.raises(StoreError, match=f"version {tables.VERSION + 1} of the tables"):
        open_store(str(path))
    with pytest.raises(StoreError, match="use the newer one"):
        open_store(str(path), write=True)


def test_an_older_one_is_brought_up(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(path, 1, 2)
    monkeypatch.setattr(tables, "SCRIPTS", (*tables.SCRIPTS, "CREATE TABLE more (x); INSERT INTO more VALUES (7)"))
    monkeypatch.setattr(tables, "VERSION", tables.VERSION + 1)
    with open_store(str(path), write=True) as opened:
        assert tables.version(opened.connection) == tables.VERSION
        assert opened.connection.execute("SELECT x FROM more").fetchone() == (7,)
        assert numbers(opened) == [1, 2]
    assert held(path) == ([1, 2], "")


def test_an_interrupted_making_is_made_again(path: Path) -> None:
    files.make_private(str(path))
    with pytest.raises(StoreError, match="make one"):
        open_store(str(path))
    fill(path, 1)
    assert held(path) == ([1], "")


def test_left_over_drafts_are_in_nobodys_way(path: Path) -> None:
    fill(path, 1)
    for ending in (".good.new", ".good.new-journal", ".new"):
        Path(f"{path}{ending}").write_bytes(b"half")
    fill(path, 2)
    damage_header(path)
    fill(path, 3)
    assert held(path) == ([1, 2, 3], "")


def test_a_damaged_ones_journal_does_not_reach_the_copy(path: Path) -> None:
    fill(path, 1)
    journal = Path(f"{path}-journal")
    with open_store(str(path), write=True) as opened:
        opened.connection.execute("PRAGMA cache_size = 1")
        opened.connection.execute("BEGIN")
        rows.add(opened.connection, map(entry, range(2, 5000)))
        hot = journal.read_bytes()
        opened.connection.execute("ROLLBACK")
    damage_header(path)
    journal.write_bytes(hot)
    fill(path, 2)
    assert held(path) == ([1, 2], "")


def test_the_seal(path: Path) -> None:
    fill(path, 1)
    with open_store(str(path)) as opened:
        assert seal.holds(opened.connection)
        opened.connection.execute("DELETE FROM facts")
        assert not seal.holds(opened.connection)


def test_a_scratch_store_has_no_file(path: Path) -> None:
    with scratch_store(str(path)) as opened:
        assert numbers(opened) == []
        assert rows.count(opened.connection) == 0
    assert not path.parent.exists()
