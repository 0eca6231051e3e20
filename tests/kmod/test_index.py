from __future__ import annotations

import os
import struct
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringward.kmod.errors import KmodError
from ringward.kmod.fnmatch import fnmatch
from ringward.kmod.index import CHILDS, MAGIC, PREFIX, VALUES, VERSION, Index
from ringward.kmod.index_writer import IndexWriter
from tests.kmod.conftest import KernelTree

HEADER = struct.Struct(">III")
ENTRIES = [
    ("pci:v1*", "a", 3),
    ("pci:v1*", "b", 1),
    ("pci:v12", "c", 2),
    ("pci:*", "d", 0),
    ("pci:v[0-9]2", "e", 9),
    ("pc?:v12", "f", 4),
    ("pci", "g", 5),
    ("usb:\\*", "h", 6),
    ("", "never", 0),
]


def made(entries: list[tuple[str, str, int]]) -> bytes:
    writer = IndexWriter()
    for key, value, priority in entries:
        if key:
            writer.insert(key, value, priority)
    return writer.content()


def index(entries: list[tuple[str, str, int]]) -> Index:
    return Index(made(entries), "some.bin")


def raw(body: bytes, root: int) -> Index:
    return Index(HEADER.pack(MAGIC, VERSION, root) + body, "bad.bin")


def ref(flags: int, offset: int) -> int:
    return flags << 28 | offset


def questions(found: Index, keys: tuple[str, ...] = ("pci", "pci:v12", "pci:v1", "x", "", "usb:\\*")) -> None:
    """Ask everything."""
    list(found.walk())
    for key in keys:
        found.exact(key)
        found.wild(key)


def test_exact_takes_keys_literally() -> None:
    found = index(ENTRIES)
    assert found.exact("pci:v1*") == ["b", "a"]  # ascending by priority
    assert found.exact("pci") == ["g"]
    assert [found.exact(key) for key in ("pci:v1", "pci:v123", "p", "", "zzz")] == [[]] * 5


def test_a_file_that_comes_in_pieces_is_read_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "modules.dep.bin"
    file.write_bytes(made([(f"name{number}", f"value{number}", 0) for number in range(50)]))
    read = os.read
    monkeypatch.setattr(os, "read", lambda fd, size: read(fd, min(size, 100)))
    assert Index.open(str(file)).exact("name37") == ["value37"]


def test_wild_takes_keys_as_patterns() -> None:
    found = index(ENTRIES)
    assert found.wild("pci:v12") == ["d", "b", "c", "a", "f", "e"]
    assert [(match.pattern, match.priority) for match in found.matches("pci:v1")] == [
        ("pci:*", 0),
        ("pci:v1*", 1),
        ("pci:v1*", 3),
    ]
    assert found.wild("pci") == ["g"]
    # Before the first wildcard a key is not a pattern: a backslash is itself there.
    assert found.wild("usb:*") == []
    assert found.wild("usb:\\*") == ["h"]


def test_walk_goes_through_keys_in_order() -> None:
    found = index(ENTRIES)
    keys = sorted(key for key, _, _ in ENTRIES if key)
    assert [key for key, _ in found.walk()] == keys
    assert sorted(found.entries()) == sorted(each for each in ENTRIES if each[0])


def test_undecodable_bytes_come_out_as_they_went_in() -> None:
    found = index([("a", os.fsdecode(b"\xff/\xc3"), 0)])
    assert os.fsencode(found.exact("a")[0]) == b"\xff/\xc3"
    assert found.exact(os.fsdecode(b"\xff")) == []


def test_the_installed_depmods_aliases_are_all_there(kernel_tree: KernelTree) -> None:
    text = Path(kernel_tree.directory, "modules.alias").read_text()
    wanted = [tuple(line.split()[1:]) for line in text.splitlines() if line.startswith("alias ")]
    found = Index.open(f"{kernel_tree.directory}/modules.alias.bin")
    # depmod writes names with '-' as '_' into the index only; both are as many.
    assert len(wanted) > 20000
    normal = [(key if "[" in key else key.replace("-", "_"), value) for key, value in found.walk()]
    assert sorted(normal) == sorted((key if "[" in key else key.replace("-", "_"), value) for key, value in wanted)


keys = st.text("ab*?[]x-\\!", min_size=1, max_size=7)


