"""Starts and ends of programs in any batch: told by their lines they are, byte for byte, what their events are."""

from __future__ import annotations

from ringward.sensor import process_table, programs
from ringward.sensor.decode import DecodeError
from tests.sensor.kernel_records import batch
from tests.sensor.written import Written

COVERS = (programs.Programs, process_table.ProcessTable)
FLOOR = 60
RUNS = 400
NATIVE = ("ringward.sensor._native",)


def _begun() -> Written:
    """Return what has told of the same program three times, and knows its lines."""
    written = Written()
    for _ in range(3):
        written.feed(*written.life(), look=False)
    return written


def seeds() -> list[bytes]:
    one = _begun()
    lives = [*one.life(), *one.life("y"), *one.life(code=1), *one.life()]
    first, second = lives[:3], lives[9:]
    return [
        batch(*lives),
        batch(first[0], second[0], first[1], second[1], second[2], first[2]),
        batch(*first, first[2]),
    ]


def one(data: bytes) -> None:
    written = _begun()
    try:
        list(written.plain.decoder.records(data))
    except DecodeError:
        return
    written.feed_batch(data)
    written.feed(*written.life())
