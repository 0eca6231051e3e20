from __future__ import annotations

import hashlib
import json

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringward.trust import schema
from ringward.trust.entry import Entry, Item, Kind, Source, Who
from ringward.trust.exchange import LONGEST, ExchangeError, export, take
from tests.trust.test_rows import ENTRY

WHO = Who(7, 8, 900)
VALIDATOR = jsonschema.Draft202012Validator(schema.schema())
ENTRIES = [
    ENTRY,
    Entry(Item(b"a" * 32, "script", "/x"), "hand", Who(None, 0, 1)),
    Entry(Item(b"b" * 32, "program", ""), "approved", Who(None, 0, 1)),
]


def written(*entries: Entry) -> list[bytes]:
    return list(export(entries, 100))


def test_what_is_written_is_taken() -> None:
    taken = take(written(*ENTRIES), WHO, "from a")
    assert [one.item for one in taken] == [one.item for one in ENTRIES]
    assert {one.source for one in taken} == {Source.IMPORT}
    assert {one.who for one in taken} == {WHO}
    assert [one.reason for one in taken] == [
        "from a; there: dpkg, because",
        "from a; there: hand",
        "from a; there: approved",
    ]


def test_every_line_is_as_the_schema_says() -> None:
    for line in written(*ENTRIES):
        VALIDATOR.validate(json.loads(line))


def test_an_entry_that_is_there_twice_is_taken_once() -> None:
    assert len(take(written(ENTRY, ENTRY, ENTRY._replace(source="hand")), WHO, "")) == 1


def sealed(*lines: bytes, count: int | None = None) -> list[bytes]:
    """Return a file with these lines, whose end fits."""
    head = written()[0]
    body = b"".join(lines)
    end = {
        "ringward": "end",
        "entries": len(lines) if count is None else count,
        "sha256": hashlib.sha256(body).hexdigest(),
    }
    return [head, *lines, json.dumps(end, separators=(",", ":")).encode() + b"\n"]


def line(**change: object) -> bytes:
    table = json.loads(written(ENTRIES[1])[1]) | change
    return json.dumps({key: value for key, value in table.items() if value is not None}).encode() + b"\n"


@pytest.mark.parametrize(
    ("lines", "number", "why"),
    [
        ([], 1, "the file is empty"),
        (written(ENTRY)[:1], 2, "the end is missing"),
        (written(ENTRY)[:2], 3, "the end is missing"),
        (written(ENTRY)[1:], 1, "not what `ringward trust export` writes"),
        ([b"rubbish\n"], 1, "not what"),
        ([b"\xff\n"], 1, "not what"),
        ([b'{"ringward":"trust","v":2,"exported":""}\n'], 1, "version 2, this Ringward takes 1"),
        ([*written(ENTRY)[:-1], written()[-1]], 3, "0 entries were written, 1 are here"),
        ([*written(ENTRY), b"\n"], 4, "more behind the end"),
        (
            [written(ENTRY)[0], written(ENTRY)[1].replace(b"because", b"becausE"), written(ENTRY)[2]],
            3,
            "or they were changed",
        ),
        ([*written(ENTRY)[:-1], written(ENTRY)[-1].rstrip()], 3, "cut off"),
        ([written()[0], b"x" * (LONGEST + 1)], 2, "longer than"),
        (sealed(line(digest="ab")), 2, "digest is not 64"),
        (sealed(line(digest="AB" * 32)), 2, "digest is not 64"),
        (sealed(line(digest="zz" * 32)), 2, "non-hexadecimal"),
        (sealed(line(digest=None)), 2, "digest"),
        (sealed(line(kind="firmware")), 2, "no kind 'firmware'"),
        (sealed(line(path="relative")), 2, "path is not absolute"),
        (sealed(line(path="/a\0b")), 2, "NUL"),
        (sealed(line(path="/" * 5000)), 2, "longer than 4096"),
        (sealed(line(path_bytes="7")), 2, "hex"),
        (sealed(line(uid="root")), 2, "uid"),
        (sealed(b"[1, 2]\n"), 2, "object"),
        (sealed(b"[" * 60000 + b"\n"), 2, ""),
    ],
)
def test_a_file_that_is_wrong_anywhere_is_not_taken(lines: list[bytes], number: int, why: str) -> None:
    with pytest.raises(ExchangeError) as caught:
        take(lines, WHO, "")
    assert caught.value.line == number
    assert why in str(caught.value)


def test_members_that_are_not_known_are_passed_over() -> None:
    (one,) = take(sealed(line(later="added")), WHO, "")
    assert one.item == ENTRIES[1].item


@given(st.data())
def test_no_damage_goes_unnoticed(data: st.DataObject) -> None:
    whole = b"".join(written(*ENTRIES))
    at = data.draw(st.integers(0, len(whole) - 1))
    how = data.draw(st.sampled_from(["cut", "flip", "lose"]))
    if how == "cut":
        damaged = whole[:at]
    elif how == "flip":
        damaged = whole[:at] + bytes([whole[at] ^ 1 << data.draw(st.integers(0, 7))]) + whole[at + 1 :]
    else:
        damaged = whole[:at] + whole[at + 1 :]
    try:
        taken = take(damaged.splitlines(keepends=True), WHO, "")
    except ExchangeError:
        return
    # Head and end are not sealed: the time of the export, and letters of hexadecimal digits in capitals.
    assert [one.item for one in taken] == [one.item for one in ENTRIES]


PATHS = st.binary(max_size=20).map(lambda data: "/" + data.replace(b"\0", b"").decode("utf-8", "surrogateescape"))


DIGESTS = st.binary(min_size=32, max_size=32)


@given(st.lists(st.tuples(DIGESTS, st.sampled_from(Kind), PATHS), unique_by=lambda item: item[0]))
def test_any_path_survives(made: list[tuple[bytes, Kind, str]]) -> None:
    items = [Item(*each) for each in made]
    taken = take(written(*(Entry(item, "hand", WHO) for item in items)), WHO, "")
    assert [one.item for one in taken] == items
