"""The published JSON schema of `ringward trust`: ``python -m ringward.trust.schema FILE`` writes it."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import msgspec

from ringward.events.member_docs import member_docs
from ringward.kmod.schema import DIALECT
from ringward.trust import exchange, shapes
from ringward.trust.entry import Kind
from ringward.trust.exchange import End, Head
from ringward.trust.shapes import VERSION, Changes, Listing, Rules, Trusted, Verified

PUBLISHED = f"docs/schema/trust-v{VERSION}.json"
DOCUMENTS = (Listing, Changes, Verified, Rules)
"""Shapes of whole documents."""
LINES = (Head, Trusted, End)
"""Shapes of the lines of an exported file."""


def schema() -> dict[str, Any]:
    """Return the schema of all documents and lines."""
    every = (*DOCUMENTS, *LINES)
    _, parts = msgspec.json.schema_components(every, ref_template="#/$defs/{name}")
    for shape in _structs():
        texts = {member: text for base in reversed(shape.__mro__) for member, text in _texts(base).items()}
        for member, value in parts.get(shape.__name__, {"properties": {}})["properties"].items():
            if member in texts:
                value["description"] = texts[member]
    for name in ("Trusted", "Waiting", "Differs"):
        parts[name]["properties"]["kind"]["enum"] = [str(kind) for kind in Kind]
        parts[name]["properties"]["digest"]["pattern"] = "^[0-9a-f]{64}$"
    return {
        "$schema": DIALECT,
        "title": f"Documents of ringward trust, schema version {VERSION}",
        "description": (
            "What `ringward trust` prints with --json, one document a call, and the lines of what `ringward trust"
            " export` writes: a Head, Trusted ones, an End. A member that is null may be left out. Later versions of"
            " Ringward may add members and documents; a change of what is here has another version."
        ),
        "oneOf": [{"$ref": f"#/$defs/{shape.__name__}"} for shape in every],
        "$defs": parts,
    }


def _structs() -> set[type[msgspec.Struct]]:
    places = (shapes, exchange)
    return {each for place in places for each in vars(place).values() if isinstance(each, type(msgspec.Struct))}


def _texts(shape: type) -> dict[str, str]:
    return member_docs(shape) if shape.__module__ in {shapes.__name__, exchange.__name__} else {}


def document() -> str:
    """Return the schema as the published file has it."""
    return json.dumps(schema(), indent=2) + "\n"


if __name__ == "__main__":
    Path(sys.argv[1] if len(sys.argv) > 1 else PUBLISHED).write_text(document(), encoding="utf-8")
