"""Records of the ring buffer: of any batch the native decoder says what the one in Python says."""

from __future__ import annotations

from ringward.events import fields
from ringward.sensor import decode
from tests.sensor.kernel_records import batch
from tests.sensor.test_decode import RECORDS, a_record, both

COVERS = (decode.Reference, decode.compile_record, fields)
FLOOR = 95
RUNS = 4000
NATIVE = ("ringward.sensor._native",)


def seeds() -> list[bytes]:
    return [batch(a_record(name)) for name in RECORDS]


def one(data: bytes) -> None:
    both(data)
