from __future__ import annotations

import io
import json

import pytest

from ringward.events import Event
from ringward.output.recording import CutError, Recorder, Recording, RecordingError, batches, footer
from ringward.sensor.info import Attachment, ModuleCounts, SensorInfo, Totals
from ringward.version import VERSION
from tests.output.event_factory import event, every_event

INFO = SensorInfo(
    "6.12.1",
    "example",
    "ebpf",
    {"module_load": Attachment("tp_btf", "x", "")},
    {"a": "b"},
    None,
    ModuleCounts(1, 2, 3),
    None,
)
TOTALS = Totals(3, 4, 5)


def recorded(*events: Event) -> bytes:
    recorder = Recorder(INFO)
    half = len(events) // 2
    parts = [recorder.begin(), recorder.encode(list(events[:half])), recorder.encode(list(events[half:]))]
    return b"".join([*(bytes(part) for part in parts), recorder.end(TOTALS)])


def read(data: bytes) -> tuple[Recording, list[Event], Exception | None]:
    recording = Recording(io.BytesIO(data), "file")
    found: list[Event] = []
    try:
        found.extend(one for batch in batches(recording.events(), 2) for one in batch)
    except (CutError, RecordingError) as error:
        return recording, found, error
    return recording, found, None


def test_what_is_recorded_is_read() -> None:
    recording, found, error = read(recorded(*every_event()))
    assert error is None
    assert found == every_event()
    assert recording.header.sensor == INFO
    assert (recording.header.kernel, recording.header.host, recording.header.ringward) == ("6.12.1", "example", VERSION)
    assert recording.footer is not None
    assert (recording.footer.events, recording.footer.filtered, recording.footer.lost) == (len(found), 4, 5)


def test_every_line_is_json() -> None:
    lines = [json.loads(line) for line in recorded(event(), event()).splitlines()]
    assert next(iter(lines[0].items())) == ("recording", 1)
    assert [line.get("v") for line in lines] == [None, 2, 2, None]
    assert lines[-1] == {"end": 1, "events": 2, "filtered": 4, "lost": 5}
    assert json.loads(footer(2, Totals(2, 4, 5, lost_uncounted=1))) == lines[-1] | {"lost_uncounted": 1}


def test_one_of_a_later_schema_is_told_what_is_read() -> None:
    later = recorded().replace(b'"schema":2', b'"schema":3')
    with pytest.raises(RecordingError, match=r"schema 3; this is Ringward .*, which reads format 1, schema 1 and 2"):
        Recording(io.BytesIO(later), "file")


def test_one_of_an_earlier_schema_is_read() -> None:
    earlier = recorded(*every_event()).replace(b'"schema":2', b'"schema":1').replace(b'{"v":2,', b'{"v":1,')
    assert read(earlier)[1:] == (every_event(), None)


def test_cut_at_any_byte_nothing_is_invented_and_nothing_shown_as_whole() -> None:
    events = [event("process_exit", seq=1), event("delete_module", seq=2)]
    data = recorded(*events)
    starts = [at + 1 for at, byte in enumerate(data) if byte == ord("\n")]
    for end in range(len(data)):
        part = data[:end]
        if end < starts[0] - 1:
            with pytest.raises(RecordingError, match=r"^file:1: "):
                Recording(io.BytesIO(part), "file")
            continue
        recording, found, error = read(part)
        # A line that lacks nothing but its line break is whole.
        whole = sum(end >= start - 1 for start in starts[1:3])
        assert found == events[:whole], end
        if end == len(data) - 1:
            assert error is None
            assert recording.footer
        else:
            assert isinstance(error, CutError), end
            assert f"the {whole} events before are whole" in str(error)
            assert recording.footer is None


def test_events_before_a_cut_are_given_before_the_error() -> None:
    data = recorded(*(event(seq=n) for n in range(7)))
    assert len(read(data[:-20])[1]) == 7


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "file:1: the file is empty"),
        (b"\n", "file:1: not a recording"),
        (b"TIME PID\n", "file:1: not a recording of Ringward; record with"),
        (b"\x7fELF\x02\x01", "file:1: not a recording"),
        (b"[]\n", "file:1: not a recording"),
        (b"{}\n", "file:1: not a recording: it has not the first line"),
        (b'{"v":1,"event":"finit_module"}\n', "file:1: lines of --output jsonl without"),
        (
            b'{"recording":2,"schema":1,"ringward":"9.9"}\n',
            "file:1: made by Ringward 9.9 with recording format 2, schema 1",
        ),
        (
            b'{"recording":1,"schema":7,"ringward":"9.9"}\n',
            "file:1: made by Ringward 9.9 with recording format 1, schema 7",
        ),
        (b'{"recording":1,"schema":1,"kernel":"\xd2"}\n', "file:1: the first line is not as recordings have it"),
        (b'{"recording":1,"schema":1}\n', "file:1: the first line is not as recordings have it"),
        (b'{"recording":"x"}\n', "file:1: not a recording"),
    ],
)
def test_what_is_no_recording_says_why(data: bytes, reason: str) -> None:
    with pytest.raises(RecordingError) as raised:
        Recording(io.BytesIO(data), "file")
    assert str(raised.value).startswith(reason)


@pytest.mark.parametrize(
    "data",
    [
        b'{"recording":2,"schema":1,"ringward":"\\u001b[2J"}\n',
        recorded().splitlines(keepends=True)[0]
        + recorded(event()).splitlines()[1].replace(b"finit_module", b"\\u001b[2J"),
    ],
)
def test_what_an_error_quotes_does_nothing_to_a_terminal(data: bytes) -> None:
    data += b"" if data.endswith(b"\n") else b"\n"
    with pytest.raises(RecordingError, match=r"\\x1b\[2J") as raised:
        list(Recording(io.BytesIO(data), "file").events())
    assert str(raised.value).isprintable()


def lines_of(*events: Event) -> list[bytes]:
    return recorded(*events).splitlines(keepends=True)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"garbage\n", "file:3: not an event"),
        (b"\n", "file:3: not an event"),
        (b'{"v":2,"event":"x"}\n', "file:3: not an event"),
        (b'{"end":1}\n', "file:3: the last line is not as recordings have it"),
        (b'{"end":1,"events":9,"filtered":0,"lost":0}\n', "file:3: the last line counts 9 events, the file has 1"),
    ],
)
def test_a_corrupt_line_stops_the_reading_there(line: bytes, reason: str) -> None:
    lines = lines_of(event(seq=1), event(seq=2))
    lines[2] = line
    _, found, error = read(b"".join(lines))
    assert [one.seq for one in found] == [1]
    assert isinstance(error, RecordingError)
    assert str(error).startswith(reason)


def test_lines_that_were_taken_out_are_noticed() -> None:
    lines = lines_of(event(seq=1), event(seq=2))
    del lines[1]
    assert (
        str(read(b"".join(lines))[2]) == "file:3: the last line counts 2 events, the file has 1: lines were taken out"
    )


def test_nothing_may_stand_behind_the_end() -> None:
    error = read(recorded(event()) + b'{"v":1}\n')[2]
    assert str(error) == "file:4: there is more behind the last line of the recording"


def test_a_line_without_end_does_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    from ringward.output import recording

    monkeypatch.setattr(recording, "LONGEST_LINE", 4096)
    error = read(b"".join(lines_of(event())[:1]) + b'"' + b"x" * 10_000)[2]
    assert isinstance(error, RecordingError)
    assert "file:2: the line is longer than" in str(error)


def test_batches() -> None:
    assert [len(batch) for batch in batches(iter(every_event()[:5]), 2)] == [2, 2, 1]
