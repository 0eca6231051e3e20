"""Events as JSON lines, and back.

Events share their `Process`, their tags and, where programs start or end alike, their arguments; processes share
their line of descent: the same object, event after event. Of the events that are encoded at once each is encoded
once and copied from there, which makes a line several times cheaper.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple, get_type_hints

import msgspec

from ringward.events import BY_NAME, Difference, Event, Process
from ringward.events.context import READABLE, SCHEMA_VERSION
from ringward.output import _lines

KEPT = 256
"""Shared objects of which it is remembered where they were written, or of which lines they were read."""

_HEAD = b'{"v":%d,' % SCHEMA_VERSION
_SHARED: dict[type, tuple[str, ...]] = {Event: ("process", "args", "tags"), Process: ("ancestors",)}


class Shape(NamedTuple):
    """How one member of a struct is written."""

    key: bytes
    """What stands before the value: ``,"name":``; of the first member all but the comma."""
    left_out: tuple[object, ...]
    """The object that is not written, if there is one: the member's default."""
    left_out_empty: bool
    """An empty dict is not written either."""
    shared: bool
    """The same object stands in many events: it is remembered where its JSON is."""


def shape(cls: type) -> dict[str, Shape] | None:
    """Return how instances of a class are written, member by member; None: as only msgspec knows."""
    if not issubclass(cls, msgspec.Struct):
        return None
    config = cls.__struct_config__
    if config.tag is not None or config.array_like:
        return None
    found = {}
    for field in msgspec.structs.fields(cls):
        default = field.default_factory is not msgspec.NODEFAULT
        if config.omit_defaults and default and field.default_factory is not dict:
            return None
        left_out = (field.default,) if config.omit_defaults and field.default is not msgspec.NODEFAULT else ()
        shared = field.name in _SHARED.get(cls, ())
        key = b",%s:" % msgspec.json.encode(field.encode_name)
        found[field.name] = Shape(key, left_out, config.omit_defaults and default, shared)
    return found


class JsonLines:
    """Encodes events, one line each: the schema's version as ``v``, then the event's own members."""

    def __init__(self) -> None:
        self._lines = _lines.Lines(Event, msgspec.json.Encoder().encode, shape, _HEAD, KEPT)

    def encode(self, events: Iterable[Event]) -> bytes:
        """Return the lines of `events`, each with its newline."""
        return self._lines.encode(events)


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
        self._args: dict[str, msgspec.json.Decoder[Any]] = {
            name: msgspec.json.Decoder(cls) for name, cls in BY_NAME.items()
        }
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
            if found.v not in READABLE:
                versions = " and ".join(map(str, READABLE))
                raise LineError(f"an event of schema {found.v}; this Ringward reads schema {versions}")
            args = self._args.get(found.event) or self._call_args(found.event)
            values = {name: getattr(found, name) for name in _MEMBERS}
            values["args"] = args.decode(found.args)
            values["process"] = self._shared(bytes(found.process), self._process)
            values["tags"] = self._shared(bytes(found.tags), self._tags)
            if found.differences:
                values["differences"] = tuple(self._difference(found.event, one) for one in found.differences)
            return Event(**values)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise LineError(f"not an event: {error}") from None

    def _call_args(self, event: str) -> msgspec.json.Decoder[Any]:
        """Return the decoder of a system call's arguments."""
        try:
            decoder = self._args[event] = msgspec.json.Decoder(BY_NAME[event])
        except KeyError:
            raise LineError(f"an event '{event}', which this Ringward does not know") from None
        return decoder

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
