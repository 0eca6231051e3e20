"""The envelope of every event: what it holds, that it is data, and that nothing is empty without a reason."""

from __future__ import annotations

from typing import Any, get_type_hints

import msgspec
import pytest

from ringward.events import Event
from ringward.events.context import SCHEMA_VERSION, Ancestor, Difference, FileId, Load, Need, Origin, Process
from tests.output.event_factory import event, every_event

STRUCTS = (FileId, Ancestor, Process, Origin, Need, Load, Difference, Event)


@pytest.mark.parametrize("made", every_event(), ids=lambda made: made.event)
def test_an_event_can_be_written_and_read_back(made: Event) -> None:
    found = msgspec.json.decode(msgspec.json.encode(made), type=Event)
    assert msgspec.json.encode(found) == msgspec.json.encode(made)
    for name in ("process", "load", "sources", "unread", "result", "hook", "cpu", "seq"):
        assert getattr(found, name) == getattr(made, name)


@pytest.mark.parametrize("struct", STRUCTS, ids=lambda struct: struct.__name__)
def test_nothing_of_an_event_changes_afterwards(struct: type[msgspec.Struct]) -> None:
    assert struct.__struct_config__.frozen


@pytest.mark.parametrize("struct", [Ancestor, Process, Origin, Event])
def test_what_can_be_unread_has_room_for_the_reason(struct: type[msgspec.Struct]) -> None:
    assert "unread" in get_type_hints(struct)


def test_defaults_are_not_shared_between_events() -> None:
    one, two = event(), event()
    assert one.unread is not two.unread
    one.unread["x"] = "y"
    assert two.unread == {}


@pytest.mark.parametrize("missing", ["event", "time", "ktime", "host", "cpu", "seq", "hook", "process", "args"])
def test_what_every_event_has_must_be_given(missing: str) -> None:
    made = event()
    given: dict[str, Any] = {name: getattr(made, name) for name in made.__struct_fields__ if name != missing}
    with pytest.raises(TypeError, match=missing):
        Event(**given)


def test_a_file_says_when_no_name_leads_to_it() -> None:
    assert FileId(None, "0:1", 5, 0, deleted=True).deleted
    assert not FileId("/x", "0:1", 5, 0).deleted


def test_the_schema_has_a_version() -> None:
    assert SCHEMA_VERSION == 2
