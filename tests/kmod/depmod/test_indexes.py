from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringward.kmod.depmod import _native, indexes
from ringward.kmod.depmod.module import DepmodError, Module
from ringward.kmod.index import Index
from ringward.kmod.index_writer import IndexWriter

keys = st.text("ab_[\x01\x7f", min_size=1, max_size=8)
entries = st.lists(st.tuples(keys, st.sampled_from(("", "m", "é\udc80")), st.integers(0, 3)), max_size=40)


@given(entries)
def test_the_bytes_are_those_of_the_plain_writer(some: list[tuple[str, str, int]]) -> None:
    writer = IndexWriter()
    for key, value, priority in some:
        writer.insert(key, value, priority)
    columns = [list(column) for column in zip(*some, strict=True)] if some else [[], [], []]
    assert _native.index(*columns) == writer.content()


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        ((["é"], [""], [0]), ValueError),
        ((["a\0"], [""], [0]), ValueError),
        ((["a"], ["\0"], [0]), ValueError),
        ((["a"], [""], [1 << 32]), ValueError),
        ((["a"], [""], [-1]), OverflowError),
        ((["a"], [""], []), ValueError),
        (([1], [""], [0]), TypeError),
        ((["a"], [b""], [0]), TypeError),
        ((["a"], [""], [None]), TypeError),
        ((("a",), [""], [0]), TypeError),
    ],
)
def test_faulty_arguments(arguments: tuple[list[str], list[str], list[int]], fault: type[Exception]) -> None:
    with pytest.raises(fault):
        _native.index(*arguments)


def test_faulty_names_for_the_hash() -> None:
    with pytest.raises(TypeError):
        _native.hashes(("a",))  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        _native.hashes([1])  # type: ignore[list-item]


def test_keys_that_hold_each_other() -> None:
    nested = ["a" * size for size in range(1, 3000)]
    content = _native.index(nested, nested, [0] * len(nested))
    assert len(content) > sum(map(len, nested))


def walk(content: bytes, folder: Path) -> list[tuple[str, str]]:
    file = folder / "index.bin"
    file.write_bytes(content)
    return [(key, getattr(value, "value", value)) for key, value in Index.open(str(file)).walk()]


def modules(*aliases: list[str]) -> list[Module]:
    found = []
    for number, some in enumerate(aliases):
        module = Module(f"m{number}", f"/m{number}.ko")
        module.number = number
        module.aliases = some
        found.append(module)
    return found


def test_aliases_are_normalised_and_the_faulty_ones_told(tmp_path: Path) -> None:
    told: list[str] = []
    found = modules(["x-y", "a[b-c]-d", "bad[", "bad]", "é"], ["x_y", "x-y", "", "\udc80"])
    content = indexes.alias(found, lambda level, text: told.append(f"{level} {text}"), warn_duplicates=True)
    assert walk(content, tmp_path) == [("", "m1"), ("a[b-c]_d", "m0"), ("x_y", "m0"), ("x_y", "m1"), ("x_y", "m1")]
    assert told == [
        "WARNING Unmatched bracket in bad[",
        "WARNING Unmatched bracket in bad]",
        "WARNING alias é is not ASCII: it is in no index",
        "WARNING duplicate module alias:\nx_y m1",
        "WARNING alias \udc80 is not ASCII: it is in no index",
    ]
    told.clear()
    assert indexes.alias(found, lambda _, text: told.append(text), warn_duplicates=False) == content
    assert len(told) == 4


def test_the_other_indexes(tmp_path: Path) -> None:
    found = modules([], [])
    lines = ["m0.ko: m1.ko", "m1.ko:"]
    assert walk(indexes.dep(found, lines), tmp_path) == [("m0", lines[0]), ("m1", lines[1])]
    exported = [("x", found[1]), ("é", found[0]), ("y", found[0])]
    assert walk(indexes.symbols(exported), tmp_path) == [("symbol:x", "m1"), ("symbol:y", "m0")]
    assert walk(indexes.builtin(["b", "a"]), tmp_path) == [("a", ""), ("b", "")]
    pairs = [("al-i", "a"), ("al_i", "b"), ("[", "c")]
    told: list[str] = []
    assert walk(indexes.builtin_alias(pairs, lambda _, text: told.append(text)), tmp_path) == [
        ("al_i", "b"),
        ("al_i", "a"),
    ]
    assert told == ["Unmatched bracket in ["]


def test_files_that_are_not_there_give_empty_indexes() -> None:
    assert indexes.builtin(None) == indexes.builtin_alias(None, lambda *_: None) == b""


def test_an_index_that_is_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    def too_large(*_columns: object) -> bytes:
        raise OverflowError("an index reaches 256 MiB")

    monkeypatch.setattr(_native, "index", too_large)
    with pytest.raises(DepmodError, match="could not write an index: an index reaches 256 MiB"):
        indexes.builtin(["a"])
