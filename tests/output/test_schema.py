from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given

from ringward.cli.replay import SHIPPED
from ringward.events import BY_NAME, Event
from ringward.output import schema
from ringward.output.jsonl import JsonLines
from tests.output.event_factory import event, every_event, hostile_events

ROOT = Path(__file__).parents[2]
VALIDATOR = jsonschema.Draft202012Validator(schema.schema())


def line(made: Event) -> Any:
    return json.loads(JsonLines().encode([made]))


def test_the_published_file_is_up_to_date() -> None:
    assert (ROOT / schema.PUBLISHED).read_text() == schema.text(), "run: python -m ringward.output.schema"


def test_what_earlier_recordings_hold_is_of_the_schema_that_is_kept_for_them() -> None:
    earlier = jsonschema.Draft202012Validator(json.loads((ROOT / "docs/schema/event-v1.json").read_bytes()))
    found = [json.loads(text) for text in SHIPPED.read_text().splitlines()]
    events = [one for one in found if one.get("v") == 1]
    assert len(events) == len(found) - 2, "the first line and the last are none"
    for one in events:
        earlier.validate(one)


def test_it_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(schema.schema())


def test_every_event_validates() -> None:
    for made in every_event():
        VALIDATOR.validate(line(made))


@given(hostile_events())
def test_hostile_events_validate(made: Event) -> None:
    if not any("\ud800" <= char <= "\udfff" for char in str(made)):
        VALIDATOR.validate(line(made))


@pytest.mark.parametrize(
    "change",
    [
        {"v": 1},
        {"v": None},
        {"event": "nonsense"},
        {"event": "delete_module"},  # the arguments are not its own
        {"process": {}},
        {"args": {}},
        {"result": "0"},
        {"tags": ["K"]},
    ],
)
def test_what_is_not_so_does_not_validate(change: dict[str, Any]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        VALIDATOR.validate(line(event()) | change)


def test_each_member_is_needed_that_has_no_default() -> None:
    whole = line(event())
    for name in ("v", "event", "time", "ktime", "host", "cpu", "seq", "hook", "process", "args"):
        less = copy.deepcopy(whole)
        del less[name]
        assert not VALIDATOR.is_valid(less), name


def test_every_argument_is_described() -> None:
    parts = schema.schema()["$defs"]
    for name, cls in BY_NAME.items():
        part = parts[cls.__name__]
        assert part["title"] == name
        assert set(part["properties"]) == set(cls.__struct_fields__)
        assert all(one["description"] for one in part["properties"].values())


def test_every_member_of_the_envelope_that_its_source_explains_is_described() -> None:
    found = schema.schema()
    assert "RFC 3339" in found["properties"]["time"]["description"]
    assert "SHA-256" in found["$defs"]["Load"]["properties"]["digest"]["description"]


def test_the_command_writes_the_file(tmp_path: Path) -> None:
    import subprocess
    import sys

    target = tmp_path / "schema.json"
    subprocess.run([sys.executable, "-m", "ringward.output.schema", str(target)], check=True)
    assert target.read_text() == schema.text()
