"""The catalogue: one class an event, from which pages, schema and decoder are made."""

from __future__ import annotations

from ringward.events.args import Args
from ringward.events.context import (
    Ancestor,
    Difference,
    Event,
    FileId,
    Load,
    Need,
    Origin,
    Process,
)
from ringward.events.registry import BY_NAME, GROUPS, UnknownNameError, select

__all__ = [
    "BY_NAME",
    "GROUPS",
    "Ancestor",
    "Args",
    "Difference",
    "Event",
    "FileId",
    "Load",
    "Need",
    "Origin",
    "Process",
    "UnknownNameError",
    "select",
]
