"""The parts that the published schema is put together from."""

from __future__ import annotations

Schema = dict[str, object]


def text(about: str) -> Schema:
    """Return the schema of a string."""
    return {"type": "string", "description": about}


def number(about: str) -> Schema:
    """Return the schema of an integer."""
    return {"type": "integer", "description": about}


def truth(about: str) -> Schema:
    """Return the schema of true or false."""
    return {"type": "boolean", "description": about}


def one_of(about: str, *values: str) -> Schema:
    """Return the schema of a string out of some."""
    return {"enum": list(values), "description": about}


def several(each: Schema, about: str) -> Schema:
    """Return the schema of an array."""
    return {"type": "array", "items": each, "description": about}


def or_null(schema: Schema, when: str) -> Schema:
    """Return the schema of a value that may be missing, and when it is."""
    rest = {key: value for key, value in schema.items() if key != "description"}
    return {"anyOf": [rest, {"type": "null"}], "description": f"{schema['description']} null: {when}."}


def record(about: str, members: dict[str, Schema], optional: tuple[str, ...] = ()) -> Schema:
    """Return the schema of an object, all of whose members are there but the `optional` ones."""
    return {
        "type": "object",
        "description": about,
        "properties": members,
        "required": [name for name in members if name not in optional],
    }
