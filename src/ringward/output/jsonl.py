"""Events as JSON lines, and back.

Events share their `Process` and their tags: the same object, event after event. Each is
encoded once and its bytes are kept, which makes a line several times cheaper.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, get_type_hints

import msgspec
from msgspec.structs import force_setattr

from ringward.events import BY_NAME, Difference, Event
from ringward.events.context import SCHEMA_VERSION

KEPT = 1024
"""Shared objects whose encoding is kept; about 1.5 kB each."""

_HEAD = b'{"v":%d' % SCHEMA_VERSION


class JsonLines:
    """Encodes events, one line each: the schema's version as ``v``, then the event's own members."""

    def __init__(self) -> None:
        self._encoder = msgspec.json.Encoder()
        # By id(); the object is kept too, so that its id is nobody else's.
        self._kept: dict[int, tuple[object, msgspec.Raw]] = {}

    def _raw(self, value: object) -> msgspec.Raw:
        if len(self._kept) >= KEPT:
            self._kept.clear()
        raw = msgspec.Raw(self._encoder.encode(value))
        self._kept[id(value)] = (value, raw)
        return raw

    def encode(self, events: Iterable[Event]) -> bytearray:
        """Return the lines of `events`, each with its newline."""
        kept, raw, encode_into = self._kept, self._raw, self._encoder.encode_into
        lines = bytearray()
        for event in events:
            line = event.__copy__()
            process, tags = event.process, event.tags
            if process is not None:
                found = kept.get(id(process))
                force_setattr(line, "process", found[1] if found else raw(process))
            if tags:
                found = kept.get(id(tags))
                force_setattr(line, "tags", found[1] if found else raw(tags))
            lines += _HEAD
            at = len(lines)
            encode_into(line, lines, at)
            lines[at] = 0x2C  # the event's own "{" becomes the "," behind the version
            lines += b"\n"
        return lines
