from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringward.kmod.der import INTEGER, OCTETS, SEQUENCE, DerError, Items, Value
from tests.kmod.signing import der


def value(data: bytes) -> Value:
    return Value(data, 0, len(data), "it")


@pytest.mark.parametrize("size", [0, 1, 127, 128, 255, 256, 65535, 65536])
def test_lengths(size: int) -> None:
    data = der(OCTETS, bytes(size))
    assert value(data).contents == bytes(size)
    assert value(data).end == len(data)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "is missing"),
        (b"\x04", "is missing"),
        (b"\x04\x80", "not DER's"),
        (b"\x04\x85\0\0\0\0\1a", "not DER's"),
        (b"\x04\x82\1", "not DER's"),
        (b"\x04\x02a", "cut off"),
        (b"\x04\x84\xff\xff\xff\xffa", "cut off"),
        (b"\x1f\x81\x01a", "not DER's"),
    ],
)
def test_faults(data: bytes, why: str) -> None:
    with pytest.raises(DerError, match=why) as found:
        value(data)
    assert 0 <= found.value.offset <= len(data)


def test_a_value_ends_within_the_one_that_holds_it() -> None:
    data = der(SEQUENCE, b"\x04\x05ab") + b"cde"
    with pytest.raises(DerError, match="cut off"):
        value(data).items("it")


def test_items() -> None:
    items = Items(value(der(SEQUENCE, der(INTEGER, b"\1"), der(OCTETS, b"x"))))
    assert items.maybe(OCTETS, "text") is None
    assert items.take(INTEGER, "number").contents == b"\1"
    with pytest.raises(DerError, match="number has tag 0x4, not 0x2"):
        items.take(INTEGER, "number")
    found = items.maybe(OCTETS, "text")
    assert found is not None
    assert found.contents == b"x"
    assert items.maybe(OCTETS, "text") is None
    with pytest.raises(DerError, match="text is missing"):
        items.take(OCTETS, "text")


@given(st.binary(max_size=40))
def test_any_bytes(data: bytes) -> None:
    offset = 0
    try:
        found = value(data)
        assert found.start <= found.end <= len(data)
        assert b"".join(data[one.whole : one.end] for one in found.items("x")) == found.contents
    except DerError as error:
        offset = error.offset
    assert 0 <= offset <= len(data)