@given(st.lists(keys, min_size=1, max_size=15), st.lists(st.text("abx-", max_size=6), min_size=1, max_size=8))
def test_wild_agrees_with_fnmatch(patterns: list[str], asked: list[str]) -> None:
    found = index([(pattern, str(number), number) for number, pattern in enumerate(patterns)])
    for text in asked:

        def matches(pattern: str, text: str = text) -> bool:
            start = next((at for at, char in enumerate(pattern) if char in "*?["), len(pattern))
            return text.startswith(pattern[:start]) and (
                fnmatch(pattern[start:], text[start:]) if start < len(pattern) else text == pattern
            )

        assert found.wild(text) == [str(n) for n, pattern in enumerate(patterns) if matches(pattern)], text


@given(st.lists(keys, unique=True), keys)
def test_exact_finds_what_was_put_in(patterns: list[str], other: str) -> None:
    found = index([(pattern, pattern[::-1], 0) for pattern in patterns])
    for pattern in patterns:
        assert found.exact(pattern) == [pattern[::-1]]
    assert found.exact(other) == ([other[::-1]] if other in patterns else [])


def test_long_chains_of_nodes_are_no_recursion() -> None:
    found = index([("a" * length, str(length), 0) for length in range(1, 3000)])
    assert found.exact("a" * 2999) == ["2999"]
    assert sum(1 for _ in found.walk()) == 2999
    assert len(index([("?" * length + "*", "x", 0) for length in range(1, 1500)]).wild("b" * 2000)) == 1499


# Damaged files


def test_a_cut_file_is_told_with_place() -> None:
    data = made(ENTRIES)
    for size in range(len(data)):
        with pytest.raises(KmodError, match=r"cut\.bin") as told:
            list(Index(data[:size], "cut.bin").walk())
        assert told.value.offset is not None
        assert told.value.offset <= size


def values(*texts: bytes) -> bytes:
    return struct.pack(">I", len(texts)) + b"".join(bytes(4) + text + b"\0" for text in texts)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "12 bytes of header"),
        (HEADER.pack(1, VERSION, 0), "not an index: magic 0x00000001"),
        (HEADER.pack(MAGIC, 0x00030001, 0), "index version 3"),
    ],
)
def test_what_is_no_index(data: bytes, why: str) -> None:
    with pytest.raises(KmodError, match=why):
        Index(data, "x.bin")


def test_the_low_half_of_the_version_does_not_count() -> None:
    data = made(ENTRIES)
    assert Index(data[:4] + struct.pack(">I", 0x00020007) + data[8:], "x").exact("pci") == ["g"]


@pytest.mark.parametrize(
    ("body", "root", "why"),
    [
        (b"", ref(VALUES, 12), "the file ends in a number"),
        (b"", ref(VALUES, 4), "a node outside the file"),
        (b"", ref(CHILDS, 100), "range of children is damaged"),
        (b"ba", ref(CHILDS, 12), "range of children is damaged"),
        (b"az" + bytes(8), ref(CHILDS, 12), "a node outside the file"),
        (b"abc", ref(PREFIX, 12), "a string without end"),
        (b"x" * 70000 + b"\0", ref(PREFIX, 12), "a string without end"),
        (struct.pack(">I", 0xFFFFFFFF), ref(VALUES, 12), "4294967295 values do not fit"),
        (struct.pack(">I", 1) + bytes(4) + b"abc", ref(VALUES, 12), "a string without end"),
        # A child that is its parent; two nodes that lead to each other.
        (b"aa" + struct.pack(">I", ref(CHILDS, 12)), ref(CHILDS, 12), "nodes overlap or form a loop"),
        (
            b"aa" + struct.pack(">I", ref(CHILDS, 18)) + b"bb" + struct.pack(">I", ref(CHILDS, 12)),
            ref(CHILDS, 12),
            "nodes overlap or form a loop",
        ),
    ],
)
def test_damaged_nodes(body: bytes, root: int, why: str) -> None:
    with pytest.raises(KmodError, match=why) as told:
        list(raw(body, root).walk())
    assert told.value.path == "bad.bin"
    assert told.value.offset is not None


