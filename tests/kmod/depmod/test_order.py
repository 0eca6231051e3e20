from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from ringward.kmod.depmod import _native
from ringward.kmod.depmod.module import Module, Place
from ringward.kmod.depmod.order import closures, hash_order, module_order, rank

MASK = 0xFFFFFFFF


def superfasthash(data: bytes) -> int:
    """Return the hash as http://www.azillionmonkeys.com/qed/hash.html describes it, slowly."""
    value = len(data)
    whole, left = divmod(len(data), 4)
    for at in range(0, whole * 4, 4):
        value = value + int.from_bytes(data[at : at + 2], "little") & MASK
        value ^= (value << 16 ^ int.from_bytes(data[at + 2 : at + 4], "little") << 11) & MASK
        value = value + (value >> 11) & MASK
    tail = data[whole * 4 :]
    last = (tail[-1] ^ 0x80) - 0x80 if tail else 0  # a signed char
    if left == 3:
        value = value + int.from_bytes(tail[:2], "little") & MASK
        value ^= (value << 16 ^ last << 18) & MASK
        value = value + (value >> 11) & MASK
    elif left == 2:
        value = value + int.from_bytes(tail, "little") & MASK
        value ^= value << 11 & MASK
        value = value + (value >> 17) & MASK
    elif left == 1:
        value = value + last & MASK
        value ^= value << 10 & MASK
        value = value + (value >> 1) & MASK
    for left_shift, right_shift in ((3, 5), (4, 17), (25, 6)):
        value ^= value << left_shift & MASK
        value = value + (value >> right_shift) & MASK
    return value


def test_the_hash() -> None:
    chance = random.Random(1)
    names = ["".join(chance.choices("abc_xyz019é\udc80", k=size)) for size in range(40) for _ in range(5)]
    assert _native.hashes(names) == [superfasthash(os.fsencode(name)) for name in names]


def test_hash_order_sorts_the_bytes_of_a_bucket() -> None:
    names = [f"n{number}" for number in range(300)] + ["é", "z", "\udc80"]
    buckets = {name: superfasthash(os.fsencode(name)) % 4 for name in names}
    assert hash_order(names, 4) == sorted(names, key=lambda name: (buckets[name], os.fsencode(name)))


def modules(*names: str) -> dict[str, Module]:
    return {name: Module(name, f"/m/k/{name}.ko", f"k/{name}.ko.xz") for name in names}


def order(folder: Path, text: bytes | None, *more: Module) -> tuple[str, list[str]]:
    """Return the order of the modules a to e, and the messages."""
    if text is not None:
        (folder / "modules.order").write_bytes(text)
    messages: list[str] = []
    found = modules(*"abcde") | {module.name: module for module in more}
    array = module_order(
        found, Place(str(folder)), lambda level, told: messages.append(f"{level} {told.replace(str(folder), 'TOP')}")
    )
    assert [module.number for module in array] == list(range(len(array)))
    return "".join(module.name for module in array), messages


UNLISTED = "cbdae"
"""The modules a to e in hash order."""


def test_what_is_listed_comes_first(tmp_path: Path) -> None:
    assert order(tmp_path, b"k/e.ko\nk/a.ko\nk/none.ko\n") == ("eacbd", [])


def test_of_a_line_that_is_there_twice_the_second_counts(tmp_path: Path) -> None:
    assert order(tmp_path, b"k/e.ko\nk/a.ko\nk/e.ko\n") == ("aecbd", [])


def test_lines_of_other_forms_list_nothing(tmp_path: Path) -> None:
    assert order(tmp_path, b"\n k/e.ko\nk/e.ko \nk/e.ko.xz\n/k/e.ko\nk/e\n") == (UNLISTED, [])


def test_modules_from_elsewhere_are_not_listed_by_an_empty_line(tmp_path: Path) -> None:
    assert order(tmp_path, b"\nk/a.ko\n", Module("x", "/x.ko"))[0][0] == "a"


@pytest.mark.parametrize(
    ("text", "line"), [(b"k/e.ko\nk/a.ko", 2), (b"k/e.ko\n" + b"x" * 4095 + b"\n", 2), (b"k\0\nk/e.ko\n", 1)]
)
def test_a_faulty_line_makes_all_of_it_useless(tmp_path: Path, text: bytes, line: int) -> None:
    message = f"ERROR TOP/modules.order:{line} corrupted line misses '\\n'"
    assert order(tmp_path, text) == (UNLISTED, [message])


def test_without_modules_order(tmp_path: Path) -> None:
    message = "WARNING could not open modules.order at TOP: No such file or directory"
    assert order(tmp_path, None) == (UNLISTED, [message])
    (tmp_path / "modules.order").mkdir()
    assert order(tmp_path, None) == (UNLISTED, [])


def test_a_pipe_in_place_of_modules_order(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "modules.order")
    assert order(tmp_path, None) == (UNLISTED, ["WARNING could not open modules.order at TOP: not a regular file"])


def graph(**needs: str) -> dict[str, Module]:
    found = modules(*needs)
    for number, (name, module) in enumerate(found.items()):
        module.number = number
        module.needs = [found[need] for need in needs[name]]
    return found


def test_users_stand_before_what_they_use() -> None:
    found = graph(a="c", b="ac", c="d", d="", e="")
    assert rank(list(found.values())) == []
    # Of those that nobody needs the last one is taken first.
    assert "".join(sorted(found, key=lambda name: found[name].rank)) == "ebacd"
    needs = closures(list(found.values()))
    assert ["".join(each.name for each in line) for line in needs] == ["cd", "acd", "d", "", ""]


def test_cycles_are_left_but_get_a_rank_and_all_that_they_need() -> None:
    found = graph(a="b", b="ac", c="", d="a", e="")
    assert [module.name for module in rank(list(found.values()))] == ["a", "b", "c"]
    assert sorted(module.rank for module in found.values()) == list(range(5))
    needs = {
        module.name: {each.name for each in line}
        for module, line in zip(found.values(), closures([*found.values()]), strict=True)
    }
    assert needs == {"a": {"b", "c"}, "b": {"a", "c"}, "c": set(), "d": {"a", "b", "c"}, "e": set()}


def test_closures_against_a_search() -> None:
    chance = random.Random(2)
    for _ in range(200):
        names = "abcdefgh"[: chance.randint(1, 8)]
        needs = {name: "".join(chance.sample(names, chance.randint(0, min(3, len(names))))) for name in names}
        found = graph(**needs)
        left = rank(list(found.values()))
        assert sorted(module.rank for module in found.values()) == list(range(len(names)))
        reached = {name: set(needs[name]) for name in names}
        for _again in names:
            for name in names:
                reached[name] |= {far for near in reached[name] for far in needs[near]}
        in_cycle = {name for name in names if name in reached[name]}
        assert {module.name for module in left} == in_cycle | {far for name in in_cycle for far in reached[name]}
        for module, line in zip(found.values(), closures(list(found.values())), strict=True):
            assert {each.name for each in line} == reached[module.name] - {module.name}
            assert [each.rank for each in line] == sorted(each.rank for each in line)
