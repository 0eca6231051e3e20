from __future__ import annotations

from pathlib import Path

import jsonschema
import msgspec
import pytest

from ringward.trust import schema, shapes
from ringward.trust.entry import Pending
from tests.trust.test_rows import ENTRY, ITEM

ROOT = Path(__file__).parents[2]


def test_the_published_file_is_up_to_date() -> None:
    assert (ROOT / schema.PUBLISHED).read_text() == schema.document(), "run: python -m ringward.trust.schema"


def test_it_is_a_schema_and_says_what_everything_is() -> None:
    found = schema.schema()
    jsonschema.Draft202012Validator.check_schema(found)
    for name, part in found["$defs"].items():
        assert part["description"], name
        for member, value in part["properties"].items():
            assert "description" in value or "enum" in value, (name, member)


def test_a_document_is_one_of_its_shapes() -> None:
    listing = shapes.Listing(
        tool="trust list",
        database="/x",
        warning=None,
        trusted=[shapes.trusted(ENTRY)],
        pending=[shapes.waiting(Pending(ITEM, "survey", "why", 1, 2))],
    )
    validator = jsonschema.Draft202012Validator(schema.schema())
    document = msgspec.to_builtins(listing)
    validator.validate(document)
    document["trusted"][0]["digest"] = "short"
    with pytest.raises(jsonschema.ValidationError):
        validator.validate(document)
