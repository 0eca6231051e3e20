"""Events as JSON lines, and back.

Events share their `Process` and their tags: the same object, event after event. Each is
encoded once and its bytes are kept, which makes a line several times cheaper.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, get_type_hints

import msgspec
from msgspec.structs import force_setattr

from ringward.events import BY_NAME, Difference, Event, Process
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
            line = event.__copy__()  # type: ignore[attr-defined] # Struct has it; copy.copy() is slower
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


class _Line(Event, frozen=True, kw_only=True):
    """An event as it stands in a line: with its schema's version, and parts that are decoded apart."""

    v: int
    process: msgspec.Raw  # type: ignore[assignment]
    args: msgspec.Raw
    tags: msgspec.Raw = msgspec.Raw(b"{}")  # type: ignore[assignment]


class LineError(ValueError):
    """A line is no event; the message says what is wrong with it."""


_MEMBERS = Event.__struct_fields__


class EventDecoder:
    """Makes an event of a JSON line, with arguments of the class that its name stands for.

    Lines whose processes or tags are the same bytes get the same object, as the sensor's events have.
    """

    def __init__(self) -> None:
        self._line = msgspec.json.Decoder(_Line)
        self._args = {name: msgspec.json.Decoder(cls) for name, cls in BY_NAME.items()}
        self._process = msgspec.json.Decoder(Process | None)
        self._tags = msgspec.json.Decoder(dict[str, tuple[str, ...]])
        self._kept: dict[bytes, Any] = {}
        self._hints: dict[str, dict[str, Any]] = {}

    def __call__(self, line: bytes) -> Event:
        """Return the event of one line.

        Raises:
            LineError: it is not JSON, of another schema version, of an unknown event, or a member has a wrong type.

        """
        try:
            found = self._line.decode(line)
            if found.v != SCHEMA_VERSION:
                raise LineError(f"an event of schema {found.v}; this Ringward reads schema {SCHEMA_VERSION}")
            args = self._args.get(found.event)
            if args is None:
                raise LineError(f"an event '{found.event}', which this Ringward does not know")
            values = {name: getattr(found, name) for name in _MEMBERS}
            values["args"] = args.decode(found.args)
            values["process"] = self._shared(bytes(found.process), self._process)
            values["tags"] = self._shared(bytes(found.tags), self._tags)
            if found.differences:
                values["differences"] = tuple(self._difference(found.event, one) for one in found.differences)
            return Event(**values)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise LineError(f"not an event: {error}") from None

    def _shared(self, raw: bytes, decoder: msgspec.json.Decoder[Any]) -> Any:
        try:
            return self._kept[raw]
        except KeyError:
            if len(self._kept) >= KEPT:
                self._kept.clear()
            value = self._kept[raw] = decoder.decode(raw)
            return value

    def _difference(self, event: str, found: Difference) -> Difference:
        """Give both values the type of their field; JSON has left a file as a dict."""
        if event not in self._hints:
            self._hints[event] = get_type_hints(BY_NAME[event])
        hint = self._hints[event].get(found.field, Any)
        return Difference(found.field, msgspec.convert(found.entry, hint), msgspec.convert(found.kernel, hint))
