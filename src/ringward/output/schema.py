"""The published JSON schema of a line: ``python -m ringward.output.schema FILE`` writes it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import msgspec

from ringward.events import BY_NAME, Ancestor, Event, FileId, Load, Need, Origin, Process
from ringward.events.context import SCHEMA_VERSION
from ringward.events.member_docs import member_docs
from ringward.events.registry import CALLS

DIALECT = "https://json-schema.org/draft/2020-12/schema"
PUBLISHED = f"docs/schema/event-v{SCHEMA_VERSION}.json"
_REF = "#/$defs/{name}"


def schema() -> dict[str, Any]:
    """Return the schema: the envelope that every event has, and by ``event`` the arguments that go with it."""
    classes = list(BY_NAME.values())
    (_, *_), parts = msgspec.json.schema_components([Event, *classes], ref_template=_REF)
    for name, cls in BY_NAME.items():
        part = parts[cls.__name__]
        part["description"] = (cls.__doc__ or "").split("\n")[0]
        for field, spec in cls.specs().items():
            tags = f" Tags: {', '.join(spec.tags)}." if spec.tags else ""
            part["properties"][field]["description"] = f"{spec.ctype}: {spec.doc}{tags}"
        part["title"] = name
    for shape in (Event, Process, Load, Origin, Ancestor, Need, FileId):
        for field, text in member_docs(shape).items():
            parts[shape.__name__]["properties"][field]["description"] = text
    envelope = parts.pop("Event")
    envelope["properties"] = {
        "v": {"const": SCHEMA_VERSION, "description": "Version of this schema."},
        **envelope["properties"],
        "event": {"enum": [*BY_NAME, *CALLS]},
    }
    envelope["required"] = ["v", *envelope["required"]]
    return {
        "$schema": DIALECT,
        "title": f"Ringward event, schema version {SCHEMA_VERSION}",
        "description": (
            "One line of `ringward watch --output jsonl`. Members that have a default are left out when they have it. "
            "An argument that is null has its reason in `unread`. Later versions of Ringward may add members and "
            "events; a change of what is here has another version."
        ),
        **{key: value for key, value in envelope.items() if key not in ("title", "description")},
        "allOf": [
            {
                "if": {"properties": {"event": {"const": name}}},
                "then": {"properties": {"args": {"$ref": _REF.format(name=cls.__name__)}}},
            }
            for name, cls in BY_NAME.items()
        ],
        "$defs": parts,
    }


def text() -> str:
    """Return the schema as the published file has it."""
    return msgspec.json.format(msgspec.json.encode(schema()), indent=2).decode() + "\n"


if __name__ == "__main__":
    Path(sys.argv[1] if len(sys.argv) > 1 else PUBLISHED).write_text(text(), encoding="utf-8")
