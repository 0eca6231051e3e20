"""A writer that is killed at any moment: the database is whole, and either the old or the new one."""

from __future__ import annotations

import os
import random
import signal
import struct
import time
from collections.abc import Callable
from pathlib import Path

from ringward.trust import files, rows, store
from ringward.trust.entry import Entry, Item, Who
from ringward.trust.store import open_store

KILLS = 100
BATCH = 300
WHO = Who(None, 0, 100)


def entries(generation: int) -> list[Entry]:
    """Return what the database holds in one generation: as many entries, all of them others."""
    return [
        Entry(Item(struct.pack(">QQQQ", number, generation, 0, 0), "program", f"/usr/bin/{number}"), "hand", WHO)
        for number in range(BATCH)
    ]


def generation_of(path: str) -> int:
    """Return the generation that a database holds; fail when it is a mixture."""
    with open_store(path) as opened:
        assert opened.warning == ""
        found = list(rows.entries(opened.connection))
        assert opened.connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    (generation,) = {struct.unpack(">QQQQ", one.item.digest)[1] for one in found}
    assert found == entries(generation)
    return int(generation)


def write_on(path: str, told: int) -> None:
    """Write one generation after the other, and tell each that is done."""
    generation = generation_of(path)
    with open_store(path, write=True) as opened:
        os.write(told, struct.pack("Q", generation))
        while True:
            with opened.change() as connection:
                rows.remove(connection, entries(generation))
                rows.add(connection, entries(generation + 1))
            generation += 1
            os.write(told, struct.pack("Q", generation))


def killed(work: Callable[[int], None], seconds: float) -> list[int]:
    """Let a process work, kill it so long after it has begun; return what it told."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        try:
            os.close(reading)
            work(writing)
        finally:
            os._exit(1)
    os.close(writing)
    told = os.read(reading, 8)
    time.sleep(seconds)
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    while part := os.read(reading, 1 << 16):
        told += part
    os.close(reading)
    assert os.WIFSIGNALED(status), "it was to be killed, and ended by itself"
    return [number for (number,) in struct.iter_unpack("Q", told)]


def test_a_hundred_kills(tmp_path: Path) -> None:
    path = str(tmp_path / "trust.db")
    with open_store(path, write=True, create=True) as opened, opened.change() as connection:
        rows.add(connection, entries(0))
    chance = random.Random(4)
    hot = drafts = ahead = moved = 0
    for _ in range(KILLS):
        told = killed(lambda out: write_on(path, out), chance.uniform(0, 0.06))
        hot += Path(path + files.JOURNAL).exists()
        drafts += Path(path + files.GOOD + files.DRAFT).exists()
        # The copy alone is whole at every moment, too: the last that was told, or the one before or after.
        store._open(path + files.GOOD).close()
        found = generation_of(path)
        assert found in {told[-1], told[-1] + 1}
        ahead += found == told[-1] + 1
        moved += len(told) > 1
    # Kills that hit nothing would prove nothing.
    assert hot + drafts + ahead >= KILLS // 4, (hot, drafts, ahead)
    assert hot
    assert drafts
    assert moved
    # Whoever comes after goes on as if nothing had been.
    before = generation_of(path)
    with open_store(path, write=True) as opened, opened.change() as connection:
        rows.remove(connection, entries(before))
        rows.add(connection, entries(before + 1))
    assert generation_of(path) == before + 1
    assert sorted(each.name for each in tmp_path.iterdir()) == ["trust.db", "trust.db.good"]


def test_a_making_that_is_killed(tmp_path: Path) -> None:
    chance = random.Random(5)
    path = str(tmp_path / "trust.db")

    def make(told: int) -> None:
        while True:
            for each in tmp_path.iterdir():
                each.unlink()
            os.write(told, struct.pack("Q", 0))
            with open_store(path, write=True, create=True) as opened, opened.change() as connection:
                rows.add(connection, entries(1))

    for _ in range(20):
        killed(make, chance.uniform(0, 0.05))
        with open_store(path, write=True, create=True) as opened:
            there = rows.count(opened.connection)
            assert there in {0, BATCH}
            with opened.change() as connection:
                rows.add(connection, entries(1))
        assert generation_of(path) == 1


def test_a_mixture_would_be_noticed(tmp_path: Path) -> None:
    path = str(tmp_path / "trust.db")
    with open_store(path, write=True, create=True) as opened, opened.change() as connection:
        rows.add(connection, entries(0)[:-1] + entries(1)[-1:])
    try:
        generation_of(path)
    except (AssertionError, ValueError):
        return
    raise AssertionError("two generations at once went unnoticed")
