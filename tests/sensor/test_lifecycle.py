"""Loads under one id: steps, dependencies, and what is kept."""

from __future__ import annotations

from ringward.events import Need, Origin
from ringward.sensor.lifecycle import KEPT_LOADS, Lifecycles, LoadState

ORIGIN = Origin("command", "modprobe")


def begin(loads: Lifecycles, attempt: int, chain: str = "a") -> LoadState:
    return loads.begin(attempt, chain, "1@1", ORIGIN)


def test_a_load_begins_once() -> None:
    loads = Lifecycles()
    first = begin(loads, 1)
    assert begin(loads, 1) is first
    assert loads.of(1) is first
    assert loads.of(2) is None
    assert first.view().id == "a.1"
    assert first.view().origin == ORIGIN


def test_loads_of_a_chain_are_numbered() -> None:
    loads = Lifecycles()
    assert [begin(loads, n, c).id for n, c in enumerate("aabab", 1)] == ["a.1", "a.2", "b.1", "a.3", "b.2"]


def test_a_dependency_names_the_load_that_needed_it() -> None:
    loads = Lifecycles()
    fat, msdos = begin(loads, 1), begin(loads, 2)
    assert loads.linked(fat, "fat", "0x1", ()) == []
    assert loads.linked(msdos, "msdos", "0x2", ("fat", "nls")) == [fat]
    assert fat.needed_by == Need("msdos", "a.2")
    assert msdos.uses == (Need("fat", "a.1"), Need("nls", None))
    assert (fat.loaded, fat.module, fat.base) == (True, "fat", "0x1")


def test_a_dependency_of_another_chain_was_not_loaded_for_this_one() -> None:
    loads = Lifecycles()
    fat, msdos = begin(loads, 1, "a"), begin(loads, 2, "b")
    loads.linked(fat, "fat", "0x1", ())
    assert loads.linked(msdos, "msdos", "0x2", ("fat",)) == []
    assert fat.needed_by is None
    assert msdos.uses == (Need("fat", "a.1"),)


def test_the_first_that_needs_a_load_is_what_it_was_made_for() -> None:
    loads = Lifecycles()
    fat, msdos, vfat = begin(loads, 1), begin(loads, 2), begin(loads, 3)
    loads.linked(fat, "fat", "0x1", None)
    assert loads.linked(msdos, "msdos", "0x2", ("fat",)) == [fat]
    assert loads.linked(vfat, "vfat", "0x3", ("fat",)) == []
    assert fat.needed_by == Need("msdos", "a.2")


def test_the_call_that_unloads_has_the_id_of_the_load() -> None:
    loads = Lifecycles()
    fat = begin(loads, 1)
    loads.linked(fat, "fat", "0x1", ())
    assert loads.loaded("fat") is fat
    assert loads.freed(9, "fat") is fat
    assert loads.of(9) is fat
    assert loads.loaded("fat") is None
    assert loads.freed(10, "fat") is None
    assert loads.of(10) is None


def test_a_module_without_a_name_is_not_found_by_name() -> None:
    loads = Lifecycles()
    loads.linked(begin(loads, 1), None, "0x1", ())
    assert loads.loaded(None) is None
    assert loads.freed(2, None) is None


def test_the_same_name_loaded_again_is_another_load() -> None:
    loads = Lifecycles()
    first = begin(loads, 1)
    loads.linked(first, "fat", "0x1", ())
    loads.freed(2, "fat")
    second = begin(loads, 3)
    loads.linked(second, "fat", "0x1", ())
    assert loads.loaded("fat") is second
    assert first.id != second.id


def test_ids_are_never_given_twice_and_memory_is_bounded() -> None:
    loads = Lifecycles()
    seen = set()
    for n in range(1, 4 * KEPT_LOADS):
        # One long-lived process among many short ones, as udevd is.
        state = begin(loads, n, "daemon" if n % 3 == 0 else f"c{n}")
        assert state.id not in seen
        seen.add(state.id)
        loads.linked(state, "fat", "0x1", ())
        loads.freed(10**6 + n, "fat")
    assert len(loads._by_attempt) <= KEPT_LOADS + 1
    assert len(loads._chains) <= KEPT_LOADS
    assert loads.of(1) is None


def racing(file: tuple[str, int] | None = ("8:1", 5)) -> tuple[Lifecycles, LoadState, LoadState]:
    loads = Lifecycles()
    winner, other = begin(loads, 1, "a"), begin(loads, 2, "b")
    winner.file, other.file = ("8:1", 5), file
    winner.steps.add("module_load")
    return loads, winner, other


def test_a_call_that_waited_for_the_same_file_finds_the_load_that_did_the_work() -> None:
    loads, winner, other = racing()
    assert loads.shared(other, 100) is winner
    winner.ended = 150
    assert loads.shared(other, 100) is winner


def test_one_that_was_over_before_is_not_it() -> None:
    loads, winner, other = racing()
    winner.ended = 99
    assert loads.shared(other, 100) is None


def test_another_file_is_not_it() -> None:
    for file in (("8:1", 6), ("8:2", 5), None):
        loads, _winner, other = racing(file)
        assert loads.shared(other, 100) is None


def test_a_load_that_took_steps_shares_with_nobody() -> None:
    loads, winner, other = racing()
    other.steps.add("do_init_module")
    assert loads.shared(other, 100) is None
    assert loads.shared(winner, 100) is None
