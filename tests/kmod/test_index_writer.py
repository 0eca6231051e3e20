from __future__ import annotations

import io
import struct
from pathlib import Path

import pytest

from ringward.kmod import index_writer
from ringward.kmod.errors import KmodError
from ringward.kmod.index import Index
from ringward.kmod.index_writer import IndexWriter
from tests.kmod.conftest import KernelTree

INDEXES = ("dep", "alias", "symbols", "builtin", "builtin.alias")


def written(*entries: tuple[str, str, int]) -> bytes:
    writer = IndexWriter()
    for key, value, priority in entries:
        writer.insert(key, value, priority)
    file = io.BytesIO()
    writer.write(file)
    return file.getvalue()


def test_the_bytes_of_a_small_index() -> None:
    # Keys ab, abc, abd: the root, "b" with a value and two children, each with an own value.
    assert written(("abd", "z", 7), ("ab", "x", 1), ("abc", "y", 2)) == b"".join(
        (
            struct.pack(">III", 0xB007F457, 0x00020001, 0x2000000C),
            b"aa" + struct.pack(">I", 0xE0000012),  # at 12: the root, its child 'a' is at 18
            b"b\0" + b"cd" + struct.pack(">II", 0x40000028, 0x40000032),  # at 18: prefix b, children c and d
            struct.pack(">II", 1, 1) + b"x\0",  # and the value of "ab"
            struct.pack(">II", 1, 2) + b"y\0",  # at 40: "abc"
            struct.pack(">II", 1, 7) + b"z\0",  # at 50: "abd"
        )
    )


def test_an_index_without_entries() -> None:
    assert written() == struct.pack(">III", 0xB007F457, 0x00020001, 12)
    assert list(Index(written(), "x").walk()) == []
    assert Index(written(), "x").exact("a") == []


def test_values_of_a_key_stand_by_priority_and_later_ones_first() -> None:
    data = written(("k", "first", 5), ("k", "second", 5), ("k", "low", 1), ("k", "first", 5))
    assert Index(data, "x").exact("k") == ["low", "first", "second", "first"]


@pytest.mark.parametrize(
    ("entry", "why"),
    [
        (("\xe4", "v", 0), "ASCII"),
        (("", "v", 0), "ASCII"),
        (("a\0b", "v", 0), "ASCII"),
        (("a" * 65537, "v", 0), "ASCII"),
        (("a", "v\0", 0), "NUL"),
        (("a", "v", -1), "u32"),
        (("a", "v", 1 << 32), "u32"),
    ],
)
def test_what_cannot_be_written(entry: tuple[str, str, int], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        IndexWriter().insert(*entry)


def test_more_than_offsets_reach(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index_writer, "OFFSET", 40)
    assert len(written(("a", "b", 0))) == 28
    with pytest.raises(KmodError, match="bytes; an index reaches 40"):
        written(("a", "b" * 40, 0))


def test_keys_are_counted() -> None:
    writer = IndexWriter()
    assert len(writer) == 0
    for key in "aab":
        writer.insert(key, "", 0)
    assert len(writer) == 2


@pytest.mark.parametrize("name", INDEXES)
def test_depmods_indexes_written_again(kernel_tree: KernelTree, name: str) -> None:
    path = Path(kernel_tree.directory, f"modules.{name}.bin")
    theirs = Index.open(str(path))
    entries = list(theirs.entries())
    assert len(entries) > 50
    ours = written(*reversed(entries))  # reversed: of equal priorities the later one comes first
    assert len(ours) == path.stat().st_size
    assert list(Index(ours, "x").entries()) == entries


def test_a_parent_stands_before_its_children() -> None:
    data = written(*((f"{a}{b}{c}", "v", 0) for a in "abc" for b in "de" for c in "fgh"))
    found = Index(data, "x")
    todo = [struct.unpack_from(">I", data, 8)[0]]
    order = []
    while todo:
        ref = todo.pop()
        order.append(ref & 0x0FFFFFFF)
        _, first, last, table, _, _ = found._node(ref)
        todo += [child for _, child in found._children(first, last, table)][::-1]
    assert len(order) == 1 + 3 + 6 + 18
    assert order == sorted(order)
