from __future__ import annotations

import gc
import json
import sys
import threading
from collections.abc import Iterator

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringward.events import BY_NAME, Ancestor, Difference, Event, FileId, Load, Need, Origin, Process
from ringward.events.context import SCHEMA_VERSION
from ringward.output import _lines, jsonl
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
        assert encode(made, made) == 2 * (b'{"v":2,' + msgspec.json.encode(made)[1:] + b"\n")


@given(hostile_events())
def test_hostile_lines_are_what_msgspec_writes(made: Event) -> None:
    try:
        line = msgspec.json.encode(made)
    except UnicodeEncodeError:
        with pytest.raises(UnicodeEncodeError):
            encode(made)
        return
    assert encode(made) == b'{"v":2,' + line[1:] + b"\n"


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
    assert encode(made) == b'{"v":2,' + line[1:] + b"\n"


def test_a_character_is_escaped_wherever_it_stands() -> None:
    texts = tuple(
        "x" * before + chr(one) + "y" * after
        for one in (*range(0x30), 0x5B, 0x5C, 0x5D, 0x7E, 0x7F, 0x80, 0xDC, 0xFF, 0x2022)
        for before in range(10)
        for after in range(10)
    )
    made = event(result=texts)
    assert encode(made) == b'{"v":2,' + msgspec.json.encode(made)[1:] + b"\n"


def test_arguments_that_come_again_are_written_each_time() -> None:
    one, other = event(), event(args=event().args)
    again = event(args=one.args)
    lines = JsonLines()
    wanted = [b'{"v":2,' + msgspec.json.encode(made)[1:] for made in (one, again, other, again)]
    assert lines.encode([one, again, other, again]).splitlines() == wanted
    assert lines.encode([again, other]).splitlines() == [wanted[1], wanted[2]]


@pytest.mark.parametrize("key", [b"", None])
def test_a_member_without_a_key_is_refused(key: bytes | None) -> None:
    def describe(cls: type) -> dict[str, tuple[object, ...]]:
        return dict.fromkeys(cls.__struct_fields__, (key, (), False, False))  # type: ignore[attr-defined]

    with pytest.raises((ValueError, TypeError)):
        _lines.Lines(Event, msgspec.json.encode, describe, b"{", 8)  # type: ignore[arg-type]


TEXTS = (
    st.text(max_size=20)
    | st.text(st.characters(max_codepoint=0xFF), max_size=20)
    | st.text(st.characters() | st.characters(categories=["Cs"]), max_size=6)
    | st.sampled_from(
        ["\ud83d\ude00", "a\udcff", "\x00\x1f\x7f\x80\u2028\u2029", '"\\/\b\f\n\r\t', "\U0010ffff" * 9, "x" * 5000]
    )
)
EDGES = [edge + near for edge in (0, 1 << 31, 1 << 32, 1 << 53, 1 << 63, 1 << 64) for near in (-1, 0, 1)]
NUMBERS = st.sampled_from([*EDGES, *(-edge for edge in EDGES)]) | st.integers(-(1 << 70), 1 << 70)
PLAIN = st.none() | st.booleans() | NUMBERS | TEXTS
ANCESTORS = st.builds(Ancestor, TEXTS, NUMBERS, st.none() | TEXTS, unread=st.none() | TEXTS)
ORIGINS = st.builds(Origin, TEXTS, TEXTS, st.none() | TEXTS, requester=st.none() | ANCESTORS)
STRUCTS = (
    st.builds(FileId, st.none() | TEXTS, TEXTS, NUMBERS, NUMBERS, st.booleans())
    | ANCESTORS
    | st.builds(Load, TEXTS, st.none() | ORIGINS, uses=st.lists(st.builds(Need, TEXTS, st.none() | TEXTS)).map(tuple))
)
VALUES = st.recursive(
    PLAIN | STRUCTS | st.floats(),
    lambda inner: (
        st.lists(inner, max_size=4).map(tuple)
        | st.lists(inner, max_size=4)
        | st.dictionaries(TEXTS, inner, max_size=4)
        | st.dictionaries(NUMBERS, inner, max_size=2)
        | st.builds(Difference, TEXTS, inner, inner)
    ),
    max_leaves=12,
)


def same(made: Event, lines: JsonLines) -> None:
    """Check that an event is encoded, or refused, as msgspec does it."""
    try:
        line = msgspec.json.encode(made)
    except (UnicodeEncodeError, OverflowError, TypeError, ValueError) as error:
        with pytest.raises(type(error)):
            lines.encode([made])
        return
    assert lines.encode([made]) == b'{"v":2,' + line[1:] + b"\n"


@given(VALUES, VALUES)
def test_any_nesting_is_written_as_msgspec_writes_it(one: object, two: object) -> None:
    same(event(result=one, differences=(Difference("x", two, one),)), JsonLines())


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(1 << 63), (1 << 64) - 1) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)


@given(JSON)
def test_json_of_the_standard_library_reads_what_was_written(value: object) -> None:
    """A second witness: not one of msgspec's own reading."""
    assert json.loads(encode(event(result=(value,))))["result"] == [value]


@settings(max_examples=25, deadline=None)
@given(st.lists(VALUES, min_size=1, max_size=8))
def test_two_threads_do_not_disturb_each_other(values: list[object]) -> None:
    made = [event(result=value, process=process(pid=number)) for number, value in enumerate(values)]
    faults: list[BaseException] = []

    def run() -> None:
        lines = JsonLines()
        try:
            for _ in range(10):
                for one in made:
                    same(one, lines)
        except BaseException as error:  # noqa: BLE001 - a thread's failure is the test's
            faults.append(error)

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    threads = [threading.Thread(target=run) for _ in range(2)]
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(before)
    assert faults == []


def test_one_encoder_in_two_threads_refuses_the_second_and_loses_nothing() -> None:
    lines, made = JsonLines(), every_event()
    expected = encode(*made)
    inside, over = threading.Event(), threading.Event()
    found: list[bytes] = []

    def slowly() -> Iterator[Event]:
        for number, one in enumerate(made):
            if number == 1:
                inside.set()
                over.wait()
            yield one

    thread = threading.Thread(target=lambda: found.append(lines.encode(slowly())))
    thread.start()
    inside.wait()
    try:
        with pytest.raises(RuntimeError, match="encoding already"):
            lines.encode(made)
    finally:
        over.set()
        thread.join()
    assert found == [expected]
    assert lines.encode(made) == expected


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
        (lambda line: line.replace(b'"v":2', b'"v":3'), "schema 3; this Ringward reads schema 1 and 2"),
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
