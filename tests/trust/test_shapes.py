from __future__ import annotations

import msgspec
import pytest

from ringward.trust import shapes
from ringward.trust.compare import Mismatch, State
from ringward.trust.entry import Entry, Item, Pending, Who
from tests.trust.test_rows import ENTRY, ITEM


def test_an_entry() -> None:
    shape = shapes.trusted(ENTRY)
    assert shape.digest == ITEM.digest.hex()
    assert shape.path == "/usr/\\udcff \u00e9\n".replace("\\udcff", "\\xff")
    assert shape.added == "1970-01-01T00:01:40Z"
    assert shapes.entry(msgspec.json.decode(msgspec.json.encode(shape), type=shapes.Trusted), ENTRY.who) == ENTRY


def test_what_is_missing_is_null() -> None:
    shape = shapes.trusted(Entry(Item(b"a" * 32, "script", ""), "hand", Who(None, 0, 1)))
    assert msgspec.to_builtins(shape) == {
        "digest": "61" * 32,
        "kind": "script",
        "source": "hand",
        "uid": 0,
        "added": "1970-01-01T00:00:01Z",
    }
    assert shapes.item(shape) == Item(b"a" * 32, "script", "")


def test_what_waits() -> None:
    shape = shapes.waiting(Pending(ITEM, "denied", "refused \udcff", 100, 200, 3))
    assert (shape.seen, shape.why, shape.times) == ("denied", "refused \\xff", 3)
    assert shape.last == "1970-01-01T00:03:20Z"


def test_a_mismatch() -> None:
    assert shapes.differs(Mismatch(State.MISSING, ITEM)).why is None
    assert shapes.differs(Mismatch(State.NEW, ITEM, "why")).state == "new"


@pytest.mark.parametrize("digest", ["", "ab", "x" * 64, "AB" * 32, "ab " * 32])
def test_a_digest_that_is_none(digest: str) -> None:
    with pytest.raises(ValueError, match="hexadecimal"):
        shapes.item(shapes.Code(digest=digest, kind="script"))
