from __future__ import annotations

import gc
import json
from collections.abc import Iterator

import msgspec
import pytest
from hypothesis import given

from ringward.events import BY_NAME, Event, Process
from ringward.events.context import SCHEMA_VERSION
from ringward.output import jsonl
from ringward.output.jsonl import EventDecoder, JsonLines, LineError
from tests.output.event_factory import event, every_event, hostile_events, load, process


def encode(*events: Event) -> bytes:
    return bytes(JsonLines().encode(events))


def test_a_line_is_the_version_and_the_members_of_the_event() -> None:
    for made in every_event():
        found = json.loads(encode(made))
        assert next(iter(found)) == "v"
        assert found.pop("v") == SCHEMA_VERSION
        assert found == json.loads(msgspec.json.encode(made))


def test_lines_are_what_msgspec_writes_byte_for_byte() -> None:
    for made in every_event():
        assert encode(made, made) == 2 * (b'{"v":1,' + msgspec.json.encode(made)[1:] + b"\n")


@given(hostile_events())
def test_hostile_lines_are_what_msgspec_writes(made: Event) -> None:
    try:
        line = msgspec.json.encode(made)
    except UnicodeEncodeError:
        with pytest.raises(UnicodeEncodeError):
            encode(made)
        return
    assert encode(made) == b'{"v":1,' + line[1:] + b"\n"


class Odd(msgspec.Struct, tag=True):
    x: int = 1


class Renamed(msgspec.Struct, rename="camel", omit_defaults=True):
    some_name: int = 1
    other: tuple[int, ...] = ()
    more: dict[str, int] = {}
    items: list[int] = []


class Rows(msgspec.Struct, array_like=True):
    x: int = 1


DEEP: list[object] = []
for _ in range(40):
    DEEP = [DEEP]


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        False,
        0,
        -1,
        (1 << 63) - 1,
        -(1 << 63),
        (1 << 64) - 1,
        1.5,
        "".join(map(chr, range(0x180))),
        "\U0001f600\u2028",
        "x" * 100_000,
        (),
        [],
        {},
        {1: 2},
        {"a": {"b": (1, [2, {"c": None}])}, "d\n": ()},
        DEEP,
        tuple(DEEP),
        Odd(),
        Rows(5),
        Renamed(),
        Renamed(2, (1,), {"a": 1}, [3]),
        b"bytes",
        {3, 4},
        Odd,
    ],
    ids=lambda value: repr(value)[:20],
)
def test_any_value_is_written_as_msgspec_writes_it(value: object) -> None:
    made = event(result=value)
    try:
        line = msgspec.json.encode(made)
    except TypeError:
        with pytest.raises(TypeError):
            encode(made)
        return
    assert encode(made) == b'{"v":1,' + line[1:] + b"\n"


def test_what_is_no_event_is_refused_and_the_next_is_written() -> None:
    lines = JsonLines()
    for wrong in (None, [None], [event(), "x"], [process()]):
        with pytest.raises(TypeError):
            lines.encode(wrong)  # type: ignore[arg-type]
    assert lines.encode([]) == b""
    assert lines.encode(one for one in [event()]) == encode(event())


def test_a_source_that_fails_or_encodes_itself_leaves_the_encoder_usable() -> None:
    lines = JsonLines()

    def source(fault: object) -> Iterator[Event]:
        yield event()
        if fault is lines:
            lines.encode([event()])
        raise LookupError

    for fault, error in ((None, LookupError), (lines, RuntimeError)):
        with pytest.raises(error):
            lines.encode(source(fault))
    assert lines.encode([event()]) == encode(event())


def test_one_event_one_line() -> None:
    data = encode(*every_event())
    assert data.endswith(b"\n")
    assert data.count(b"\n") == len(every_event())


def test_events_come_back_as_they_were() -> None:
    decode = EventDecoder()
    for made in every_event():
        back = decode(encode(made))
        assert back == made
        assert type(back.args) is BY_NAME[made.event]


@given(hostile_events())
def test_hostile_events_come_back_as_they_were(made: Event) -> None:
    try:
        line = encode(made)
    except UnicodeEncodeError:
        # Lone surrogates cannot be in an event: bytes that are no UTF-8 become \xNN when they are decoded.
        assert any("\ud800" <= char <= "\udfff" for char in str(made))
        return
    assert line.count(b"\n") == 1
    assert EventDecoder()(line) == made


def test_the_encoder_leaves_the_event_alone() -> None:
    made = event()
    before = (made.process, made.tags)
    encode(made)
    assert made.process is before[0]
    assert made.tags is before[1]


def alive() -> int:
    return sum(isinstance(one, Process) for one in gc.get_objects())


def test_shared_objects_are_encoded_once_and_others_are_not_mistaken_for_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(jsonl, "KEPT", 8)
    lines = JsonLines()
    before = alive()
    for number in range(100):
        # Each is freed before the next is made, so that ids come again.
        made = event(process=process(pid=number), tags={"fd": (str(number),)})
        found = json.loads(lines.encode([made, made]).splitlines()[1])
        assert (found["process"]["pid"], found["tags"]["fd"]) == (number, [str(number)])
        assert alive() - before <= 8 + 1


def test_lines_of_one_process_share_it_after_reading() -> None:
    decode = EventDecoder()
    shared = process()
    first, second = (decode(line) for line in encode(event(process=shared), event(process=shared)).splitlines())
    assert first.process is second.process
    assert first.tags is second.tags


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda _line: b"nonsense", "not an event"),
        (lambda line: line[: len(line) // 2], "not an event"),
        (lambda line: line.replace(b'"v":1', b'"v":2'), "schema 2; this Ringward reads schema 1"),
        (
            lambda line: line.replace(b'"finit_module"', b'"finit_modul"', 1),
            "'finit_modul', which this Ringward does not",
        ),
        (lambda line: line.replace(b'"fd":3', b'"fd":"3"'), "Expected `int`"),
        (lambda line: line.replace(b'"pid":4321', b'"pid":null'), "Expected `int`"),
        (lambda line: line.replace(b"modprobe", b"\xff\xfe", 1), "not an event"),
        (lambda line: b"\xff" + line, "not an event"),
        (lambda _line: b"[1]", "not an event"),
    ],
)
def test_a_line_that_is_no_event_says_why(change: object, reason: str) -> None:
    line = encode(event(load=load())).rstrip()
    assert callable(change)
    changed = change(line)
    assert changed != line
    with pytest.raises(LineError, match=reason):
        EventDecoder()(changed)