def doubling(char: bytes, levels: int) -> Index:
    """Return an index in which each node has two children, both the same one: 2 to the power of `levels` keys."""
    body = b""
    for level in range(levels):
        below = 12 + 10 * (level + 1)
        body += (
            char + bytes((char[0] + 1,)) + 2 * struct.pack(">I", ref(CHILDS if level + 1 < levels else VALUES, below))
        )
    return raw(body + values(b"x"), ref(CHILDS, 12))


@pytest.mark.parametrize("ask", [lambda found: list(found.walk()), lambda found: found.wild("+" * 60)])
def test_shared_nodes_do_not_multiply(ask: Callable[[Index], object]) -> None:
    start = time.process_time()
    with pytest.raises(KmodError, match="nodes overlap"):
        ask(doubling(b"*", 60))
    assert time.process_time() - start < 2


def test_a_loop_below_a_wildcard_ends() -> None:
    found = raw(b"**" + struct.pack(">I", ref(CHILDS, 12)), ref(CHILDS, 12))
    with pytest.raises(KmodError, match="nodes overlap"):
        found.wild("abc")
    assert found.exact("***") == []


def test_keys_do_not_grow_without_end() -> None:
    size = 3000
    nodes = [b"p" * (size - 7) + b"\0aa" + struct.pack(">I", ref(PREFIX | CHILDS, 12 + size * n)) for n in range(1, 41)]
    with pytest.raises(KmodError, match="a key longer than 65536 bytes"):
        list(raw(b"".join(nodes), ref(PREFIX | CHILDS, 12)).walk())


def test_patterns_that_take_long_end() -> None:
    """A chain of nodes, each one a pattern with brackets: with each, all that is above it is matched again."""
    link = b"[a-z]\0aa"
    size = len(link) + 4 + len(values(b"x"))
    flags = PREFIX | CHILDS | VALUES
    nodes = [link + struct.pack(">I", ref(flags, 12 + 8 + size * (n + 1))) + values(b"x") for n in range(3000)]
    root = b"*\0[[" + struct.pack(">I", ref(flags, 12 + 8))
    found = raw(root + b"".join(nodes) + link + struct.pack(">I", 0) + values(b"x"), ref(PREFIX | CHILDS, 12))
    start = time.process_time()
    with pytest.raises(KmodError, match="its patterns would take too long to match") as told:
        found.wild("a" * 400)
    assert told.value.offset
    assert time.process_time() - start < 10


def test_files_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Index.open(str(tmp_path / "no.bin"))
    with pytest.raises(KmodError, match="not a regular file"):
        Index.open(str(tmp_path))
    os.mkfifo(tmp_path / "pipe.bin")
    with pytest.raises(KmodError, match="not a regular file"):  # and it was not waited for
        Index.open(str(tmp_path / "pipe.bin"))
    with (tmp_path / "large.bin").open("wb") as file:
        file.truncate(1 << 29)
    with pytest.raises(KmodError, match="536870912 bytes; an index has at most"):
        Index.open(str(tmp_path / "large.bin"))


SMALL = made(ENTRIES)


@settings(max_examples=1500)
@given(
    st.lists(st.tuples(st.integers(8, len(SMALL) - 1), st.integers(0, 255)), min_size=1, max_size=6), st.integers(0, 9)
)
def test_any_damage_is_an_answer_or_told(changes: list[tuple[int, int]], cut: int) -> None:
    data = bytearray(SMALL)
    for place, value in changes:
        data[place] = value
    start = time.process_time()
    for ask in (
        lambda found: list(found.walk()),
        lambda found: found.wild("pci:v12"),
        lambda found: found.exact("pci:v1*"),
        lambda found: found.wild("usb:***"),
    ):
        try:
            ask(Index(bytes(data[: len(data) - cut]), "x.bin"))
        except KmodError as error:
            assert error.path == "x.bin"  # noqa: PT017 - both are right
    assert time.process_time() - start < 2


@settings(max_examples=500)
@given(st.binary(max_size=200), st.integers(0, (1 << 32) - 1))
def test_anything_behind_a_header_is_an_answer_or_told(body: bytes, root: int) -> None:
    for asked in (root, ref(root >> 28, 12 + root % (len(body) + 1))):
        try:
            questions(raw(body, asked))
        except KmodError as error:
            assert error.path == "bad.bin"  # noqa: PT017 - both are right
