"""Recordings: any bytes are events, or a line is told; events that were read are written and shown."""

from __future__ import annotations

import io

from ringward.events import Event
from ringward.output.jsonl import EventDecoder, JsonLines
from ringward.output.recording import CutError, Recorder, Recording, RecordingError
from ringward.sensor.info import ModuleCounts, SensorInfo, Totals
from tests.output.event_factory import every_event

COVERS = (Recording, EventDecoder)
FLOOR = 90
RUNS = 1500
NATIVE = ("ringward.output._lines",)
DICTIONARY = (
    b'{"end":',
    b'{"recording":1,"schema":2,',
    b'"v":2',
    b'"process":',
    b'"args":',
    b'"tags":',
    b"null",
    b"[]",
)
LONGEST = 8192
_INFO = SensorInfo("6.12.1", "example", "ebpf", {}, {"a": "b"}, None, ModuleCounts(1, 2, 3), None)


def seeds() -> list[bytes]:
    recorder = Recorder(_INFO)
    head = recorder.begin()
    lines = [bytes(JsonLines().encode([event])) for event in every_event()]
    tail = recorder.end(Totals(0, 0, 0))
    found = [head + line + tail.replace(b'"events":0', b'"events":1') for line in lines]
    first = every_event()[0].event.encode()
    others = [head + lines[0].replace(first, name) + tail for name in (b"openat", b"no_such_event")]
    return [*found, *others, head + tail, head, head + lines[0][:-20], lines[0], head + tail + tail, b"", b"junk\n"]


def one(data: bytes) -> None:
    events: list[Event] = []
    try:
        recording = Recording(io.BytesIO(data), "x")
        events.extend(recording.events())
        assert recording.footer is not None
        assert recording.footer.events == len(events)
    except (RecordingError, CutError) as error:
        assert str(error).startswith("x:")
    decode = EventDecoder()
    for event in events:
        assert decode(bytes(JsonLines().encode([event]))) == event
