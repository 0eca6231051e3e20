"""Events by name and by group."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringward.events import BY_NAME, GROUPS, UnknownNameError, select
from ringward.events.catalogue import CATALOGUE

KNOWN = [*BY_NAME, *GROUPS]


def test_every_class_is_found_by_its_name() -> None:
    assert list(BY_NAME.values()) == list(CATALOGUE)
    assert all(cls.event_name() == name for name, cls in BY_NAME.items())


def test_groups_have_what_is_shown_by_default_and_all_has_all() -> None:
    assert set(GROUPS) == {"modules", "programs", "guard", "stream", "all"}
    assert GROUPS["all"] == tuple(name for name in BY_NAME if name not in GROUPS["guard"])
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
    assert list(found) == [name for name in BY_NAME if name in set(found)]
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
    assert str(caught.value).startswith(f"no event or group named '{name}'; ")
    assert hint in str(caught.value)


@given(st.text().filter(lambda name: name not in KNOWN))
def test_no_unknown_name_is_taken(name: str) -> None:
    with pytest.raises(UnknownNameError):
        select([name])
