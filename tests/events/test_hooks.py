"""Hooks are data: compared by what they say, and not changed."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import pytest

from ringward.events.catalogue import CATALOGUE
from ringward.events.hooks import RUNGS, Hook


def test_a_hook_is_what_it_says() -> None:
    hook = Hook("f", "fentry", "To read.", "process", ("a", "b"))
    assert hook == Hook("f", "fentry", "To read.", "process", ("a", "b"))
    assert hook != Hook("f", "kprobe", "To read.", "process", ("a", "b"))
    assert len({hook, Hook("f", "fentry", "To read.", "process", ("a", "b"))}) == 1
    with pytest.raises(FrozenInstanceError):
        hook.rung = "lsm"  # type: ignore[misc]


def test_a_hook_without_an_object_has_no_programs_and_loses_nothing() -> None:
    hook = Hook("counters", "sensor", "To count.")
    assert (hook.object, hook.programs, hook.loses) == ("", (), "")


def test_every_rung_is_used_or_is_the_fallback() -> None:
    used = {hook.rung for cls in CATALOGUE for ladder in (cls.hooks, *cls.aids) for hook in ladder}
    assert used | {"uevent"} == set(RUNGS)


def test_programs_come_with_an_object() -> None:
    for cls in CATALOGUE:
        for ladder in (cls.hooks, *cls.aids):
            for hook in ladder:
                assert bool(hook.object) == bool(hook.programs)
