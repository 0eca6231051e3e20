from __future__ import annotations

import jsonschema
import pytest

from ringward.kmod.schema_parts import number, one_of, or_null, record, several, text, truth


@pytest.mark.parametrize(
    ("schema", "good", "bad"),
    [
        (text("A."), "x", 1),
        (number("A."), 7, "7"),
        (truth("A."), False, 0),
        (one_of("A.", "x", "y"), "y", "z"),
        (several(number("A."), "B."), [1, 2], ["x"]),
        (or_null(number("A."), "there is none"), None, "x"),
        (or_null(one_of("A.", "x"), "there is none"), "x", "y"),
        (record("A.", {"a": text("B."), "b": text("C.")}, ("b",)), {"a": "x"}, {"b": "x"}),
    ],
)
def test_each_part_takes_what_it_says(schema: dict[str, object], good: object, bad: object) -> None:
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(good, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(bad, schema)


def test_null_is_explained() -> None:
    assert or_null(number("How many."), "nobody counts")["description"] == "How many. null: nobody counts."
