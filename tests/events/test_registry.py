"""Events by name and by group."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringward.events import BY_NAME, GROUPS, UnknownNameError, select
from ringward.events.catalogue import CATALOGUE
from ringward.events.registry import CALLS, records
from ringward.events.syscall_table import SHORT

KNOWN = [*BY_NAME, *GROUPS, *CALLS, *SHORT]


def test_every_class_is_found_by_its_name() -> None:
    assert list(BY_NAME.values()) == list(CATALOGUE)
    assert all(cls.event_name() == name for name, cls in BY_NAME.items())


def test_groups_have_what_is_shown_by_default_and_all_has_all() -> None:
    assert set(GROUPS) == {"modules", "programs", "guard", "stream", "all", "calls"}
    assert GROUPS["all"] == tuple(name for name in BY_NAME if name not in {*GROUPS["guard"], "syscall", "io_uring"})
    assert "process_fork" not in GROUPS["programs"]
    assert "finit_module" in GROUPS["modules"]
    assert not set(BY_NAME) & set(GROUPS), "a name that means two things"


def test_nothing_stands_for_modules_and_programs() -> None:
    assert select([]) == select(["modules", "programs"])
    assert {"finit_module", "process_exec", "events_lost", "sensor_status"} <= set(select([]))


def test_one_name_is_one_event_and_those_of_the_stream() -> None:
    assert set(select(["process_fork"])) == {"process_fork", *GROUPS["stream"]}
    assert set(select(name for name in ["stream"])) == set(GROUPS["stream"])


@given(st.lists(st.sampled_from(KNOWN)))
def test_the_order_is_the_catalogues_and_nothing_is_twice(names: list[str]) -> None:
    found = select(names)
    assert list(found) == [name for name in (*BY_NAME, *CALLS) if name in set(found)]
    assert select(reversed(names)) == found
    assert all(name in found for name in names if name in BY_NAME)


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("finit_modul", "did you mean finit_module"),
        ("exec", "did you mean process_exec"),
        ("module", "did you mean modules"),
        ("FINIT_MODULE", "known: create_module"),
        ("", "known: create_module"),
    ],
)
def test_an_unknown_name_says_what_is_near_or_what_there_is(name: str, hint: str) -> None:
    with pytest.raises(UnknownNameError) as caught:
        select(["finit_module", name])
    assert str(caught.value).startswith(f"no event, system call or group named '{name}'; ")
    assert hint in str(caught.value)


def test_a_system_call_is_an_event_of_its_name_and_a_short_name_all_that_libraries_pick() -> None:
    stream = set(GROUPS["stream"])
    assert set(select(["openat"])) - stream == {"openat"}
    assert set(select(["exit"])) - stream == {"exit", "exit_group"}
    assert set(select(["open"])) - stream == {"open", "openat", "openat2"}
    assert set(select(["finit_module"])) - stream == {"finit_module"}
    assert set(select(["calls"])) - stream == set(CALLS)
    assert not set(CALLS) & set(BY_NAME)
    assert set(CALLS) & set(select(["all"])) == set(), "the machine's calls would drown all else"


def test_a_system_calls_class_has_its_arguments_and_is_no_part_of_the_catalogue() -> None:
    cls = BY_NAME["openat"]
    assert cls.event_name() == "openat"
    assert cls.__struct_fields__ == ("dfd", "filename", "flags", "mode")
    assert BY_NAME["openat"] is cls
    assert "openat" not in BY_NAME
    with pytest.raises(KeyError):
        BY_NAME["no_such_call"]


def test_every_system_call_is_made_of_one_record() -> None:
    assert records(["openat", "finit_module", "read"]) == ("syscall", "finit_module")


@pytest.mark.parametrize(("name", "hint"), [("opennat", "openat"), ("exit_grp", "exit_group"), ("unlnk", "unlink")])
def test_an_unknown_name_is_near_to_system_calls_too(name: str, hint: str) -> None:
    with pytest.raises(UnknownNameError, match="did you mean") as caught:
        select([name])
    assert hint in str(caught.value)


@given(st.text().filter(lambda name: name not in KNOWN))
def test_no_unknown_name_is_taken(name: str) -> None:
    with pytest.raises(UnknownNameError):
        select([name])
