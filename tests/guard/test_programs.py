"""The kernel part for programs: whether it works is told by its counts; where it does not, user space does it."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import pytest

from ringward.events.catalogue import program_verdict
from ringward.guard import programs
from ringward.guard.layouts import constants, layout
from ringward.guard.programs import OBJECT, Counts, begin, obstacle
from ringward.guard.running import RunningPrograms
from ringward.sensor import SensorError, objects

NONE = Counts(10, 5, 3, 4, 2)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, "did not run"),
        ({"files": 11, "unhashed": 3}, "hashes no files"),
        ({"files": 13, "unhashed": 5}, "hashes no files"),
        ({"files": 11, "hashed": 6}, None),
        ({"files": 11, "kept": 4}, None),
        # Another start at the same time was of a file that could not be hashed.
        ({"files": 12, "hashed": 6, "unhashed": 3}, None),
    ],
)
def test_what_the_counts_say(change: dict[str, int], expected: str | None) -> None:
    found = obstacle(NONE, NONE._replace(**change))
    assert found == expected or (expected and found and expected in found)


def test_the_counts_are_those_of_the_kernel_part() -> None:
    fields = layout("program_counts", OBJECT).fields
    assert {field.name for field in fields} == set(Counts._fields)
    assert {field.size for field in fields} == {8}


def test_counts_of_all_processors_are_added(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = struct.pack("<10Q", 1, 2, 3, 4, 5, 10, 20, 30, 40, 50)
    monkeypatch.setattr(programs._native, "map_lookup", lambda _fd, _key: raw)
    found = object.__new__(programs.KernelPrograms)
    monkeypatch.setattr(programs.KernelPrograms, "maps", {"program_counts": 3})
    assert found.counts() == Counts(files=11, hashed=22, kept=33, unknown=44, unhashed=55)


def test_each_name_of_a_value_stands_for_the_kernel_parts_constant() -> None:
    for enum, names in {
        "program_role": program_verdict.ROLES,
        "digest_source": ("none", "hashed", "kept"),
    }.items():
        prefix = {"program_role": "ROLE_", "digest_source": "SOURCE_"}[enum]
        found = {name.removeprefix(prefix.lower()): value for name, value in constants(enum, OBJECT).items()}
        assert found == {name: value for value, name in enumerate(names)}
    assert program_verdict.HOW == ("none", "hashed", "kept")
    found = constants("keeping", OBJECT)
    assert sorted(found.values()) == list(range(len(program_verdict.KEEPING)))
    assert found["yes"] == program_verdict.KEEPING.index("yes")


def test_the_object_can_answer_nothing_but_yes() -> None:
    """Every program of the object sets the register of its answer to 0, and to nothing else, before it ends."""
    source = objects.load(OBJECT)
    assert source.knobs().keys() >= {"session", "send_known", "hash_limit"}
    assert "may_deny" not in source.knobs()


def test_where_the_kernel_cannot_user_space_does_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_args: Any, **_options: Any) -> None:
        raise SensorError("bpf is not among the active security modules: lockdown")

    monkeypatch.setattr(programs, "KernelPrograms", refuse)
    found = begin(iter([bytes(32)]), known=True)
    assert isinstance(found, RunningPrograms)
    assert found.weaker == "bpf is not among the active security modules: lockdown"
    assert (found.events, found.elsewhere) == (("process_exec",), None)


def test_a_rung_that_never_runs_is_not_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "never_run", lambda: {"lsm": "a reason"})
    before = len(list(Path("/proc/self/fd").iterdir()))
    with pytest.raises(SensorError, match="a reason"):
        programs.KernelPrograms(())
    assert len(list(Path("/proc/self/fd").iterdir())) == before
