"""A target that does what a parser must not, one thing for each first byte: shows that the fuzzing tells."""

from __future__ import annotations

from zlib import crc32

COVERS = ()
FLOOR = 0
SECONDS = 0.2


def reads(data: bytes) -> bool:
    """Return whether an input is ``magic``, looked at byte by byte."""
    if data[:1] == b"m" and data[1:2] == b"a":
        if data[2:3] == b"g" and data[3:4] == b"i":
            return data[4:5] == b"c"
        return False
    return False


def seeds() -> list[bytes]:
    return [b"nothing"]


def one(data: bytes) -> None:
    if reads(data):
        raise ValueError("a fault that nobody declared")
    # By their sums, so that no fuzzer finds these.
    key = crc32(data)
    if key == crc32(b"slow"):
        sum(range(50_000_000))
    if key == crc32(b"large"):
        bytes(1 << 30)
    while key == crc32(b"endless"):
        pass
