"""Recordings: JSON lines with a first line that says what they are, and a last one that says they are whole.

    {"recording":1,"schema":2,"ringward":"...","kernel":"...","host":"...","sensor":{...}}
    {"v":2,"event":"finit_module",...}
    {"end":1,"events":1,"filtered":0,"lost":0}

A recording is written as it goes, so that it can be read after any end. One without its
last line was cut.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import IO

import msgspec

from ringward.events import Event
from ringward.events.context import READABLE, SCHEMA_VERSION
from ringward.output.jsonl import EventDecoder, JsonLines, LineError
from ringward.output.text import safe
from ringward.sensor.info import SensorInfo, Totals
from ringward.version import VERSION

FORMAT = 1
LONGEST_LINE = 16 << 20
"""Bytes; the largest record of the kernel part is far smaller."""


class Header(msgspec.Struct, frozen=True):
    """The first line."""

    recording: int
    schema: int
    ringward: str
    kernel: str
    host: str
    sensor: SensorInfo


class Footer(msgspec.Struct, frozen=True, omit_defaults=True):
    """The last line."""

    end: int
    events: int
    filtered: int
    lost: int
    lost_uncounted: int = 0
    """Losses of which nobody has counted how many events they were; `lost` is without them."""


class _Kind(msgspec.Struct, frozen=True):
    """As much of a line as tells which of the three it is."""

    recording: int | None = None
    schema: int | None = None
    ringward: str | None = None
    end: int | None = None
    event: str | None = None
    v: int | None = None


class RecordingError(ValueError):
    """It is not a recording that can be read; the message gives file, line and reason."""


class CutError(ValueError):
    """The recording ends before its last line; the message says after how many events."""


def header(info: SensorInfo) -> bytes:
    """Return the first line."""
    return msgspec.json.encode(Header(FORMAT, SCHEMA_VERSION, VERSION, info.kernel, info.host, info)) + b"\n"


def footer(events: int, totals: Totals) -> bytes:
    """Return the last line of a recording of so many events."""
    last = Footer(FORMAT, events, totals.filtered, totals.lost, totals.lost_uncounted)
    return msgspec.json.encode(last) + b"\n"


class Recorder:
    """Encodes a recording; the caller writes what it returns, at once."""

    def __init__(self, info: SensorInfo) -> None:
        self._info = info
        self._lines = JsonLines()
        self._events = 0

    def begin(self) -> bytes:
        """Return what stands before the events."""
        return header(self._info)

    def encode(self, events: list[Event]) -> bytes | bytearray:
        """Return the lines of `events`."""
        self._events += len(events)
        return self._lines.encode(events)

    def end(self, totals: Totals) -> bytes:
        """Return what stands behind the events."""
        return footer(self._events, totals)


class Recording:
    """Reads a recording.

    Args:
        source: open for reading bytes.
        name: for messages.

    Raises:
        RecordingError: its first line is not that of a recording that this Ringward reads.

    """

    def __init__(self, source: IO[bytes], name: str) -> None:
        self._source = source
        self._name = name
        self._number = 0
        self.footer: Footer | None = None
        self.header = self._header()

    def _line(self) -> bytes:
        line = self._source.readline(LONGEST_LINE)
        self._number += 1
        if len(line) == LONGEST_LINE:
            raise self._error(f"the line is longer than {LONGEST_LINE >> 20} MiB")
        return line

    def _error(self, reason: str) -> RecordingError:
        return RecordingError(f"{self._name}:{self._number}: {safe(reason)}")  # it may say what the line says

    def _header(self) -> Header:
        line = self._line()
        if not line:
            raise self._error("the file is empty: not a recording, or cut before its first line")
        try:
            kind = msgspec.json.decode(line, type=_Kind)
        except (msgspec.DecodeError, UnicodeDecodeError):
            reason = (
                "not a recording of Ringward" if line.endswith(b"\n") else "not a recording, or cut in its first line"
            )
            raise self._error(f"{reason}; record with: ringward watch --record FILE") from None
        if kind.recording is None:
            lines = "lines of --output jsonl without" if kind.event and kind.v else "not a recording: it has not"
            raise self._error(f"{lines} the first line of a recording; record with: ringward watch --record FILE")
        if kind.recording != FORMAT or kind.schema not in READABLE:
            raise self._error(
                f"made by Ringward {kind.ringward or '?'} with recording format {kind.recording}, schema {kind.schema};"
                f" this is Ringward {VERSION}, which reads format {FORMAT}, schema {' and '.join(map(str, READABLE))}"
            )
        try:
            return msgspec.json.decode(line, type=Header)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise self._error(f"the first line is not as recordings have it: {error}") from None

    def events(self) -> Iterator[Event]:
        """Yield the events; set `footer` at the end.

        Raises:
            RecordingError: a line is not what it should be; nothing behind it is read.
            CutError: the file ends without its last line.

        """
        decode = EventDecoder()
        count = 0
        while line := self._line():
            whole = line.endswith(b"\n")
            if line.startswith(b'{"end":'):
                found = self._footer(line, whole=whole, count=count)
                if found is None:
                    break
                self.footer = found
                return
            try:
                event = decode(line)
            except LineError as error:
                if not whole:
                    break
                raise self._error(str(error)) from None
            count += 1
            yield event
        raise CutError(
            f"{self._name}: cut off in line {self._number}: the {count} events before are whole; what followed is lost"
        )

    def _footer(self, line: bytes, *, whole: bool, count: int) -> Footer | None:
        try:
            found = msgspec.json.decode(line, type=Footer)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            if not whole:
                return None
            raise self._error(f"the last line is not as recordings have it: {error}") from None
        if found.events != count:
            raise self._error(f"the last line counts {found.events} events, the file has {count}: lines were taken out")
        if self._line():
            raise self._error("there is more behind the last line of the recording")
        return found


def batches(events: Iterable[Event], size: int) -> Iterator[list[Event]]:
    """Yield lists of at most `size` events; what came before an error is yielded before it is raised."""
    batch: list[Event] = []
    try:
        for event in events:
            batch.append(event)
            if len(batch) >= size:
                yield batch
                batch = []
    except (RecordingError, CutError):
        yield batch
        raise
    yield batch
